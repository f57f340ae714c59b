#!/usr/bin/env python3
"""The coverage of device code names what did not run, and nothing else.

    tests/device_coverage/run_test.py build/cpu-release/bin/device_coverage_sample      ends with `N passed, N failed`
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
SOURCE = "tests/device_coverage/sample.cu"
# The marks of the sample's lines.
LINES = {found[1]: number for number, text in enumerate((FOLDER / "sample.cu").read_text().splitlines(), 1)
         if (found := re.search(r";?\s+// (odd|add|negative|one line|loop|body|break|launched|rare)$", text))}


def report(folder, *runs, least=(100, 100)):
    """The exit code, the lines that never ran, the lines of branches with a way not taken, and all of the output, after
    runs of the sample with these numbers."""
    for numbers in runs:
        subprocess.run([sys.argv[1], *map(str, numbers)], check=True,
                       env=os.environ | {"INPAINT_DEVICE_COVERAGE": str(folder)})
    done = subprocess.run([sys.executable, FOLDER / "run.py", folder, "--of", "tests/device_coverage", "--least",
                           *map(str, least)], capture_output=True, text=True, check=False)
    lines = set()
    for texts in re.findall(rf"{SOURCE}: never runs (.*)", done.stdout):
        for text in texts.split(", "):
            begin, _, end = text.partition("-")
            lines.update(range(int(begin), int(end or begin) + 1))
    branches = {int(line) for line in re.findall(rf"{SOURCE}:(\d+):\d+: never goes to ", done.stdout)}
    return done.returncode, lines, branches, done.stdout + done.stderr


def at(*marks):
    return {LINES[mark] for mark in marks}


def what_never_runs_is_named(folder):
    code, lines, branches, text = report(folder, [2])
    assert code == 1 and at("add", "negative", "rare") <= lines, text
    assert not lines & at("odd", "loop", "body", "break", "launched", "one line"), text
    assert branches == at("odd", "one line", "break"), text


def a_way_is_missed_though_each_line_runs(folder):
    code, lines, branches, text = report(folder, [11], [-1], [99])
    assert code == 1 and not lines, text
    assert branches == at("odd", "one line"), text
    assert report(folder, least=(100, 75))[0] == 0  # 6 ways of 8
    assert report(folder, least=(100, 76))[0] == 1


def all_is_taken_by_several_processes_and_kernels_together(folder):
    # Odd in one instance, even in the other.
    code, lines, branches, text = report(folder, [-1], [12, 2, 60], [98], [99])
    assert code == 0 and not lines and not branches, text
    assert "(100.0 %, at least 100)" in text, text


def a_kernel_that_no_program_holds_is_named(folder):
    code, _, _, text = report(folder, least=(0, 0))
    assert code == 1 and f"{SOURCE}, rare_kernel: in no program" in text, text


def a_copy_that_is_gone_or_stripped_counts_nothing(folder):
    for name, strip in (("gone", False), ("stripped", True)):
        copy = folder / name
        shutil.copy(sys.argv[1], copy)
        if strip:
            subprocess.run(["strip", copy], check=True)
        (folder / "ways").mkdir(exist_ok=True)
        subprocess.run([copy, "2"], check=True, env=os.environ | {"INPAINT_DEVICE_COVERAGE": str(folder / "ways")})
        if not strip:
            copy.unlink()
    assert len(list((folder / "ways").iterdir())) == 2
    code, lines, branches, text = report(folder / "ways")
    assert code == 1 and not lines and not branches and "in no program" in text, text


def a_program_built_after_its_tests_is_an_error(folder):
    copy = folder / "copy"
    shutil.copy(sys.argv[1], copy)
    (folder / "ways").mkdir()
    subprocess.run([copy, "2"], check=True, env=os.environ | {"INPAINT_DEVICE_COVERAGE": str(folder / "ways")})
    os.utime(copy, (time.time() + 60, time.time() + 60))
    code, _, _, text = report(folder / "ways")
    assert code == 1 and "is newer than what its tests left" in text, text


def main():
    passed = failed = 0
    for case in (what_never_runs_is_named, a_way_is_missed_though_each_line_runs,
                 all_is_taken_by_several_processes_and_kernels_together, a_kernel_that_no_program_holds_is_named,
                 a_copy_that_is_gone_or_stripped_counts_nothing, a_program_built_after_its_tests_is_an_error):
        with tempfile.TemporaryDirectory() as folder:
            try:
                case(Path(folder))
                passed += 1
            except AssertionError as error:
                failed += 1
                print(f"{case.__name__}: {error}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
