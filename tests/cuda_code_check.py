#!/usr/bin/env python3
"""Checks what nvcc makes of the CUDA kernels, without a GPU.

    tests/cuda_code_check.py [--all] [FILE.cu ...]      default: kernels/**/*.cu and bench/naive/*.cu

Each file is compiled for sm_90, and with --all for the other architectures of a release; it must bring no warning and no
kernel that spills registers.
A kernel may state what it is made into, in a comment before it:

    // sm_90: at most 64 registers, 128-bit loads, 128-bit stores

Checked for sm_90 over the kernel's instances: none of another type than double (which is for tests) uses more registers;
of each type at least one has such loads and stores (instances for values one by one have none).

The pages of docs/kernels state what nvcc PAGES_NVCC makes of some instances, a row each:

    | `kernels/parameter/adam_cuda.cu` | `adam_kernel<true, false, float>` | 64 | 72 |

registers and bytes of static shared memory. With that nvcc they are compared.

Needs nvcc, and cuobjdump with nvdisasm: those beside nvcc or on the PATH, else a package of Python's index in .venv/cuda.
Prints a line per kernel and ends with `N passed, N failed`.
"""

import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STATED = 90  # the architecture of the comments
OTHERS = (75, 80)
TOOLS = ("nvidia-cuda-cuobjdump==13.2.86", "nvidia-cuda-nvdisasm==13.2.86")
OPTIONS = ["-std=c++20", "-O3", "-lineinfo", "--expt-relaxed-constexpr", "-DFMT_USE_CONSTEXPR=1", f"-I{ROOT}",
           "--Werror=all-warnings", "-Xcompiler=-Wall,-Wextra,-Wshadow,-Wnon-virtual-dtor,-Werror", "-Xptxas=-v"]
STATEMENT = re.compile(r"// sm_90: at most (\d+) registers(?: \([^)]*\))?((?:, 128-bit (?:loads|stores))*)\n")
PAGES_NVCC = "13.0"
PAGE_ROW = re.compile(r"^\| `([\w/]+\.cu)` \| `(\w+_kernel[^`]*)` \| (\d+) \| ([\d,]+) \|$", re.MULTILINE)
KERNEL = re.compile(r"\b(\w+_kernel)\(")
WIDE = {"loads": re.compile(r"\bLDG\.E\.(?:\w+\.)*128\b"), "stores": re.compile(r"\bSTG\.E\.(?:\w+\.)*128\b")}


def find(program):
    beside = [os.environ.get("CUDACXX", ""), shutil.which("nvcc") or "", "/usr/local/cuda/bin/nvcc"]
    for folder in [Path(nvcc).parent for nvcc in beside if nvcc]:
        if (folder / program).is_file():
            return folder / program
    found = shutil.which(program)
    return Path(found) if found else None


def disassembler():
    """cuobjdump, and the folder nvdisasm is in."""
    found, nvdisasm = find("cuobjdump"), find("nvdisasm")
    if found and nvdisasm:
        return found, nvdisasm.parent
    venv = ROOT / ".venv" / "cuda"
    if not list(venv.glob("**/bin/cuobjdump")) or not list(venv.glob("**/bin/nvdisasm")):
        print("Installing into .venv/cuda:", *TOOLS)
        subprocess.run([ROOT / "tools/install_dependencies.sh", "python3", "python3-venv"], check=True)
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--clear", venv], check=True)
        subprocess.run([venv / "bin/pip", "install", "--quiet", "--disable-pip-version-check", *TOOLS], check=True)
    return next(venv.glob("**/bin/cuobjdump")), next(venv.glob("**/bin/nvdisasm")).parent


def demangled(names):
    run = subprocess.run(["c++filt"], input="\n".join(names), check=True, capture_output=True, text=True)
    return dict(zip(names, run.stdout.splitlines()))


def statements(source):
    """What a file states: kernel -> (registers, [loads, stores])."""
    text, stated = source.read_text(), {}
    for match in STATEMENT.finditer(text):
        kernel = KERNEL.search(text, match.end())
        stated[kernel[1]] = (int(match[1]), [wide for wide in WIDE if f"128-bit {wide}" in match[2]])
    if text.count("// sm_90:") != len(stated):
        raise SystemExit(f"{source}: a comment `// sm_90:` that is none of `at most N registers[, 128-bit ...]`")
    return stated


class Instance:
    """A kernel as it was compiled for one list of template arguments."""

    def __init__(self, name, code):
        plain = name.replace("(anonymous namespace)::", "")
        self.kernel = re.search(r"(\w+_kernel)\b", plain)[1]
        self.name = re.search(r"\w+_kernel(<.*?>)?(?=\()", re.sub(r"\([\w:]+\)(?=\d)", "", plain))[0]
        arguments = re.search(r"_kernel<(.*?)>\(", plain)
        self.types = tuple(a.strip() for a in (arguments[1] if arguments else "").split(",")
                           if a.strip() and not re.match(r"\d|true$|false$|\(", a.strip()))
        self.wide = {wide for wide, pattern in WIDE.items() if pattern.search(code)}
        self.registers = self.shared = 0


