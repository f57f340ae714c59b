#!/usr/bin/env bash
# Everything there is to measure on a machine with an NVIDIA GPU, in one command: bench/gpu_report.sh [OPTIONS]
# (--help lists them). Needs CUDA, cuDNN and, for the comparison, PyTorch, which it installs into .venv/peer.
#   --dry_run     no GPU: the CUDA code built for the CPU (INPAINT_CUDA=EXECUTOR) runs what can run there, and all else
#                 is reported as not measured
#   --no_build    the programs are built already
#   --no_peer     leave PyTorch out
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

dry_run=0 build_programs=1 peer=1 arguments=()
for argument in "$@"; do
  case "$argument" in
    --dry_run) dry_run=1 arguments+=(--dry_run) ;;
    --no_build) build_programs=0 ;;
    --no_peer) peer=0 arguments+=(--no_peer) ;;
    *) arguments+=("$argument") ;;
  esac
done

build=$root/build/cuda-release cuda=ON
[[ $dry_run -eq 1 ]] && build=$root/build/executor cuda=EXECUTOR peer=0 && arguments+=(--no_peer)
if [[ $build_programs -eq 1 ]]; then
  "$root/tools/install_dependencies.sh" python3
  options=()
  [[ $dry_run -eq 0 ]] && options=(-DCMAKE_CUDA_ARCHITECTURES=native)
  cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release "-DINPAINT_CUDA=$cuda" "${options[@]}" >/dev/null
  cmake --build "$build" -j "$(nproc)"
fi
python=python3
if [[ $peer -eq 1 ]]; then
  "$root/bench/install_peer.sh"
  python=$root/.venv/peer/bin/python
fi
exec "$python" "$root/bench/gpu_report.py" --bin "$build/bin" "${arguments[@]}"
