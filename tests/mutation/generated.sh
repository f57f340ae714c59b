#!/usr/bin/env bash
# Tries generated mutants on the tests; generated.py has the options. What generates them is installed into
# .venv/mutation.
set -euo pipefail
cd "$(dirname "$0")/../.."
generator=1.14.1

tools/install_dependencies.sh ccache python3 python3-venv
venv=.venv/mutation
if [[ $(cat $venv/installed 2>/dev/null) != "$generator" ]]; then
  /usr/bin/python3 -m venv --clear $venv
  $venv/bin/pip install --quiet --disable-pip-version-check --no-deps universalmutator==$generator
  echo $generator >$venv/installed
fi
exec $venv/bin/python tests/mutation/generated.py "$@"
