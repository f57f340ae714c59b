#!/usr/bin/env python3
"""Draws mutants of kernels, nn and train, each an edit of one line (mutants.rules), and sees which the tests catch.

    tests/mutation/generated.sh                            400 of them, or those that an earlier run has left
    tests/mutation/generated.sh --near                     on the cases of their folders alone: a first look, in an hour
    tests/mutation/generated.sh --only 'kernels/conv/*'
    tests/mutation/generated.sh --list                     names them, builds nothing

Behind a tests/run.sh that has passed: build/cpu-release says which cases there are, and how long each takes. A mutant
meets first the cases of its file, then those of its folder and of the folders above, then all of the programs that
contain it. What becomes of it is written at once, to tried-SEED.jsonl beside this file where it is kept, else to
build/mutants-SEED.jsonl; a mutant that stands there is not tried again as long as its line stays as it is, but for
survivors of --near. Delete the file to begin anew. Prints a table, and the survivors. equivalents.py names those that no
test can catch, with the reason; they are not tried.
"""

import argparse
import collections
import contextlib
import fnmatch
import hashlib
import io
import json
import queue
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bugs import BUGS
from equivalents import EQUIVALENT
from mutated_copy import ROOT, MutatedCopy

HERE = Path(__file__).resolve().parent
RULES = HERE / "mutants.rules"
SHARES = {"kernels, CUDA": 0.42, "kernels, CPU": 0.22, "nn": 0.1, "train": 0.26}  # of a sample
PROGRAMS = {  # that contain a folder, in the order in which a mutant meets them
    "kernels": ["nn_tests", "cuda_training_tests", "train_tests", "kernels_tests", "cuda_executor_tests",
                "ledger_tests"],
    "nn": ["nn_tests", "cuda_training_tests", "train_tests", "ledger_tests"],
    "train": ["train_tests", "tools_tests", "cuda_training_tests", "reliability_tests"],
}
OWN, FOLDER, FARTHER = range(3)  # how far a case is from a mutant
NEAR_SURVIVOR = "survived near"  # met the cases of its folder alone
NEEDS = {"tools_tests": ["all"], "reliability_tests": ["all"]}  # targets beyond the program itself

Mutant = collections.namedtuple("Mutant", "id file line before after")
Case = collections.namedtuple("Case", "program filter name file seconds")


def part(file):
    if file.startswith("kernels/"):
        return "kernels, CUDA" if "_cuda" in file or "/cuda/" in file or file.endswith(".cu") else "kernels, CPU"
    return file.split("/")[0]


def sources():
    names = subprocess.run(["git", "ls-files", "kernels", "nn", "train"], cwd=ROOT, check=True, capture_output=True,
                           text=True).stdout.split()
    return [name for name in names if re.search(r"\.(h|cpp|cu)$", name)]


def digest(*words):
    return hashlib.sha1("\n".join(map(str, words)).encode()).hexdigest()


def mutants_of(file):
    """By line: every edit of it that the rules make."""
    from universalmutator.mutator import mutants_regexp  # from PyPI

    lines = (ROOT / file).read_text().splitlines(keepends=True)
    with contextlib.redirect_stdout(io.StringIO()):  # which tells what rules it reads
        edits = mutants_regexp(lines, [str(RULES)], ignorePatterns=[], ignoreStringOnly=True)
    by_line = collections.defaultdict(list)
    for number, text, *_ in edits:
        before, after = lines[number - 1].rstrip("\n"), text.rstrip("\n")
        key = digest(file, before, after, lines[:number].count(lines[number - 1]))
        by_line[number].append(Mutant(key[:10], file, number, before, after))
    return by_line


def sample(count, seed):
    """Every part has its share; within it each line counts the same, whatever the number of its mutants. A line is
    drawn by a number of its own, so that a change of other lines changes little of the sample."""
    lines = collections.defaultdict(list)
    for file in sources():
        for mutants in mutants_of(file).values():
            drawn = min(mutants, key=lambda mutant: digest(seed, mutant.id))
            lines[part(file)].append((digest("line", seed, sorted(mutant.id for mutant in mutants)), drawn))
    return [mutant for name, share in SHARES.items() for _, mutant in sorted(lines[name])[:round(count * share)]]


