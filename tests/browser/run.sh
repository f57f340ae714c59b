#!/usr/bin/env bash
# Opens in a real browser: the reports that the built programs write, the page of inpaint_serve, TensorBoard
# with our logs.
#   tests/browser/run.sh [BIN FOLDER] [--screenshots FOLDER]
# BIN FOLDER: default build/cpu-release/bin. Installs what it needs (Debian 12; through sudo when not root):
# Chromium, and into .venv/browser what drives it, and TensorBoard.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
wheels=(playwright==1.65.2 tensorboard==2.19.0)

"$root/tools/install_dependencies.sh" chromium fonts-dejavu-core python3 python3-venv
venv=$root/.venv/browser
if [[ $(cat "$venv/installed" 2>/dev/null) != "${wheels[*]}" ]]; then
  echo "Installing into .venv/browser: ${wheels[*]}"
  /usr/bin/python3 -m venv --clear "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "${wheels[@]}"
  echo "${wheels[*]}" >"$venv/installed"
fi
"$venv/bin/python" "$here/pages_test.py" "$@"
"$venv/bin/python" "$here/serve_test.py" "$@"
"$venv/bin/python" "$here/tensorboard_test.py" "$@"
