#!/usr/bin/env bash
# Builds the fuzzers with Clang and runs each with the address and the undefined-behaviour sanitizer.
#
#   tests/fuzz/run.sh [SECONDS [NAME...]]     15 seconds each, all of them
#
# Starts from the seeds of tests/fuzz/seeds/NAME and keeps what it learns in build/fuzz/corpus/NAME. An input
# that breaks something lies in build/fuzz/found/; `build/fuzz/bin/fuzz_NAME FILE` repeats it. Prints the
# executions of each and ends with their sum.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${1:-15}
shift || true
# NAME, or NAME:SEEDS where a fuzzer has several sets of seeds
runs=("$@")
[[ ${#runs[@]} -gt 0 ]] || runs=(
  picture:picture_jpeg picture:picture_png picture:picture_pnm picture:picture_webp
  bin_dataset checkpoint_names dataset_description editable_picture fill_request flags_file line_log metadata
  picture_cache picture_head picture_list safetensors_file safetensors_header
)

# Without HEIF: its decoders are not ours, and take what memory a file asks for.
tools/install_dependencies.sh clang-14 libclang-rt-14-dev
build=build/fuzz
cmake -S . -B $build -G Ninja -DCMAKE_CXX_COMPILER=clang++-14 -DCMAKE_BUILD_TYPE=Debug \
  "-DCMAKE_CXX_FLAGS_DEBUG=-O1 -g1" -DINPAINT_WERROR=ON \
  -DINPAINT_SANITIZE=fuzzer-no-link,address,undefined -DINPAINT_FUZZ=ON -DINPAINT_HEIF=OFF \
  -DINPAINT_TESTS=OFF -DINPAINT_BENCH=OFF -DINPAINT_UNITE=ALL
targets=()
for run in "${runs[@]}"; do targets+=("fuzz_${run%%:*}"); done
cmake --build $build -j "$(nproc)" --target "${targets[@]}"

one() {
  local name=${1%%:*} seeds=${1##*:} build=build/fuzz
  mkdir -p $build/corpus/"$seeds" $build/found
  local log=$build/found/$seeds.log status=0
  $build/bin/fuzz_"$name" -max_total_time="$2" -timeout=10 -rss_limit_mb=1024 -max_len=4096 -print_final_stats=1 \
    -artifact_prefix=$build/found/"$seeds"- $build/corpus/"$seeds" tests/fuzz/seeds/"$seeds" >"$log" 2>&1 || status=$?
  if [[ $status -ne 0 ]]; then
    tail -40 "$log"
    echo "FAIL $seeds"
    return 1
  fi
  printf 'ok   %-20s %s executions\n' "$seeds" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
}
export -f one
results=$(printf '%s\n' "${runs[@]}" | xargs -P "$(nproc)" -I{} bash -c 'one {} '"$seconds") || {
  echo "$results"
  exit 1
}
echo "$results"
echo "$results" | awk '{ sum += $3 } END { print NR " fuzzers, " sum " executions" }'
