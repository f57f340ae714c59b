"""One line per case, and the count at the end."""
import fnmatch
import time
import traceback


class Failure(AssertionError):
    """A case's finding; its text is printed after the case's name."""


def check(condition, text):
    if not condition:
        raise Failure(text)


def check_close(got, want, bound, what):
    """Relative to |want|; the deviation, so that a case can report it."""
    deviation = abs(got - want) / max(abs(want), 1e-300)
    check(deviation <= bound, f"{what}: got {got!r}, want {want!r}, relative deviation {deviation:.1e} > {bound:.0e}")
    return deviation


class Report:
    def __init__(self, only="*", list_only=False):
        self.only, self.list_only = only, list_only
        self.passed, self.failed = 0, 0

    def case(self, name, function, *arguments):
        """Runs one case; what the function returns (a text or None) stands behind its name."""
        if not fnmatch.fnmatch(name, self.only):
            return
        if self.list_only:
            print(name)
            return
        start = time.monotonic()
        try:
            detail = function(*arguments)
            self.passed += 1
            verdict = "ok  "
        except Failure as failure:
            detail, verdict = str(failure), "FAIL"
            self.failed += 1
        except Exception:  # a broken case counts as failed, the others still run
            detail, verdict = traceback.format_exc(), "FAIL"
            self.failed += 1
        print(f"{verdict} {name} ({time.monotonic() - start:.1f} s){': ' + detail if detail else ''}", flush=True)

    def finish(self):
        """Prints the count; the exit status. No case at all is a failure: a mistyped pattern must not pass."""
        if self.list_only:
            return 0
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0
