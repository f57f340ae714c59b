#!/usr/bin/env bash
# Counts the instructions of a training step and compares them with the recorded figure: a slower step
# shows on a busy machine too. One thread, a small network, compiled for x86-64-v3, run by valgrind (which
# knows AVX2 and not AVX-512): the count is the same on every machine, for one compiler and one version of
# its libraries.
#   bench/instructions.sh            exit code 1 when a step takes over 2 % more than recorded
#   bench/instructions.sh --record   writes the count to bench/results/instructions.json
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
if [[ $# -gt 1 || ( $# -eq 1 && $1 != --record ) ]]; then
  echo "error: unknown options '$*'; the only one is --record" >&2
  exit 1
fi

build=$root/build/instructions
"$root/tools/install_dependencies.sh" valgrind python3
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DINPAINT_NATIVE=OFF -DINPAINT_TESTS=OFF \
  -DINPAINT_CUDA=OFF -DCMAKE_CXX_FLAGS=-march=x86-64-v3 >/dev/null
cmake --build "$build" -j "$(nproc)" --target bench_train

exec python3 "$root/bench/instructions.py" "$build" "$@"
