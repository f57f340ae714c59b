"""A program's kernels, and the code they reach: nodes of its control flow with their lines and branches."""
import bisect
import os
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from control_flow import Call, ControlFlow
from elf import Elf
from line_table import line_tables

ROOT = Path(__file__).resolve().parents[2]


class Code(NamedTuple):
    """A node of a kernel's control flow. Blocks are named alike in every program: (function, offset)."""
    runs: frozenset  # it ran when one of these blocks did
    lines: frozenset  # (file, line)
    jump: tuple  # the place of its branch, or None
    source: object  # the block that the ways begin in; None: where the code returns to from a called function
    ways: tuple  # ((place, how many before it have that place), blocks) of each
    kernel: tuple  # (file, name)


def first(to):
    return to.function if isinstance(to, Call) else to


def demangled(names):
    run = subprocess.run(["c++filt"], input="\n".join(names), check=True, capture_output=True, text=True)
    return run.stdout.splitlines()


def base_name(function):
    """`f` of "void a::(anonymous namespace)::f<int>(int)"."""
    depth, kept = 0, ""
    for character in function.replace("(anonymous namespace)", ""):
        if character == "(" and depth == 0:
            break
        depth += {"<": 1, ">": -1}.get(character, 0)
        if depth == 0 and character != ">":
            kept += character
    return re.split(r"\W", kept)[-1]


class Program:
    """`folders`: whose files count."""

    def __init__(self, path, folders):
        self.path, elf = path, Elf(path)
        self.folders = tuple(f"{folder}/" for folder in folders)
        self.functions = elf.functions()
        self.begins = [function.begin for function in self.functions]
        rows = [row for source, rows in line_tables(elf) if source.endswith(".cu") for row in rows]
        lowest = elf.sections[".text"][3]
        self.rows = sorted((row for row in rows if row.address >= lowest),
                           key=lambda row: (row.address, row.place is not None))
        self.row_addresses = [row.address for row in self.rows]
        self.files = {}

    def is_readable(self):
        """Whether it has the symbols and lines of .cu files: an installed program is stripped of them."""
        return bool(self.functions and self.rows)

    def file(self, name):
        """The path in this checkout of a file as the compiler was given it."""
        if name not in self.files:
            path = os.path.relpath(os.path.join(self.path.parents[1], name), ROOT)
            self.files[name] = name if path.startswith("..") else path
        return self.files[name]

    def is_counted(self, file):
        return file.startswith(self.folders)

    def place(self, address):
        """(file, line, column) of an instruction, or None."""
        row = self.rows[bisect.bisect_right(self.row_addresses, address) - 1]
        return row.place and (self.file(row.place.file), row.place.line, row.place.column)

    def lines(self, stretches):
        """(file, line) of each instruction that counts."""
        for begin, end in stretches:
            covering = bisect.bisect_right(self.row_addresses, begin) - 1
            for row in self.rows[max(covering, 0):bisect.bisect_left(self.row_addresses, end)]:
                if row.place and self.is_counted(self.file(row.place.file)):
                    yield self.file(row.place.file), row.place.line

    def block(self, address):
        """The name of a block, or of any place: ((source, function, its size), offset)."""
        function = self.functions[bisect.bisect_right(self.begins, address) - 1]
        return (function.source, function.name, function.end - function.begin), address - function.begin

    def pairs(self, numbers):
        """Pairs of blocks, the first None where a thread begins, of what the executor noted."""
        for number in numbers:
            begin, to = number & 0xffffffff, number >> 32
            yield self.block(begin) if begin else None, self.block(to)

    def kernels(self):
        """(function, name) of each, and of a few other functions of that name."""
        functions = [f for f in self.functions if "_kernel" in f.name and not f.name.endswith(".cold")]
        names = map(base_name, demangled([function.name for function in functions]))
        return [(function, name) for function, name in zip(functions, names, strict=True) if name.endswith("_kernel")]

    def codes(self, known):
        """The nodes of all kernels that are not known yet."""
        new = [(f, name) for f, name in self.kernels() if self.block(f.begin)[0] not in known]
        if not new:
            return
        flow = ControlFlow(self.path, self.rows[0].address, self.rows[-1].address, self.functions)
        for function, name in new:
            known.add(self.block(function.begin)[0])
            place = self.place(function.begin)  # none where no .cu file has it
            if place and self.is_counted(place[0]):
                yield from self.codes_of(flow, function, (place[0], name))

    def codes_of(self, flow, function, kernel):
        """The nodes that a kernel reaches."""
        seen = set()
        todo = [(function.begin, None, None)]  # address, the block that begins there, blocks of which one must have run
        while todo:
            address, block, runs = todo.pop()
            if address in seen:
                continue
            seen.add(address)
            node = flow.node(address)
            blocks = {to: [self.block(begun) for begun in self.entered(flow, to)] for to in node.next}
            runs = {block} if block else runs or {b for to in blocks.values() for b in to}
            for to in node.next:
                if isinstance(to, Call):
                    todo.append((to.function, None, None))
                    if to.after:
                        todo.append((to.after, None, runs))
                else:
                    todo.append((to, self.block(to), None))
            jump = node.branch and self.place(node.branch.jump)
            jump = jump if jump and self.is_counted(jump[0]) else None
            ways = tuple(self.numbered((self.place(to.function if isinstance(to, Call) else to - 1), tuple(blocks[to]))
                                 for to in (sorted(node.branch.ways, key=first) if jump else ())))
            yield Code(frozenset(runs), frozenset(self.lines(node.stretches)), jump, block, ways, kernel)

    @staticmethod
    def numbered(ways):
        """The ways, and in each place how many before it have the same."""
        seen = Counter()
        for place, blocks in ways:
            yield (place, seen[place]), blocks
            seen[place] += 1

    @staticmethod
    def entered(flow, to):
        """The blocks that begin there."""
        return flow.follow(to.function)[1] if isinstance(to, Call) else [to]
