#!/usr/bin/env bash
# The programs of a build on processors of every level, old ones emulated: tests/levels/run.sh BUILD
set -euo pipefail
build=$(realpath "${1:?usage: tests/levels/run.sh BUILD}")
cd "$(dirname "$0")/../.."

tools/install_dependencies.sh binutils python3 qemu-user
exec python3 tests/levels/levels_test.py "$build"
