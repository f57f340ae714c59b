"""A copy of the tree, in a folder below build, that is edited, built and tested: what the programs of this folder share."""

import contextlib
import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


# What an edit may leave behind: no errors, though the build takes other warnings for errors.
WARNINGS = """array-bounds bool-compare bool-operation div-by-zero duplicated-branches empty-body int-in-bool-context
    logical-op maybe-uninitialized misleading-indentation parentheses return-type shadow sign-compare stringop-overflow
    tautological-compare type-limits uninitialized unused-but-set-parameter unused-but-set-variable unused-function
    unused-label unused-local-typedefs unused-parameter unused-value unused-variable""".split()


class MutatedCopy:
    """The tracked files and a build of them. Its options are those of tests/run.sh --werror, whose objects ccache then
    has, but for the benchmarks, and for the levels of the CPU kernels: the lowest alone, so that an edit of them is
    compiled once."""

    def __init__(self, folder):
        self.folder = ROOT / "build" / folder  # as deep as build/cpu-release: ccache then knows its objects
        self.build_folder = self.folder / "build" / "release"
        os.environ.setdefault("CCACHE_BASEDIR", str(ROOT))
        os.environ.setdefault("CCACHE_NOHASHDIR", "1")
        files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
        for name in filter(None, files.split("\0")):
            source, target = ROOT / name, self.folder / name
            if not source.is_file() or (target.exists() and target.read_bytes() == source.read_bytes()):
                continue  # what has not changed keeps its time, so that builds stay small
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            shutil.copymode(source, target)
        subprocess.run(["cmake", "-S", self.folder, "-B", self.build_folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                        "-DINPAINT_BENCH=OFF", "-DINPAINT_CUDA=EXECUTOR", "-DINPAINT_LEVELS=x86-64",
                        "-DINPAINT_WERROR=ON", "-DINPAINT_UNITE=TESTS"], check=True, capture_output=True)

    @contextlib.contextmanager
    def edited(self, name, text):
        """The file `name` holds `text`."""
        path = self.folder / name
        original = path.read_text()
        pragmas = "".join(f'#pragma GCC diagnostic warning "-W{warning}"\n' for warning in WARNINGS)
        path.write_text(f"{pragmas}#line 1\n{text}")
        try:
            yield
        finally:
            path.write_text(original)

    def build(self, targets):
        """None, or the first error."""
        made = subprocess.run(["cmake", "--build", self.build_folder, "--target", *targets], capture_output=True, text=True)
        if made.returncode == 0:
            return None
        return next((line for line in made.stdout.splitlines() if "error:" in line), made.stdout[-200:])

    def program(self, name):
        return self.build_folder / "bin" / name

    def caught(self, command, seconds):
        """How the command saw what is wrong, or None."""
        try:
            run = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=seconds)
        except subprocess.TimeoutExpired:
            return "the tests no longer end"
        if re.search(r"test cases: +0 \|", run.stdout) or "\n0 passed, 0 failed" in run.stdout:
            raise SystemExit(f"error: no test case has this name: {command[-1]}")
        return None if run.returncode == 0 else account(run)


def account(run):
    """The first of the cases that failed, and what the executor said."""
    seen = {line.split("TEST CASE:")[1].strip() for line in run.stdout.splitlines() if "TEST CASE:" in line}
    seen |= {line[5:90] for line in run.stdout.splitlines() if line.startswith("FAIL ")}
    text = sorted(seen)[0] if seen else "a crash"
    violation = re.search(r"violation: kernel \S* ?(.*?_kernel).*?(block \(.*?)(?:; in|$)", run.stderr, re.MULTILINE)
    return text + (f"; the executor: {violation[1]}: {violation[2]}" if violation else "")


