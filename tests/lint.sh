#!/usr/bin/env bash
# Looks at the scripts without running them: shellcheck for the shell's, ruff for Python's (rules
# in .ruff.toml).
set -euo pipefail
cd "$(dirname "$0")/.."
ruff=0.17.6

tools/install_dependencies.sh shellcheck python3 python3-venv
venv=.venv/lint
if [[ $(cat $venv/installed 2>/dev/null) != "$ruff" ]]; then
  /usr/bin/python3 -m venv --clear $venv
  $venv/bin/pip install --quiet --disable-pip-version-check ruff==$ruff
  echo $ruff >$venv/installed
fi
git ls-files '*.sh' .ci/run | xargs shellcheck
$venv/bin/ruff check --quiet .
echo "The scripts passed shellcheck and ruff."
