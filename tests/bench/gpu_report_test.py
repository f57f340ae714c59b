#!/usr/bin/env python3
"""The report on a GPU: parts that hang are killed with what they started, parts that fail are reported, others go on.

    tests/bench/gpu_report_test.py        ends with `N passed, N failed`
"""
import fnmatch
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def program(folder, name, text):
    path = folder / name
    path.write_text("#!/bin/bash\n" + text)
    path.chmod(0o755)


def report(folder, *arguments):
    """What the report wrote, its exit code, and the seconds it took."""
    results = folder / "report.json"
    begin = time.monotonic()
    done = subprocess.run([sys.executable, ROOT / "bench/gpu_report.py", "--dry_run", "--bin", folder, "--results", results,
                           *map(str, arguments)], capture_output=True, text=True, timeout=60)
    return json.loads(results.read_text()), done.returncode, time.monotonic() - begin


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"


def a_part_that_hangs_is_killed_with_its_children(folder):
    program(folder, "bench_train", "echo bench_train 1\n")
    program(folder, "kernels_tests", f"sleep 1000 & echo $! > {folder}/child\nwait\n")
    program(folder, "cuda_training_tests", "exit 0\n")
    found, code, seconds = report(folder, "--section", "build", "op_tests", "--seconds", 3)
    parts = found["sections"]["op_tests"]
    assert code == 1 and seconds < 20, (code, seconds)
    assert found["sections"]["build"]["version"]["state"] == "passed"
    assert parts["kernels_tests"]["state"] == "failed" and "not done after" in parts["kernels_tests"]["reason"], parts
    assert parts["cuda_training_tests"] == {"state": "not measured", "reason": "no time was left", "seconds": 0.0}, parts
    assert not alive(int((folder / "child").read_text()))


def a_part_that_fails_stops_no_other_and_its_output_is_kept(folder):
    program(folder, "bench_train", "echo bench_train 1\n")
    program(folder, "kernels_tests", "for i in $(seq 1000); do echo line $i; done; exit 3\n")
    program(folder, "cuda_training_tests", "echo 'test cases: 2 | 2 passed | 0 failed | 0 skipped'\n")
    found, code, _ = report(folder, "--section", "op_tests")
    parts = found["sections"]["op_tests"]
    assert code == 1
    assert parts["kernels_tests"]["state"] == "failed" and "exit code 3" in parts["kernels_tests"]["reason"]
    assert parts["cuda_training_tests"]["found"] == {"cases": 2, "passed": 2, "failed": 0}
    assert "line 1\n" in (folder / "report.log").read_text()


def tests_that_did_not_run_are_no_success(folder):
    program(folder, "kernels_tests", "echo 'test cases: 0 | 0 passed | 0 failed | 9 skipped'\n")
    program(folder, "cuda_training_tests", "exit 0\n")
    found, code, _ = report(folder, "--section", "op_tests")
    assert code == 1
    assert all(part["state"] == "failed" for name, part in found["sections"]["op_tests"].items() if name.endswith("_tests"))


def every_filter_names_a_test_case(_):
    sys.path.insert(0, str(ROOT / "bench"))
    from gpu_report import DRY_TESTS, SANITIZED
    sources = "".join(path.read_text() for path in (ROOT / "tests/kernels").rglob("*.cpp"))
    names = re.findall(r'TEST_CASE\(\s*"([^"]*)', sources)
    for tests in DRY_TESTS + SANITIZED:
        assert any(fnmatch.fnmatchcase(name, tests) for name in names), tests


def main():
    cases = (every_filter_names_a_test_case, a_part_that_hangs_is_killed_with_its_children, a_part_that_fails_stops_no_other_and_its_output_is_kept,
             tests_that_did_not_run_are_no_success)
    failed = 0
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            try:
                case(Path(folder))
            except AssertionError as error:
                failed += 1
                print(f"FAILED {case.__name__}: {error}")
    print(f"{len(cases) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
