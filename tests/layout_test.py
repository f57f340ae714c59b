#!/usr/bin/env python3
"""How the code is laid out: the order of the folders, headers that stand alone, and comments that can be read.

    tests/layout_test.py [CHECKOUT]

Checks that
- an #include never points to a folder above its own (FLOORS), so that no folders form a circle;
- no folder holds more than 25 source files;
- every header compiles alone: its source includes it first, and a header without source is compiled here;
- every folder has a README.md that names its headers; no README names a source file, and no document links to a
  file, that is not there;
- no test case has a semicolon in its name: ctest would cut the name there, find no such case, and pass;
- no comment line is longer than 110 columns, begins with "Of" or with dashes, or holds one word of a sentence.

Prints a line per finding and ends with `N passed, N failed`: passed are the files without one.
"""
import concurrent.futures
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

# A folder may include from itself and from those before it. Tests and benches may include anything.
FLOORS = """
core/cpu core/base core/device core/file core/image core/ranks
kernels kernels/cpu kernels/cuda kernels/random kernels/parameter kernels/channel kernels/loss kernels/picture kernels/fill kernels/linear kernels/conv kernels/ranks
nn nn/layers nn/networks
train/data train/holes train/settings train/datasets/scenes train/datasets train/model train/learner train/step train/checkpoint train/log
train/export train/fill/models train/fill train/serve train/report train/features train/score train/run
tools tools/library tools/pages
""".split()
FREE = ("tests", "bench")
MOST_FILES = 25
MOST_COLUMNS = 110

SOURCES = (".h", ".cpp", ".cu")
COMMENTED = {**dict.fromkeys((*SOURCES, ".c"), "//"), ".py": "#", ".sh": "#", ".cmake": "#", ".txt": "#"}
C_FILES = ("tools/library/inpaint.h", "docs/examples/fill.c")  # with comments of C
NEEDS = {"kernels/cpu/tile_simd.h": ["-DINPAINT_TILE_BYTES=16"]}  # compiled once for each width of vectors
FOREIGN = re.compile("cudnn_frontend|_EngineConfig|_Operation|Conv_v8|cublas_api|NAME")  # files of others in READMEs
TEST_CASE = re.compile(r'\bTEST_CASE(?:_FIXTURE|_TEMPLATE)?\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)')
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


def tracked(root):
    run = subprocess.run(["git", "ls-files"], cwd=root, check=True, capture_output=True, text=True)
    return [Path(name) for name in run.stdout.splitlines() if (root / name).is_file()]


def includes_upward(path, text):
    folder = str(path.parent)
    if folder.startswith(FREE):
        return
    if folder not in FLOORS:
        yield f"the folder {folder} has no place in the order of the folders (FLOORS in tests/layout_test.py)"
        return
    for included in INCLUDE.findall(text):
        other = str(Path(included).parent)
        if other in (".", folder):  # generated headers have no folder
            continue
        if other not in FLOORS or FLOORS.index(other) > FLOORS.index(folder):
            yield f"includes {included}, which lies above {folder}"


def cut_names(text):
    """The names of test cases that ctest cannot run."""
    for case in TEST_CASE.findall(text):
        name = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', case))
        if ";" in name:
            yield f"the test case '{name}' has a semicolon, where ctest cuts its name"


def wrong_comments(path, lines):
    """Numbers of lines and what is wrong with them."""
    mark = r"/?\*+/?" if str(path) in C_FILES else re.escape(COMMENTED[path.suffix])
    pattern = re.compile(rf"^\s*{mark}\s*(\S.*)?$")
    before = None
    for number, line in enumerate(lines, 1):
        found = None if line.startswith("#!") else pattern.match(line)
        text = found[1] if found else None
        if text:
            if len(line) > MOST_COLUMNS and " " in text.strip():
                yield number, f"a comment of {len(line)} columns, at most {MOST_COLUMNS}"
            if text.startswith("Of "):
                yield number, "a comment that begins with 'Of': say what it is"
            if re.match(r"-{10,}", text):
                yield number, "a line of dashes torn from its title"
            if before and " " not in text and re.fullmatch(r"[a-z]+[.,:;]?", text):
                yield number, f"a comment line of one word, '{text}'"
        before = text


def wrong_readmes(root, files):
    """Folder or README, and what is wrong with it."""
    names = {path.name for path in files}
    for folder in FLOORS:
        headers = [path.name for path in files if str(path.parent) == folder and path.suffix == ".h"]
        readme = root / folder / "README.md"
        if not readme.is_file():
            yield folder, "no README.md"
            continue
        text = readme.read_text()
        for header in headers:
            if f"`{header}`" not in text:
                yield f"{folder}/README.md", f"does not name {header}"
    for path in files:
        if path.suffix == ".md":
            for link in re.findall(r"\]\(([^)#:]+)\)", (root / path).read_text()):
                if not (root / path.parent / link).exists():
                    yield str(path), f"links to {link}, which is not there"
        if path.name == "README.md":
            for named in re.findall(r"`(?:[\w./]*/)?(\w+\.(?:h|cpp|cu|proto|py|sh))`", (root / path).read_text()):
                if named not in names and not FOREIGN.match(named):
                    yield str(path), f"names {named}, which is not there"


def first_include(text):
    found = INCLUDE.search(text)
    return found and found[1]


def compile_command():
    """For a header alone, with the executor's stand-ins for CUDA's headers."""
    compiler = shlex.split(os.environ.get("CXX", "g++"))
    return [*compiler, "-std=c++20", "-fsyntax-only", "-x", "c++", "-I.", "-Itests/cuda_executor/include",
            "-I/usr/include/eigen3", "-DINPAINT_EXECUTOR_HOOKS", "-DINPAINT_MAX_BLOCKS_1D=16"]


def does_not_compile(root, header):
    run = subprocess.run([*compile_command(), *NEEDS.get(str(header), []), str(header)], cwd=root, capture_output=True, text=True)
    if run.returncode == 0:
        return None
    errors = [line for line in run.stderr.splitlines() if "error" in line]
    return f"does not compile alone: {errors[0] if errors else run.stderr[:200]}"


def check(root):
    """{file or folder: findings}."""
    files = tracked(root)
    findings = {str(path): [] for path in files if path.suffix in COMMENTED}
    texts = {path: (root / path).read_text() for path in files if path.suffix in COMMENTED}
    for path, text in texts.items():
        if path.suffix in SOURCES:
            findings[str(path)] += [*includes_upward(path, text), *cut_names(text)]
        findings[str(path)] += [f"line {number}: {what}" for number, what in wrong_comments(path, text.splitlines())]

    for folder, count in Counter(str(path.parent) for path in texts if path.suffix in SOURCES).items():
        if count > MOST_FILES:
            findings[folder] = [f"{count} source files, at most {MOST_FILES}"]

    for name, finding in wrong_readmes(root, files):
        findings.setdefault(name, []).append(finding)

    alone = {first_include(text) for path, text in texts.items() if path.suffix in (".cpp", ".cu")}
    headers = [path for path in texts if path.suffix == ".h" and str(path) not in alone
               and not str(path).startswith("tests/cuda_executor/include")]  # those are included by each other
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for header, finding in zip(headers, pool.map(lambda header: does_not_compile(root, header), headers)):
            if finding:
                findings[str(header)].append(finding)
    return findings


def main():
    root = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    findings = check(root)
    for name, found in findings.items():
        for finding in found:
            print(f"FAIL {name}: {finding}")
    failed = sum(1 for found in findings.values() if found)
    print(f"{len(findings) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
