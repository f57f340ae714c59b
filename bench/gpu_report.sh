#!/usr/bin/env bash
# Everything there is to measure on a machine with an NVIDIA GPU, in one command: bench/gpu_report.sh
# [OPTIONS] (--help lists them). Needs CUDA, cuDNN and, for the comparison, PyTorch, which it installs
# into .venv/peer.
#   --dry_run     no GPU: the CUDA code built for the CPU (INPAINT_CUDA=EXECUTOR) runs what can run there, and
#                 all else is reported as not measured
#   --no_build    the programs are built already
#   --no_peer     leave PyTorch out
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
PATH=$PATH:/usr/local/cuda/bin

dry_run=0 build_programs=1 peer=1 arguments=()
for argument in "$@"; do
  case "$argument" in
    --dry_run) dry_run=1 peer=0 arguments+=(--dry_run) ;;
    --no_build) build_programs=0 ;;
    --no_peer) peer=0 ;;
    *) arguments+=("$argument") ;;
  esac
done

build=$root/build/cuda-release options=(-DINPAINT_CUDA=ON -DCMAKE_CUDA_ARCHITECTURES=native)
[[ $dry_run -eq 0 ]] || build=$root/build/executor options=(-DINPAINT_CUDA=EXECUTOR)
if [[ $build_programs -eq 1 ]]; then
  "$root/tools/install_dependencies.sh" python3
  cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release "${options[@]}" >/dev/null
  cmake --build "$build" -j "$(nproc)" \
    --target kernels_tests cuda_training_tests bench_kernels bench_train inpaint_train_program inpaint_eval
fi
if [[ $peer -eq 1 ]]; then
  # Without PyTorch its parts fail, and all others are measured.
  "$root/bench/install_peer.sh" || echo "error: PyTorch could not be installed" >&2
  arguments+=(--peer "$root/.venv/peer/bin/python")
  export TORCHINDUCTOR_CACHE_DIR=$root/.venv/peer/inductor
fi
exec python3 "$root/bench/gpu_report.py" --bin "$build/bin" "${arguments[@]}"
