#!/usr/bin/env bash
# Sets up, builds and runs all tests. Options:
#   --sanitize address,undefined | thread   build with sanitizers (the C++ tests only)
#   --werror                                warnings are errors, as they are with sanitizers
#   --coverage                              report the line coverage of core, kernels, nn and train
#   --nightly                               the long forms of the proofs: hours instead of minutes
#   --no-parity                             leave out the comparison with the independent implementation
set -euo pipefail
cd "$(dirname "$0")/.."

sanitize='' coverage=0 parity=1 werror=()
while [[ $# -gt 0 ]]; do
  case "$1" in
    --sanitize)
      sanitize=${2:?"--sanitize needs a list of sanitizers"}
      parity=0
      shift
      ;;
    --werror) werror=(-DINPAINT_WERROR=ON) ;;
    --coverage) coverage=1 parity=0 ;;
    --nightly) export INPAINT_NIGHTLY=1 ;;
    --no-parity) parity=0 ;;
    *)
      echo "error: unknown option '$1'; options: --sanitize LIST, --werror, --coverage, --nightly, --no-parity" >&2
      exit 1
      ;;
  esac
  shift
done

extra=()
[[ $coverage -eq 1 ]] && extra+=(gcovr)
[[ $sanitize == *address* ]] && extra+=(clang-14 libclang-rt-14-dev llvm)
tools/install_dependencies.sh ccache openmpi-bin libopenmpi-dev "${extra[@]}"
# ccache finds the compiler's results again in another folder: all of them in tests/mutation/run.py, those of
# files that include nothing of CUDA in tests/cuda_build.sh.
export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$PWD} CCACHE_NOHASHDIR=1
export CCACHE_SLOPPINESS=pch_defines,time_macros # what it asks for where headers are precompiled

jobs=$(nproc)
build=build/cpu-release options=(-DCMAKE_BUILD_TYPE=Release -DINPAINT_UNITE=TESTS)
if [[ -n $sanitize ]]; then
  build=build/sanitize-${sanitize//,/-}
  options=(-DCMAKE_BUILD_TYPE=Debug "-DCMAKE_CXX_FLAGS_DEBUG=-O1 -g1" "-DINPAINT_SANITIZE=$sanitize"
    -DINPAINT_NATIVE=ON -DINPAINT_WERROR=ON -DINPAINT_BENCH=OFF -DINPAINT_UNITE=ALL)
  # Clang compiles most of it faster than GCC.
  [[ $sanitize == *address* ]] && options+=(-DCMAKE_CXX_COMPILER=clang++-14)
elif [[ $coverage -eq 1 ]]; then
  build=build/coverage
  options=(-DCMAKE_BUILD_TYPE=Debug "-DCMAKE_CXX_FLAGS=-O1" -DINPAINT_COVERAGE=ON
    -DINPAINT_NATIVE=ON -DINPAINT_BENCH=OFF)
fi
# The CUDA code runs on the executor, on this machine's CPU. It checks each access itself: under the address
# sanitizer it runs in the long form only. Never under ThreadSanitizer, which it takes the place of.
if [[ -z $sanitize || ($sanitize != *thread* && ${INPAINT_NIGHTLY:-} == 1) ]]; then
  options+=(-DINPAINT_CUDA=EXECUTOR)
fi
cmake -S . -B "$build" -G Ninja "${options[@]}" "${werror[@]}"
targets=(all) cases=()
if [[ -n $sanitize && ${INPAINT_NIGHTLY:-} != 1 ]]; then
  # Without the longest, whose code runs in others too.
  long=('in fp64 micro-batches come' 'ranks: in fp64 two and four' 'fewer pictures than a batch'
    'continuing structure beats' 'exact goes through both phases' 'validations of the phase'
    'begins where planned' 'painter follows' 'breaks it off' 'checkpoint by time is made' 'five steps equal three'
    'fewer pictures than a step')
  targets=(core_tests kernels_tests nn_tests train_tests tools_tests)
  names='^(core|kernels|nn|train|tools):'
  if [[ $sanitize == *thread* ]]; then
    # Where threads meet: the programs' own, and the ops with several. What runs on one thread is in the
    # other builds; so are accumulation, whose loaders and ranks are tested here, and the adversarial runs,
    # whose step is.
    targets=(core_tests kernels_tests train_tests)
    names='^(core|train):|threads'
    long+=(bombs heif header 'procedural pictures' 'hole form' duplicates 'channel guess' 'picture filler'
      'fewer pictures' accumul 'model goes on exactly' 'adversarial run' 'discriminator learns'
      'changes no bit of the training' 'after its minutes' 'paints better than the fill' 'model is scored on holes' 'sees every parameter')
  fi
  cases=(-R "$names" -E "$(IFS='|' && echo "${long[*]}")")
fi
cmake --build "$build" -j "$jobs" --target "${targets[@]}"
ways='' # that the kernels take on the executor
if [[ $build == build/cpu-release && -x $build/bin/device_coverage_sample ]]; then # GCC's builds have it
  ways=$PWD/$build/device_coverage
  rm -rf "$ways"
  mkdir "$ways"
  export INPAINT_DEVICE_COVERAGE=$ways
fi
ctest --test-dir "$build" --output-on-failure -j "$jobs" "${cases[@]}"
if [[ -n $ways ]]; then
  unset INPAINT_DEVICE_COVERAGE
  tests/device_coverage/run.py "$ways"
fi

if [[ $coverage -eq 1 ]]; then
  gcovr --root . --filter 'core/' --filter 'kernels/' --filter 'nn/' --filter 'train/' \
    --exclude-unreachable-branches --print-summary "$build"
fi
if [[ ${INPAINT_NIGHTLY:-} == 1 && -z $sanitize ]]; then
  tests/fuzz/run.sh 600
  tests/install/package.sh
fi
if [[ ${INPAINT_NIGHTLY:-} == 1 && $parity -eq 1 ]] && grep -q '^ID=debian' /etc/os-release; then
  tests/browser/run.sh "$build/bin" # Ubuntu's Chromium is a snap
fi
if [[ $parity -eq 1 ]]; then
  tools/install_dependencies.sh python3 curl
  tests/docs/run.py "$build/bin"
  tests/parity/run.sh "$build/bin"
fi
