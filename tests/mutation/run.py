#!/usr/bin/env python3
"""Plants known bugs (bugs.py) one at a time in a copy of the tree and sees whether the tests catch them.

    tests/mutation/run.py            all of them
    tests/mutation/run.py --fast     the few that every CI run plants, behind a tests/run.sh --werror that has passed
    tests/mutation/run.py --only 'momentum*'

Builds in build/mutation, with the options of tests/run.sh. Prints a line per bug and ends with `N passed, N failed`: passed are the caught ones. An edit
that no longer fits the source, or does not compile, counts as failed.
"""

import argparse
import fnmatch
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from bugs import BUGS

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / "build" / "mutation"
BUILD = COPY / "build" / "release"  # as deep as build/cpu-release: ccache, where it is, then knows its objects


def copy_tree():
    """The tracked files; those that have not changed keep their time, so that builds stay small."""
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, files.split("\0")):
        source, target = ROOT / name, COPY / name
        if not source.is_file() or (target.exists() and target.read_bytes() == source.read_bytes()):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        shutil.copymode(source, target)


def command(program, cases):
    """Targets to build, and how to run the cases."""
    if program == "parity":
        programs = ["inpaint_train_program", "inpaint_eval", "inpaint_fill", "inpaint_export", "parity_probe"]
        return programs, [ROOT / "tests/parity/run.sh", BUILD / "bin", "--only", cases]
    return [program], [BUILD / "bin" / program, f"-tc={cases}"]


def verdict(program, cases):
    targets, tests = command(program, cases)
    made = subprocess.run(["cmake", "--build", BUILD, "--target", *targets], capture_output=True, text=True)
    if made.returncode != 0:
        errors = [line for line in made.stdout.splitlines() if "error" in line]
        return False, f"does not compile: {errors[:1]}"
    try:
        run = subprocess.run(tests, capture_output=True, text=True, errors="replace", timeout=300)
    except subprocess.TimeoutExpired:
        return True, "caught: the tests no longer end"
    if run.returncode == 0:
        none_ran = "0 | 0 passed" in run.stdout or "\n0 passed, 0 failed" in run.stdout
        return False, "no test case has this name" if none_ran else "SURVIVED"
    seen = {line.split("TEST CASE:")[1].strip() for line in run.stdout.splitlines() if "TEST CASE:" in line}
    seen |= {line[5:90] for line in run.stdout.splitlines() if line.startswith("FAIL ")}
    text = f"caught by {len(seen)}: {sorted(seen)[0] if seen else 'a crash'}"
    violations = re.findall(r"violation: kernel \S* ?(.*?_kernel).*?(block \(.*?)(?:; in|$)", run.stderr, re.MULTILINE)
    return True, text + (f"; the executor: {violations[0][0]}: {violations[0][1]}" if violations else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="only the bugs marked FAST")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="only bugs whose description matches")
    arguments = parser.parse_args()
    chosen = [bug for bug in BUGS if fnmatch.fnmatch(bug[3], arguments.only) and (len(bug) > 6 or not arguments.fast)]

    torn = [f"{name}: {what}" for name, right, _, what, *_ in BUGS if right not in (ROOT / name).read_text()]
    if torn:
        sys.exit("error: edits that no longer fit their source:\n" + "\n".join(torn))

    copy_tree()
    # The lowest level of the CPU kernels alone: a bug in them is then compiled once.
    # A bug may leave a name unused, which is no error here. None of the fast ones does: they are built with
    # the options of CI's tests, so that ccache has all else.
    werror = "ON" if arguments.fast else "OFF"
    subprocess.run(["cmake", "-S", COPY, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DINPAINT_BENCH=OFF",
                    "-DINPAINT_CUDA=EXECUTOR", "-DINPAINT_LEVELS=x86-64", f"-DINPAINT_WERROR={werror}"], check=True, capture_output=True)
    unharmed = set() if arguments.fast else {bug[4:6] for bug in chosen}
    for program, cases in sorted(unharmed):
        passes, text = verdict(program, cases)
        if passes or text != "SURVIVED":  # without a bug the tests have to pass
            sys.exit(f"error: without any bug, {program} -tc='{cases}': {text}")

    failed = 0
    for name, right, wrong, what, program, cases, *_ in chosen:
        path = COPY / name
        original = path.read_text()
        path.write_text(original.replace(right, wrong, 1))
        try:
            caught, text = verdict(program, cases)
        finally:
            path.write_text(original)
        failed += not caught
        print(f"{'ok  ' if caught else 'FAIL'} {name}: {what}: {text}", flush=True)
    print(f"{len(chosen) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    os.chdir(ROOT)
    os.environ.setdefault("CCACHE_BASEDIR", str(ROOT))
    os.environ.setdefault("CCACHE_NOHASHDIR", "1")
    sys.exit(main())
