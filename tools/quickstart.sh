#!/usr/bin/env bash
# From a fresh machine to a trained and scored model: installs what is missing, builds, makes a data set of
# procedural pictures, trains a small model on it, scores it. Run again, it goes on where it was. Everything
# it makes lies in out/quickstart.
set -euo pipefail

usage() {
  cat <<'USAGE'
tools/quickstart.sh [--help]

Installs what is missing (through sudo where that is needed), builds into build/quickstart, makes a set of
procedural pictures, trains a small model on it and scores it. All it makes lies in out/quickstart. Run again,
it goes on where it was.

INPAINT_QUICKSTART_STEPS=N tools/quickstart.sh trains N steps, not 1500.
USAGE
}

for argument in "$@"; do
  case $argument in
    -h | --help)
      usage
      exit 0
      ;;
    *)
      echo "error: unexpected '$argument'; tools/quickstart.sh takes no settings but --help" >&2
      exit 1
      ;;
  esac
done

cd "$(dirname "$0")/.."

steps=${INPAINT_QUICKSTART_STEPS:-1500} # training steps; fewer for a quick look
out=out/quickstart
bin=build/quickstart/bin

echo "== Installing what is missing"
tools/install_dependencies.sh

echo "== Building"
cmake -S . -B build/quickstart -G Ninja -DCMAKE_BUILD_TYPE=Release -DINPAINT_TESTS=OFF -DINPAINT_BENCH=OFF >/dev/null
cmake --build build/quickstart -j "$(nproc)"

mkdir -p $out
if [[ ! -e $out/data/quickstart64_train.bin ]]; then
  echo "== Making pictures"
  $bin/inpaint_data generate --dataname quickstart --data_root $out/data --image_size 64 --image_channel 3 --count 4000
fi

cat >$out/run.cfg <<CFG
# The settings of the quick start; every flag: $bin/inpaint_train --help
model=harmonic_unet
dataname=quickstart
image_size=64
max_steps=$steps
data_root=$out/data
checkpoint_root=$out/checkpoints
log_root=$out/logs
sample_root=$out/samples
CFG

echo "== Training"
$bin/inpaint_train --flags-file $out/run.cfg

echo "== Scoring on pictures the model has not seen"
$bin/inpaint_eval --checkpoint $out/checkpoints/quickstart64/gpu0 --data $out/data/quickstart64_test.bin \
  --holes mixed --out $out/scores --report $out/report.html

echo
echo "Look at:"
echo "  $out/report.html                        what the model is worth: scores, curves, pictures"
echo "  $out/samples/quickstart64/gpu0/train/   <epoch>_0.png the pictures, _1.png filled, _2.png with holes"
echo "  $out/scores/                            the best, median and worst fills; scores.json, scores.csv"
echo
echo "Fill a picture of your own:"
echo "  $bin/inpaint_fill PICTURE --mask MASK      or --box x,y,width,height; all flags: --help"
echo "  $bin/inpaint_serve                         a page to mark what should go"
