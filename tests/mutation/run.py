#!/usr/bin/env python3
"""Plants known bugs (bugs.py) one at a time in a copy of the tree and sees whether the tests catch them.

    tests/mutation/run.py            all of them
    tests/mutation/run.py --fast     the few that every CI run plants, behind a tests/run.sh that has passed
    tests/mutation/run.py --only 'momentum*'

Builds in build/mutation. Prints a line per bug and ends with `N passed, N failed`: passed are the caught ones. An edit
that no longer fits the source, or does not compile, counts as failed.
"""

import argparse
import fnmatch
import sys

from bugs import BUGS
from mutated_copy import ROOT, MutatedCopy


def verdict(copy, program, cases):
    """Whether the cases catch what is wrong, and how."""
    targets, command = [program], [copy.program(program), f"-tc={cases}"]
    if program == "parity":
        targets = ["inpaint_train_program", "inpaint_eval", "inpaint_fill", "inpaint_export", "parity_probe"]
        command = [ROOT / "tests/parity/run.sh", copy.build_folder / "bin", "--only", cases]
    error = copy.build(targets)
    if error is not None:
        return False, f"does not compile: {error}"
    how = copy.caught(command, seconds=300)
    return how is not None, f"caught: {how}" if how else "SURVIVED"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="only the bugs marked FAST")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="only bugs whose description matches")
    arguments = parser.parse_args()
    chosen = [bug for bug in BUGS if fnmatch.fnmatch(bug[3], arguments.only) and (len(bug) > 6 or not arguments.fast)]

    torn = [f"{name}: {what}" for name, right, _, what, *_ in BUGS if right not in (ROOT / name).read_text()]
    if torn:
        sys.exit("error: edits that no longer fit their source:\n" + "\n".join(torn))

    copy = MutatedCopy("mutation")
    unharmed = set() if arguments.fast else {bug[4:6] for bug in chosen}
    for program, cases in sorted(unharmed):
        _, text = verdict(copy, program, cases)
        if text != "SURVIVED":  # without a bug the tests have to pass
            sys.exit(f"error: without any bug, {program} -tc='{cases}': {text}")

    failed = 0
    for name, right, wrong, what, program, cases, *_ in chosen:
        with copy.edited(name, (copy.folder / name).read_text().replace(right, wrong, 1)):
            caught, text = verdict(copy, program, cases)
        failed += not caught
        print(f"{'ok  ' if caught else 'FAIL'} {name}: {what}: {text}", flush=True)
    print(f"{len(chosen) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
