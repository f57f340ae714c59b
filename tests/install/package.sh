#!/usr/bin/env bash
# Builds the Debian package, for any processor of this kind, and tests what is in it as run.sh tests what is
# installed from a build.
set -euo pipefail
cd "$(dirname "$0")/../.."

tools/install_dependencies.sh ccache dpkg-dev file binutils python3 man-db groff-base zsh fish
export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$PWD} CCACHE_NOHASHDIR=1
cmake --preset package
cmake --build --preset package -j "$(nproc)"
rm -rf build/package/deb
cpack --preset package -B "$PWD/build/package/deb"
exec python3 tests/install/install_test.py build/package/deb/*.deb
