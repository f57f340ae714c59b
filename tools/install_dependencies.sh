#!/usr/bin/env bash
# Installs the compiler, the build tools and the libraries this project is built with (Debian 12, Ubuntu
# 24.04). Packages that are there already are left alone; sudo is used when not root.
set -euo pipefail

packages=(
  g++ cmake ninja-build pkg-config git ca-certificates
  libeigen3-dev libdnnl-dev libfmt-dev libcli11-dev nlohmann-json3-dev
  libpng-dev libjpeg-dev libturbojpeg0-dev libexif-dev libwebp-dev libheif-dev libstb-dev libmicrohttpd-dev
  protobuf-compiler libprotobuf-dev libboost-dev libboost-context-dev
  doctest-dev libbenchmark-dev
)
case "$(dpkg --print-architecture)" in
  amd64 | arm64) packages+=(libisal-dev) ;;
esac
# Behind Debian 12, libheif's decoders are packages of their own.
case "$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)" in
  bookworm) ;;
  *) packages+=(libheif-plugin-libde265 libheif-plugin-aomdec) ;;
esac
packages+=("$@") # for instance what only the tests need

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null || true)
  [[ $status == ii* ]] || missing+=("$package")
done
if [[ ${#missing[@]} -eq 0 ]]; then
  echo "All packages are installed."
  exit 0
fi

echo "Installing: ${missing[*]}"
as_root=()
if [[ $(id -u) -ne 0 ]]; then
  command -v sudo >/dev/null || {
    echo "error: installing packages needs root: run this as root, install sudo, or install the packages named above" >&2
    exit 1
  }
  as_root=(sudo)
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
