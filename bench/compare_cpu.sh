#!/usr/bin/env bash
# Times the training step beside PyTorch on the CPU: bench/compare_cpu.sh [PART...] [OPTIONS]; --help lists
# them. Builds the programs, and installs the newest PyTorch into .venv/peer.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

"$root/tools/install_dependencies.sh"
cmake -S "$root" -B "$root/build/cpu-release" -G Ninja -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$root/build/cpu-release" --target bench_train inpaint_train_program
"$root/bench/install_peer.sh"
# Inductor keeps what it compiled there.
TORCHINDUCTOR_CACHE_DIR=$root/.venv/peer/inductor exec "$root/.venv/peer/bin/python" "$root/bench/compare_cpu.py" "$@"
