#!/usr/bin/env bash
# Trains the built-in model anew; see usage below.
set -euo pipefail

usage() {
  cat <<'USAGE'
tools/train_built_in_model.sh BIN FACADES FLOWERS OUT [MINUTES]

Trains the model that the programs bring with them (train/fill/models/README.md names its pictures and their
licences) and writes OUT/built-in.safetensors.

BIN       folder of the programs
FACADES   folder with photographs of fronts, and train.txt, val.txt and test.txt, lists of their paths
FLOWERS   likewise, of flowers
OUT       folder for data sets, checkpoints and logs; started again, the run goes on where it was
MINUTES   how long to train; 92 when not given
USAGE
}

case ${1:-} in
  -h | --help)
    usage
    exit 0
    ;;
esac
if [[ $# -lt 4 || $# -gt 5 ]]; then
  usage >&2
  exit 1
fi

bin=$(realpath "$1") facades=$(realpath "$2") flowers=$(realpath "$3") minutes=${5:-92}
mkdir -p "$4"
cd "$4"

# Squares of 128 x 128 in colour: twelve of each front, four of each flower, and procedural pictures.
convert() { # NAME FOLDER OPTION...
  local name=$1 folder=$2
  shift 2
  [[ -e data/${name}128_train.bin ]] ||
    "$bin/inpaint_data" convert "$folder" --dataname "$name" --image_size 128 --image_channel 3 "$@" \
      --train_list "$folder/train.txt" --validate_list "$folder/val.txt" --test_list "$folder/test.txt"
}
convert facades "$facades" --random_crops 12
convert flowers "$flowers" --random_crops 4 --smallest_crop 0.75
[[ -e data/procedural128_train.bin ]] ||
  "$bin/inpaint_data" generate --count 4368 --dataname procedural --image_size 128 --image_channel 3 \
    --train_share 0.9772 --validate_share 0.0114 --seed 7
for part in train validate; do
  [[ -e data/mix128_$part.json ]] && continue
  cat data/{facades,flowers,procedural}128_$part.bin >data/mix128_$part.bin
  "$bin/inpaint_data" describe data/mix128_$part.bin --image_size 128 --image_channel 3
done

cat >run.cfg <<CFG
model=harmonic_unet
dataname=mix
image_size=128
precision=bf16
minutes=$minutes
CFG
"$bin/inpaint_train" --flags-file run.cfg
"$bin/inpaint_export" --checkpoint checkpoints/mix128/gpu0 --weights built-in.safetensors