def page_rows(source, nvcc):
    """What the pages state of a file: (page, kernel, registers, bytes of static shared memory)."""
    version = subprocess.run([nvcc, "--version"], check=True, capture_output=True, text=True).stdout
    if f"release {PAGES_NVCC}," not in version:
        return []
    return [(page.name, row[2], int(row[3]), int(row[4].replace(",", "")))
            for page in sorted((ROOT / "docs/kernels").glob("*.md")) for row in PAGE_ROW.finditer(page.read_text())
            if (ROOT / row[1]) == source.resolve()]


def compile_file(nvcc, source, folder, architecture):
    """Messages of the compiler that are failures, (registers, shared memory) by mangled name, the compiled file."""
    out = folder / f"{source.stem}_{architecture}.cubin"
    run = subprocess.run([nvcc, *OPTIONS, f"-arch=sm_{architecture}", "-cubin", "-o", out, source],
                         capture_output=True, text=True)
    log = run.stdout + run.stderr
    failures = []
    if run.returncode != 0:
        failures.append("\n".join(line for line in log.splitlines() if not line.startswith("ptxas info"))[:2000])
    registers, entry = {}, None
    for line in log.splitlines():
        if found := re.search(r"Compiling entry function '(\w+)'", line):
            entry = found[1]
        elif (found := re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", line)) and entry:
            if found[1] != "0" or found[2] != "0":
                name = demangled([entry])[entry]
                failures.append(f"sm_{architecture}: {name}: {found[0]}")
        elif (found := re.search(r"Used (\d+) registers", line)) and entry:
            shared = re.search(r"(\d+) bytes smem", line)
            registers[entry] = int(found[1]), int(shared[1]) if shared else 0
    return failures, registers, out


def instances(cuobjdump, cubin, registers):
    code = subprocess.run([cuobjdump, "-sass", cubin], check=True, capture_output=True, text=True).stdout
    parts = re.split(r"\n\s*Function : (\w+)", code)
    bodies = dict(zip(parts[1::2], parts[2::2]))
    names = demangled(list(bodies))
    result = []
    for mangled, body in bodies.items():
        instance = Instance(names[mangled], body)
        instance.registers, instance.shared = registers[mangled]
        result.append(instance)
    return result


def check(nvcc, cuobjdump, source, folder, architectures):
    failures, lines = [], []
    stated = statements(source)
    compiled = []
    for architecture in architectures:
        found, registers, cubin = compile_file(nvcc, source, folder, architecture)
        failures += found
        if architecture == STATED and cubin.exists():
            compiled = instances(cuobjdump, cubin, registers)
    for kernel, (most, wide) in stated.items():
        mine = [i for i in compiled if i.kernel == kernel]
        if not mine:
            failures.append(f"{kernel}: stated, and not compiled")
            continue
        used = max((i.registers for i in mine if "double" not in i.types), default=0)
        if used > most:
            failures.append(f"{kernel}: {used} registers, at most {most} stated")
        for types in sorted({i.types for i in mine}):
            for access in wide:
                if not any(access in i.wide for i in mine if i.types == types):
                    failures.append(f"{kernel}<{', '.join(types)}>: no 128-bit {access}")
        lines.append(f"{source.name}: {kernel}: {len(mine)} instances, {used} of {most} registers"
                     + "".join(f", 128-bit {access}" for access in wide))
    rows = page_rows(source, nvcc)
    for page, kernel, registers, shared in rows:
        made = {(i.registers, i.shared) for i in compiled if i.name == kernel}
        if made != {(registers, shared)}:
            failures.append(f"{page} states {registers} registers and {shared} bytes of shared memory for {kernel}: "
                            f"it is made into {', '.join(map(str, made)) or 'nothing'}")
    return lines, [f"{source.name}: {failure}" for failure in failures], len(stated) + len(rows) + 1


def main():
    nvcc = find("nvcc")
    if nvcc is None:
        raise SystemExit("error: no nvcc on the PATH or in /usr/local/cuda/bin; install the CUDA toolkit")
    cuobjdump, nvdisasm_folder = disassembler()
    os.environ["PATH"] += f":{nvdisasm_folder}"
    names = [name for name in sys.argv[1:] if name != "--all"]
    architectures = (STATED, *OTHERS) if len(names) < len(sys.argv) - 1 else (STATED,)
    sources = [Path(name) for name in names] or sorted([*(ROOT / "kernels").rglob("*.cu"),
                                                             *(ROOT / "bench/naive").glob("*.cu")])
    failed = passed = 0
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for lines, failures, checks in pool.map(lambda s: check(nvcc, cuobjdump, s, Path(folder), architectures), sources):
            for line in lines + [f"FAILED {failure}" for failure in failures]:
                print(line, flush=True)
            failed += len(failures)
            passed += max(0, checks - len(failures))
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