def test_cases():
    """Those of build/cpu-release, with their files and times."""
    build = ROOT / "build/cpu-release"
    costs = build / "Testing/Temporary/CTestCostData.txt"
    if not costs.exists():
        sys.exit("error: build/cpu-release has no times of tests; run tests/run.sh first")
    seconds = {}
    for line in costs.read_text().splitlines():
        words = line.rsplit(" ", 2)
        if len(words) == 3:
            seconds[words[0]] = float(words[2])
    files = {}
    for path in sorted((ROOT / "tests").rglob("*_test.cpp")):
        for literals in re.findall(r'TEST_CASE(?:_TEMPLATE)?\(\s*((?:"[^"]*"\s*)+)', path.read_text()):
            files["".join(re.findall(r'"([^"]*)"', literals))] = str(path.relative_to(ROOT / "tests"))
    listed = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], check=True, capture_output=True,
                            text=True).stdout
    cases = []
    for test in json.loads(listed)["tests"]:
        program, *options = test["command"]
        if options and options[0].startswith("--test-case="):
            name = options[0].split("=", 1)[1].replace("\\,", ",")
            file = files.get(name) or files.get(re.sub(r"<.*>$", "", name), "")
            cases.append(Case(Path(program).name, options[0].split("=", 1)[1], name, file, seconds.get(test["name"], 1)))
    return cases


def stages(file, cases):
    """(distance, cases) that a mutant of `file` meets, one after the other: its own, its folder's, all others."""
    folder, name = file.rsplit("/", 1)
    stem = re.sub(r"(_cuda|_cpu)?\.\w+$", "", name)
    filters = {pattern.replace("\\,", "?") for bug in BUGS if bug[0] == file for pattern in bug[5].split(",")}
    programs = PROGRAMS[file.split("/")[0]]
    if folder in ("kernels/cpu", "kernels/cuda"):  # what all kernels use
        programs = sorted(programs, key=lambda program: program != "kernels_tests")

    def nearness(case):
        tested = case.file.removesuffix("_test.cpp").rsplit("/", 1)[-1]
        if any(fnmatch.fnmatch(case.name, pattern) for pattern in filters):
            return OWN
        if "/" in case.file and f"{folder}/".startswith(case.file.rsplit("/", 1)[0] + "/"):  # or of a folder above
            return OWN if tested == stem or stem.startswith(tested + "_") else FOLDER
        return FARTHER + programs.index(case.program)

    met = sorted((c for c in cases if c.program in programs), key=lambda c: (nearness(c), c.seconds))
    groups = collections.defaultdict(list)
    for case in met:
        groups[nearness(case), programs.index(case.program)].append(case)
    return [(key[0], groups[key]) for key in sorted(groups)]


def object_digests(build_folder, since=0.0):
    return {path: hashlib.sha1(path.read_bytes()).digest()
            for path in build_folder.rglob("*.o") if path.stat().st_mtime >= since}


class Worker:
    """Tries mutants in a copy of its own."""

    def __init__(self, number, cases, near):
        self.copy = MutatedCopy(f"mutation-{number}" if number > 0 else "mutation")
        self.cases, self.near = cases, near
        error = self.copy.build(["all"])
        if error is not None:
            sys.exit(f"error: without any mutant: {error}")
        self.unharmed = object_digests(self.copy.build_folder)

    def verdict(self, mutant):
        """(outcome, how)"""
        lines = (self.copy.folder / mutant.file).read_text().split("\n")
        lines[mutant.line - 1] = mutant.after
        begin = time.time()
        with self.copy.edited(mutant.file, "\n".join(lines)):
            for number, (distance, group) in enumerate(stages(mutant.file, self.cases)):
                if self.near and distance > FOLDER:
                    return NEAR_SURVIVOR, ""
                program = group[0].program
                error = self.copy.build([program, *NEEDS.get(program, [])])
                if error is not None:
                    return "does not compile", re.sub(r"^.*?error: ", "", error.strip())
                if number == 0:
                    made = object_digests(self.copy.build_folder, begin)
                    if made and all(self.unharmed.get(path) == digest for path, digest in made.items()):
                        return "same code", "the compiler makes the same of it"
                for case in group:  # each in a process of its own, as by ctest
                    command = [self.copy.program(program), "--abort-after=1", f"--test-case={case.filter}"]
                    how = self.copy.caught(command, seconds=40 + 6 * case.seconds)
                    if how is not None:
                        return "caught", how
        return "survived", ""


