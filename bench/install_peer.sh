#!/usr/bin/env bash
# Installs the newest PyTorch into .venv/peer; --upgrade looks for a newer one where there is one already.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
venv=$root/.venv/peer

# torch.compile calls the compiler and needs the interpreter's headers.
"$root/tools/install_dependencies.sh" python3 python3-venv python3-dev
[[ -x $venv/bin/pip ]] || /usr/bin/python3 -m venv "$venv"
if [[ ${1:-} == --upgrade ]] || ! "$venv/bin/python" -c 'import torch, numpy, safetensors' 2>/dev/null; then
  "$venv/bin/pip" install --quiet --disable-pip-version-check --upgrade torch numpy safetensors
fi
"$venv/bin/python" -c 'import torch; print("PyTorch", torch.__version__)'
