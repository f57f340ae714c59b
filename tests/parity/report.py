"""One line per case, and the count at the end."""
import concurrent.futures
import fnmatch
import multiprocessing
import time
import traceback


class Failure(AssertionError):
    """A case's finding; its text is printed after the case's name."""


class Skip(Exception):
    """A case that cannot be judged here, and why; it counts neither as passed nor as failed."""


def check(condition, text):
    if not condition:
        raise Failure(text)


def check_close(got, want, bound, what):
    """Relative to |want|; the deviation, so that a case can report it."""
    deviation = abs(got - want) / max(abs(want), 1e-300)
    check(deviation <= bound, f"{what}: got {got!r}, want {want!r}, relative deviation {deviation:.1e} > {bound:.0e}")
    return deviation


cases = []  # (name, function, arguments), where forked processes find them: only numbers travel


def run_case(index):
    name, function, arguments = cases[index]
    start = time.monotonic()
    try:
        detail, verdict = function(*arguments), "ok  "
    except Skip as reason:
        detail, verdict = str(reason), "skip"
    except Failure as failure:
        detail, verdict = str(failure), "FAIL"
    except Exception:  # a broken case counts as failed, the others still run
        detail, verdict = traceback.format_exc(), "FAIL"
    seconds = time.monotonic() - start
    return verdict, f"{verdict} {name} ({seconds:.1f} s){': ' + detail if detail else ''}"


class Report:
    """Collects the cases whose name matches, then runs them, several at a time in processes of their own."""

    def __init__(self, only="*"):
        self.only = only

    def case(self, name, function, *arguments):
        """What the function returns (a text or None) stands behind the case's name."""
        if fnmatch.fnmatch(name, self.only):
            cases.append((name, function, arguments))

    def run(self, jobs):
        """Prints a line per case and the count; the exit status. No case at all is a failure: a mistyped pattern must
        not pass."""
        count = {"ok  ": 0, "FAIL": 0, "skip": 0}
        with concurrent.futures.ProcessPoolExecutor(jobs, multiprocessing.get_context("fork")) as pool:
            for future in concurrent.futures.as_completed([pool.submit(run_case, i) for i in range(len(cases))]):
                verdict, line = future.result()
                print(line, flush=True)
                count[verdict] += 1
        passed, failed, skipped = count.values()
        print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
        return 1 if failed or not passed else 0
