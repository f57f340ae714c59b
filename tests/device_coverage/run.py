#!/usr/bin/env python3
"""Reports which lines and which ways of branches of the CUDA kernels no test has taken on the executor.

    tests/device_coverage/run.py FOLDER [--all] [--least LINES WAYS] [--of FOLDER...]

The tests must have run with INPAINT_DEVICE_COVERAGE=FOLDER in their environment (tests/cuda_executor/coverage.h),
programs of a build by GCC with the executor and without sanitizers.

Device code is what a kernel reaches: a function whose name ends in _kernel, all that is inlined there, and what it
calls. A function counts in each kernel that has it; the instances of a kernel's template are one kernel. Files of tests/
and outside of this checkout do not count. What is counted is what GCC -O3 made of it:

- a line counts when it has an instruction. It is taken when one of them ran, in any instance.
- a branch is a conditional jump behind which different basic blocks begin; each of them is a way. A way is taken when
  a thread went from the block before the jump to the block behind it. A choice that GCC makes without a jump
  (a minimum, a select) is no branch.
- a branch of the source has several copies: instances, places it is inlined in, unrolled turns, a loop's entry.
  Copies at the same line and column whose ways lead to the same lines and columns are one, and a way of it is taken when
  it is in any copy. Where copies lead elsewhere (what follows an inlined function is the caller's), the one of which
  the largest share is taken stands for the branch: GCC makes copies with ways that cannot be.

Fails (exit code 1) below --least, 98 % of the lines and 90 % of the ways unless given, and where a kernel of a .cu file is
in no program that has run. Then, and with --all, each line that no test took is named, by kernel, and each way behind a line
that one took.
"""
import argparse
import array
import re
import sys
from collections import defaultdict
from pathlib import Path

from program import ROOT, Program


def noted(folder):
    """{program: pairs of offsets} of the files that the executor left."""
    programs = defaultdict(set)
    for file in sorted(folder.iterdir()):
        program, _, data = file.read_bytes().partition(b"\n")
        path = Path(program.decode())
        if not path.is_file():  # a copy that a test made and took away
            continue
        if path.stat().st_mtime > file.stat().st_mtime:
            sys.exit(f"error: {path} is newer than what its tests left in {folder}; run them again, in an empty folder")
        programs[path].update(array.array("Q", data))
    return programs


class Taken:
    """What ran. Pairs are (block or None, block)."""

    def __init__(self, pairs):
        self.pairs = pairs
        self.blocks = {to for _, to in pairs}
        # Blocks that were come to from another function, by its return or its call.
        self.from_elsewhere = {to for begin, to in pairs if begin and outer(begin) != outer(to)}

    def ran(self, code):
        return not self.blocks.isdisjoint(code.runs)

    def way(self, code, blocks):
        if code.source is None:
            return not self.from_elsewhere.isdisjoint(blocks)
        return any((code.source, block) in self.pairs for block in blocks)


def outer(block):
    (source, name, _), _ = block
    return source, name.removesuffix(".cold")


def measure(codes, taken):
    """({line: taken}, {place of a branch: {way: taken}}) of a kernel's nodes."""
    lines, copies = {}, defaultdict(lambda: defaultdict(dict))
    for code in codes:
        ran = taken.ran(code)
        for line in code.lines:
            lines[line] = ran or lines.get(line, False)
        if code.jump:
            alike = copies[code.jump][frozenset(place for place, _ in code.ways)]
            for place, blocks in code.ways:
                alike[place] = taken.way(code, blocks) or alike.get(place, False)
    return lines, {jump: max(alike.values(), key=lambda ways: (sum(ways.values()) / len(ways), len(ways)))
                   for jump, alike in copies.items()}


def joined(numbers):
    """"3, 5-7" """
    runs = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def not_taken(lines, branches):
    """A text for each file's lines, and for each way of the others, that is not taken."""
    files = defaultdict(list)
    for (file, line), taken in lines.items():
        if not taken:
            files[file].append(line)
    texts = [(file, 0, f"{file}: never runs {joined(numbers)}") for file, numbers in files.items()]
    for (file, line, column), ways in branches.items():
        for (way, _), taken in ways.items():
            if not taken and lines.get((file, line), True):
                where = f"{way[0]}:{way[1]}:{way[2]}" if way[0] != file else f"{way[1]}:{way[2]}"
                texts.append((file, line, f"{file}:{line}:{column}: never goes to {where}"))
    return [text for _, _, text in sorted(set(texts))]


def shares(reports):
    """(taken, all) of the lines, and of the ways, of several kernels."""
    lines = [taken for report in reports for taken in report[0].values()]
    ways = [taken for report in reports for ways in report[1].values() for taken in ways.values()]
    return (sum(lines), len(lines)), (sum(ways), len(ways))


def percent(taken, number):
    return 100 * taken / number if number else 100.0


def kernel_name(declaration):
    """What `__global__` declares."""
    rest = declaration.removeprefix("void").lstrip()
    if rest.startswith("__launch_bounds__"):
        depth = 0
        for k in range(rest.index("("), len(rest)):
            depth += {"(": 1, ")": -1}.get(rest[k], 0)
            if depth == 0:
                return rest[k + 1:rest.index("(", k)].strip()
    return rest[:rest.index("(")]


def kernels_of_sources(folders):
    """(file, name) of every kernel that the sources define."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.cu")):
            for declaration in re.split(r"\b__global__\s", path.read_text())[1:]:
                yield str(path.relative_to(ROOT)), kernel_name(declaration)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--all", action="store_true", help="name what is not taken though enough is")
    options.add_argument("--least", nargs=2, type=float, default=(98, 90), metavar=("LINES", "WAYS"), help="percent")
    options.add_argument("--of", nargs="+", default=("core", "kernels", "bench"), help="folders whose files count")
    options = options.parse_args()

    codes, pairs, known = [], set(), set()
    for path, numbers in sorted(noted(options.folder).items()):
        program = Program(path, options.of)
        if not program.is_readable():
            continue
        codes += program.codes(known)
        pairs.update(program.pairs(numbers))
    absent = set(kernels_of_sources(options.of)) - {code.kernel for code in codes}

    taken = Taken(pairs)
    kernels = defaultdict(list)
    for code in codes:
        kernels[code.kernel].append(code)
    reports = {kernel: measure(its, taken) for kernel, its in sorted(kernels.items())}
    of_lines, of_ways = shares(reports.values())
    passes = not absent and percent(*of_lines) >= options.least[0] and percent(*of_ways) >= options.least[1]
    if options.all or not passes:
        print("What no test takes on the executor:")
        for kernel, report in reports.items():
            missed = not_taken(*report)
            if missed or options.all:
                its_lines, its_ways = shares([report])
                print("{}, {}: {} of {} lines, {} of {} ways".format(*kernel, *its_lines, *its_ways), *missed, sep="\n  ")
        for file, name in sorted(absent):
            print(f"{file}, {name}: in no program that a test runs")
    print(f"Device code: {of_lines[0]} of {of_lines[1]} lines taken ({percent(*of_lines):.1f} %, at least "
          f"{options.least[0]:g}), {of_ways[0]} of {of_ways[1]} ways of branches ({percent(*of_ways):.1f} %, at least "
          f"{options.least[1]:g})")
    sys.exit(not passes)


if __name__ == "__main__":
    main()
