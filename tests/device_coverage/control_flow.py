"""The basic blocks of a program's code, and the ways from one to the next, found in its machine code.

A block is where the code calls the hook of -fsanitize-coverage=trace-pc, which GCC puts at the beginning of
each of its basic blocks; the address behind that call is the block's name. From there the code is followed over
jumps until it calls the hook again: those blocks can be next. Where there are several, each is a way of a branch.
A call of a function that has blocks ends a node, and the code behind the call is a node of its own.
"""
import bisect
import re
import subprocess
from typing import NamedTuple

HOOK = "__sanitizer_cov_trace_pc"
# An instruction behind which the code need not go on: its address, kind, target, the target's symbol, the
# offset from that, and the next instruction's address.
CONTROL = re.compile(r"^ *([0-9a-f]+):\t(?:bnd |notrack )?(call|j[a-z]+|ret|ud2|hlt) *"
                     r"(?:([0-9a-f]+) <([^>+]+)(\S*)>)?.*$(?=\n *(?:([0-9a-f]+):)?)", re.MULTILINE)
NO_RETURN = re.compile(r"(?:_Unwind_Resume|abort|__cxa_(?:re)?throw|__cxa_bad_cast|__cxa_throw_bad_array_new_length|"
                       r"__assert_fail|_ZSt9terminatev|_ZSt\d+__throw_\w+|_ZN7inpaint8executor4trap\w+)(?:@plt)?$")


class Control(NamedTuple):
    address: int
    after: int
    kind: str  # "hook", "call", "jmp", "j..." or "end"
    target: int  # None: not known


class Call(NamedTuple):
    function: int  # the address of its first instruction
    after: int  # where the code goes on, or None


class Branch(NamedTuple):
    jump: int  # the address of the jump at which the ways part
    ways: frozenset  # of blocks and calls


class Node(NamedTuple):
    """Code that runs from its first instruction to the next node."""
    stretches: list  # (begin, end) of code
    next: frozenset  # of blocks and calls
    branch: Branch  # None where there is but one way


def controls(path, begin, end):
    run = subprocess.run(["objdump", "-d", "--no-show-raw-insn", f"--start-address={begin}",
                          f"--stop-address={end}", path], check=True, capture_output=True, text=True)
    for address, kind, target, symbol, offset, after in CONTROL.findall(run.stdout):
        symbol = "" if offset else symbol
        if symbol.split("@")[0] == HOOK:
            kind = "hook"
        elif kind in ("ret", "ud2", "hlt") or (kind == "call" and NO_RETURN.match(symbol)):
            kind = "end"
        yield Control(int(address, 16), int(after, 16) if after else None, kind, int(target, 16) if target else None)


class ControlFlow:
    """`functions`: all that have code between `begin` and `end`, in their order."""

    def __init__(self, path, begin, end, functions):
        self.controls = list(controls(path, begin, end))
        self.addresses = [control.address for control in self.controls]
        self.functions, self.begins = functions, [function.begin for function in functions]
        hooked = [self.function_at(control.address) for control in self.controls if control.kind == "hook"]
        self.entries = {f.begin for f in hooked if f and not f.name.endswith(".cold")}
        self.reached = {}

    def function_at(self, address):
        k = bisect.bisect_right(self.begins, address) - 1
        return self.functions[k] if k >= 0 and address < self.functions[k].end else None

    def behind(self, address):
        """The first control of the function at an address or behind it."""
        k = bisect.bisect_left(self.addresses, address)
        function = self.function_at(address)
        return self.controls[k] if function and k < len(self.controls) and self.addresses[k] < function.end else None

    def step(self, control):
        """(where the code goes on without a new node, new nodes)"""
        if control.kind == "hook":
            return [], [control.after]
        if control.kind == "call":
            if control.target in self.entries:
                return [], [Call(control.target, control.after)]
            return [control.after], []
        if control.kind == "jmp":
            if control.target in self.entries:
                return [], [Call(control.target, None)]
            return [control.target], []
        return ([], []) if control.kind == "end" else ([control.target, control.after], [])

    def follow(self, address):
        """(stretches, next nodes) of the code from an address on."""
        if address in self.reached:
            return self.reached[address]
        stretches, found, todo, seen = [], set(), [address], set()
        while todo:
            at = todo.pop()
            control = self.behind(at) if at is not None and at not in seen else None
            seen.add(at)
            if control is None:
                continue
            stretches.append((at, control.address + (control.kind != "hook")))
            on, nodes = self.step(control)
            todo += on
            found.update(nodes)
        self.reached[address] = stretches, frozenset(found)
        return self.reached[address]

    def branch(self, address):
        seen = set()
        while address is not None and address not in seen:
            seen.add(address)
            control = self.behind(address)
            on, _ = self.step(control) if control else ([], [])
            if len(on) < 2:
                address = on[0] if on else None
                continue
            ways = [self.follow(target)[1] if target is not None else frozenset() for target in on]
            if ways[0] != ways[1] and len(ways[0] | ways[1]) > 1:
                return Branch(control.address, ways[0] | ways[1])
            address = max(zip(map(len, ways), on, strict=True), key=lambda way: way[0])[1]
        return None

    def node(self, address):
        stretches, found = self.follow(address)
        return Node(stretches, found, self.branch(address) if len(found) > 1 else None)
