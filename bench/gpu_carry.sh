#!/usr/bin/env bash
# Makes a folder that tests and measures the program on a machine with an NVIDIA GPU, where nothing can be
# installed: programs, their libraries, the scripts and a data set, in build/gpu_carry.
#
#   bench/gpu_carry.sh [--executor] [--data FOLDER --dataname NAME] [ARCHITECTURE]      default: 90
#
#   --executor   the CUDA code built for the CPU: to rehearse without a GPU
#   --data       pictures to train on: <NAME>128_train.bin and <NAME>128_test.bin, RGB; else drawn ones
#
# On the other machine:   gpu_carry/run.sh [--seconds 480] [OPTIONS of gpu_report.py]
# It needs a driver for CUDA 13, and Python 3 with PyTorch (a CUDA 13 build, whose cuDNN and cuBLAS it takes).
# Results are written to gpu_carry/results.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
PATH=$PATH:/usr/local/cuda/bin

usage() { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"; }
build=$root/build/carry options=(-DINPAINT_CUDA=ON) architecture=90 data='' name=inpaint rehearsal=''
while [[ $# -gt 0 ]]; do
  case "$1" in
    --executor) build=$root/build/carry-executor options=(-DINPAINT_CUDA=EXECUTOR) rehearsal=--dry_run ;;
    --data) data=${2:?--data needs a folder} && shift ;;
    --dataname) name=${2:?--dataname needs a name} && shift ;;
    --help) usage && exit 0 ;;
    [0-9]*) architecture=$1 ;;
    *) echo "error: unknown argument '$1'" >&2 && usage >&2 && exit 1 ;;
  esac
  shift
done
[[ -n $rehearsal ]] || options+=("-DCMAKE_CUDA_ARCHITECTURES=$architecture-real")

"$root/tools/install_dependencies.sh" python3
programs=(kernels_tests cuda_training_tests bench_kernels bench_train inpaint_train inpaint_eval)
# Any x86-64 processor with AVX2; without oneDNN, a large library that a GPU does not need.
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DINPAINT_NATIVE=OFF \
  -DCMAKE_CXX_FLAGS=-march=x86-64-v3 -DCMAKE_DISABLE_FIND_PACKAGE_OneDNN=ON "${options[@]}" >/dev/null
cmake --build "$build" -j "$(nproc)" --target "${programs[@]/%inpaint_train/inpaint_train_program}" inpaint_data

carry=$root/build/gpu_carry
rm -rf "$carry"
mkdir -p "$carry"/{bin,lib,bench,data}
for program in "${programs[@]}"; do
  strip -o "$carry/bin/$program" "$build/bin/$program"
done
# Every Linux has the C and C++ libraries and zlib; PyTorch brings NVIDIA's.
ldd "${programs[@]/#/$carry/bin/}" | awk '/=> \//{print $3}' | sort -u |
  grep -v -E '/(libc|libm|libdl|librt|libpthread|libgcc_s|libstdc\+\+|libz|libcudnn|libcublasLt)\.so' |
  xargs -I{} cp -L {} "$carry/lib"
# Packed: each program holds the same kernels.
tar -C "$carry" -czf "$carry/programs.tar.gz" bin lib
rm -r "${carry:?}/bin" "${carry:?}/lib"
cp "$root"/bench/{contender,gpu_report,machine,peer_check,peer_model,pytorch_baseline}.py "$carry/bench"
PYTHONPATH=$root/bench python3 -c 'import machine, sys; print(machine.commit(sys.argv[1]))' "$root" >"$carry/COMMIT"
if [[ -n $data ]]; then
  cp "$data/${name}128_train.bin" "$data/${name}128_test.bin" "$carry/data"
else
  "$build/bin/inpaint_data" generate --data_root "$carry/data" --dataname "$name" --image_size 128 --image_channel 3 \
    --count 512 --train_share 0.9
fi
cat >"$carry/run.sh" <<RUN
#!/usr/bin/env bash
# Tests and measures the program on this machine's GPU: run.sh [--seconds 480] [OPTIONS of gpu_report.py]
set -euo pipefail
here=\$(cd "\$(dirname "\$0")" && pwd)
tar -C "\$here" -xzf "\$here/programs.tar.gz"
libraries=\$(python3 -c '
import importlib.util, pathlib
found = importlib.util.find_spec("nvidia")
print(":".join(str(p) for folder in (found.submodule_search_locations if found else [])
               for p in (pathlib.Path(folder) / "cudnn/lib", pathlib.Path(folder) / "cu13/lib")))')
export LD_LIBRARY_PATH=\$here/lib:\$libraries\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}
for program in "\$here"/bin/*; do
  missing=\$(ldd "\$program" | grep 'not found' || true)
  [[ -z \$missing ]] || { echo "error: \$program misses" \$missing >&2 && exit 1; }
done
exec python3 "\$here/bench/gpu_report.py" --bin "\$here/bin" --data "\$here/data" --dataname "$name" --seconds 480 \\
  --peer "\$(command -v python3)" --results "\$here/results/report.json" $rehearsal "\$@"
RUN
chmod +x "$carry/run.sh"
du -sm "$carry" | awk '{print $1 " MiB in " $2}
                      $1 >= 58 {print "error: more than 58 MiB" > "/dev/stderr"; exit 1}'
