#!/usr/bin/env bash
# Builds the programs with nvcc and links them with the real CUDA runtime, cuDNN, cuBLASLt and NCCL, for one
# architecture (90 unless told): warnings are errors. Then cuDNN plans every convolution for GPUs that are
# described to it. No GPU is needed.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/local/cuda/bin
command -v nvcc >/dev/null || {
  echo "error: nvcc was not found; install the CUDA toolkit, or put its bin folder into PATH" >&2
  exit 1
}
tools/install_dependencies.sh
export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$PWD} CCACHE_NOHASHDIR=1 # as in tests/run.sh
cmake -S . -B build/cuda -G Ninja -DCMAKE_BUILD_TYPE=Release -DINPAINT_CUDA=ON \
  -DCMAKE_CUDA_ARCHITECTURES="${1:-90}" -DINPAINT_WERROR=ON -DINPAINT_NCCL=ON
cmake --build build/cuda -j "$(nproc)" --target inpaint_train_program inpaint_eval inpaint_data inpaint_shared \
  inpaint_nccl cudnn_plans_tests bench_kernels
build/cuda/bin/cudnn_plans_tests