def run(mutants, results, copies, cases, near):
    left = queue.Queue()
    for mutant in mutants:
        left.put(mutant)
    lock = threading.Lock()

    def work(number):
        worker = Worker(number, cases, near)
        while True:
            try:
                mutant = left.get_nowait()
            except queue.Empty:
                return
            begin = time.monotonic()
            outcome, how = worker.verdict(mutant)
            with lock, results.open("a") as out:
                record = {"id": mutant.id, "file": mutant.file, "edited": mutant.after.strip(), "outcome": outcome,
                          "how": how, "seconds": round(time.monotonic() - begin, 1)}
                out.write(json.dumps(record) + "\n")
                print(f"{outcome:16} {mutant.file}:{mutant.line}: {mutant.after.strip()}: {how[:80]}", flush=True)

    with ThreadPoolExecutor(copies) as threads:
        list(threads.map(work, range(copies)))  # an error of one of them is ours


def outcome_of(mutant, done):
    """None before it was tried; those of equivalents.py are not tried."""
    if (mutant.file, mutant.before.strip(), mutant.after.strip()) in EQUIVALENT:
        return "equivalent"
    return done[mutant.id]["outcome"] if mutant.id in done else None


def table(mutants, done):
    columns = ["does not compile", "same code", "equivalent", "caught", NEAR_SURVIVOR, "survived"]
    counts = collections.defaultdict(collections.Counter)
    for mutant in mutants:
        if (outcome := outcome_of(mutant, done)) is not None:
            for row in (part(mutant.file), "all"):
                counts[row][outcome] += 1
    print("| part | mutants | " + " | ".join(columns) + " | caught of those that count |")
    print("| --- " * (len(columns) + 3) + "|")
    for row in [*SHARES, "all"]:
        count = counts[row]
        counted = count["caught"] + count[NEAR_SURVIVOR] + count["survived"]
        share = f"{100 * count['caught'] / counted:.1f} %" if counted else "-"
        print(f"| {row} | {sum(count.values())} | " + " | ".join(str(count[c]) for c in columns) + f" | {share} |")
    for mutant in mutants:
        if outcome_of(mutant, done) in ("survived", NEAR_SURVIVOR):
            print(f"\n{mutant.file}:{mutant.line}\n- {mutant.before.strip()}\n+ {mutant.after.strip()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="*", metavar="PATTERN", help="only mutants of these files")
    parser.add_argument("--copies", type=int, default=2, help="trees to work in at a time")
    parser.add_argument("--near", action="store_true", help="only the cases of the mutants' folders")
    parser.add_argument("--list", action="store_true", help="name the mutants and stop")
    arguments = parser.parse_args()

    mutants = [m for m in sample(arguments.count, arguments.seed) if fnmatch.fnmatch(m.file, arguments.only)]
    if arguments.list:
        for mutant in mutants:
            print(f"{mutant.file}:{mutant.line}\n- {mutant.before.strip()}\n+ {mutant.after.strip()}")
        return
    kept = HERE / f"tried-{arguments.seed}.jsonl"
    results = kept if kept.exists() else ROOT / f"build/mutants-{arguments.seed}.jsonl"

    def done():
        records = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
        return {record["id"]: record for record in records}

    before = done()
    to_try = (None,) if arguments.near else (None, NEAR_SURVIVOR)
    left = [m for m in mutants if outcome_of(m, before) in to_try]
    run(left, results, arguments.copies, test_cases(), arguments.near)
    table(mutants, done())


if __name__ == "__main__":
    main()
