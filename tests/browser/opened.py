"""What the tests in a browser share: the programs' folder, a check, and a page that is watched while it is open."""
import subprocess
from pathlib import Path

BUILD = Path(__file__).parents[2] / "build" / "cpu-release" / "bin"


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def run_program(program, folder, *arguments):
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True)
    check(done.returncode == 0, f"{program.name} {' '.join(arguments)}: {done.stdout[-1000:]}{done.stderr[-1000:]}")


class OpenedPage:
    """A page in a context of its own, closed at the end of `with`. What its listeners put into `faults` fails the case."""

    def __init__(self, browser, **options):
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.faults = []
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))

    def __enter__(self):
        return self.page

    def __exit__(self, kind, *_):
        self.context.close()
        if kind is None:
            check(not self.faults, "; ".join(self.faults))
