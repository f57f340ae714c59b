#!/usr/bin/env bash
# Installs a build into a temporary folder and tests what is there as its users would: the C examples, the
# Python of docs/embedding.md, man pages, completions.
#
#   tests/install/run.sh BUILD
set -euo pipefail
build=$(realpath "${1:?usage: tests/install/run.sh BUILD}")
cd "$(dirname "$0")/../.."

tools/install_dependencies.sh binutils python3 man-db groff-base zsh fish
exec python3 tests/install/install_test.py "$build"
