#!/usr/bin/env -S python3 -B
"""Runs the commands of the documents: every ```sh block of README.md and docs/*.md, in order.

    tests/docs/run.py BIN_FOLDER

A document's blocks run in a folder of their own, with a home that holds what the text speaks of (home.py). README.md
comes first; a page of docs/ begins in a copy of what README.md has left. Between blocks only files are kept, and `bin`.
A block passes when all its commands do. The tables below say what is written otherwise to be quick, and what does not
run here: of such a block the shell's grammar, the scripts' names and the flags are checked. A block that needs what a
test must not touch fails until it stands there, and so does an entry that no block needs any more.

Prints a line per block that fails, and ends with `N passed, N failed`. Nothing in the checkout is changed.
"""
import concurrent.futures
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import home

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120  # for a block

# Document, text, what stands in its place here, and why.
REPLACED = [
    ("README.md", "bin=build/quickstart/bin\n", "", "the folder of the programs is given"),
    ("README.md", "minutes=60\n", "max_steps=2\nbatch_size=4\n", "an hour of training"),
    ("docs/data-and-masks.md", "max_steps=2000\n", "max_steps=2\n", "minutes of training"),
    ("docs/serve.md", "inpaint_serve ", "inpaint_serve --port 0 ", "the port may be taken"),
]

# Document, a part of the block, and why it does not run.
NOT_RUN = [
    ("README.md", "tools/quickstart.sh", "installs and builds"),
    ("README.md", "tests/run.sh", "installs, builds, and runs this"),
    ("README.md", "cmake --preset package", "builds, and installs into the system"),
    ("docs/embedding.md", "cmake --preset package", "builds, and installs into the system"),
    ("docs/embedding.md", "pkg-config", "tests/install/run.sh does it beside an installed build"),
    ("docs/export.md", "--from_torch tuned.safetensors", "tests/parity does it, with weights from PyTorch"),
    ("docs/export.md", "--from_torch state.safetensors", "tests/parity does it, with weights from PyTorch"),
    ("docs/metrics.md", "features_from_efficientnet.py", "installs; tests/parity makes the file and scores with it"),
    ("docs/cluster.md", "mpirun -np", "installs and builds; tests/reliability/ranks_test.cpp runs the program so"),
    ("docs/cluster.md", "sbatch train.sbatch", "needs a cluster"),
    ("docs/curves.md", "tensorboard --logdir", "a program of others, and it does not end"),
]

# What a test must not do, or cannot everywhere: a block with one of these has to stand in a table above.
TOUCHES = re.compile(r"\b(sudo|apt|apt-get|pip3?|cmake|ctest|git|docker|ssh|scp|nvidia-smi|tensorboard|nohup)\b|--device[ =]cuda"
                     r"|https?://(?!127\.0\.0\.1)|\bminutes[ =]|^\s*(tests|tools|bench)/", re.MULTILINE)

ADDRESS = "http://127.0.0.1:8765"  # of inpaint_serve in the documents


class Failure(Exception):
    pass


def documents():
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks_of(document):
    """(name, text) of each ```sh block, the name with the line of its first command."""
    text = document.read_text()
    for found in re.finditer(r"^```(?:sh|bash|shell)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        line = text.count("\n", 0, found.start(1)) + 1
        yield f"{document.relative_to(ROOT)}:{line}", found[1]


class Programs:
    """The built programs. `folder` holds them as the documents' commands find them: with --device cpu, since the
    build that is tested takes the CPU's emulation of a GPU for one."""

    def __init__(self, built, folder):
        self.built, self.folder = built, folder
        folder.mkdir()
        for program in built.iterdir():
            if program.name in ("inpaint_train", "inpaint_eval", "inpaint_fill", "inpaint_serve"):
                wrapper = folder / program.name
                wrapper.write_text(f'#!/bin/sh\nexec {shlex.quote(str(program))} --device cpu "$@"\n')
                wrapper.chmod(0o755)
            else:
                (folder / program.name).symlink_to(program)

    def flags(self, program, subcommand):
        run = subprocess.run([self.built / program, *subcommand, "--help"], capture_output=True, text=True)
        return {normal(flag) for flag in re.findall(r"--(\[no\])?([a-z][\w-]*)", run.stdout) for flag in names(*flag)}


def names(negated, flag):
    return [flag, "no" + flag] if negated else [flag]


def normal(flag):
    return flag.replace("-", "_")


def check_unrun(text, programs):
    """What can be said of a block without running it."""
    grammar = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
    if grammar.returncode != 0:
        raise Failure(grammar.stderr)
    commands = text.replace("\\\n", " ")
    for script in re.findall(r"(?:^|\s)((?:tests|tools|bench)/[\w/]+\.(?:sh|py))", commands):
        if not os.access(ROOT / script, os.X_OK):
            raise Failure(f"there is no program {script}")
    for line in commands.splitlines():
        words = shlex.split(line, comments=True)
        for place, word in enumerate(words):
            program = Path(word).name
            if re.fullmatch(r"(inpaint|bench)_[a-z]+", program) and "=" not in word:
                check_flags(program, words[place + 1:], programs)


def check_flags(program, words, programs):
    if not (programs.built / program).exists():
        raise Failure(f"there is no program {program}")
    subcommand = words[:1] if program == "inpaint_data" and not words[0].startswith("-") else []
    known = programs.flags(program, subcommand)
    for word in words:
        if word in ("|", ";", "&&", "||", "&"):
            return
        if word.startswith("--") and normal(word[2:].split("=")[0]) not in known:
            raise Failure(f"{program} has no flag {word}")


def wrong_with(check, *arguments):
    try:
        check(*arguments)
    except Failure as failure:
        return str(failure)
    except subprocess.TimeoutExpired:
        return f"it has not ended after {SECONDS} seconds"
    return None


class Document:
    """One document's blocks, in a folder of its own."""

    def __init__(self, document, folder, programs, used):
        self.name = str(document.relative_to(ROOT))
        self.blocks = list(blocks_of(document))
        self.folder, self.programs, self.used = folder, programs, used
        self.servers, self.address = [], None

    def run(self):
        """[(name of a block, what is wrong with it or None)]"""
        results = []
        try:
            for name, text in self.blocks:
                results.append((name, wrong_with(self.block, text)))
            if self.servers:
                results.append((f"{self.name}: its servers", wrong_with(self.stop_servers)))
        finally:
            for server in self.servers:
                server.kill()
        return results

    def block(self, text):
        for entry in NOT_RUN:
            if entry[0] == self.name and entry[1] in text:
                self.used.add(entry)
                return check_unrun(text, self.programs)
        for entry in REPLACED:
            if entry[0] == self.name and entry[1] in text:
                self.used.add(entry)
                text = text.replace(entry[1], entry[2])
        needs = TOUCHES.search(text)
        if needs:
            raise Failure(f"'{needs[0].strip()}' is nothing to run in a test: put it into a table of tests/docs/run.py")
        if ADDRESS in text:
            if not self.address:
                raise Failure("no block before this one has started inpaint_serve")
            text = text.replace(ADDRESS, self.address)
        if re.match(r"\S*inpaint_serve\b", text):
            return self.serve(text)
        run = subprocess.run(self.shell(text), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True, errors="replace", timeout=SECONDS, **self.place())
        if run.returncode != 0:
            raise Failure(f"exit code {run.returncode}\n{run.stdout[-2000:]}")

    def serve(self, text):
        """Starts a server, which the blocks behind this one use, and which has to stop when it is told to."""
        server = subprocess.Popen(self.shell("exec " + text), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, **self.place())
        self.servers.append(server)
        line = server.stdout.readline()
        found = re.match(r"http://127\.0\.0\.1:\d+(?=/$)", line.strip())
        if not found:
            server.wait(SECONDS)
            raise Failure(f"no address but '{line.strip()}', exit code {server.returncode}")
        self.address = found[0]

    def stop_servers(self):
        for server in self.servers:
            server.send_signal(signal.SIGTERM)
            if server.wait(SECONDS) != 128 + signal.SIGTERM:
                raise Failure(f"inpaint_serve ended with exit code {server.returncode} on SIGTERM")

    def shell(self, text):
        return ["bash", "-euo", "pipefail", "-c", text]

    def place(self):
        return {"cwd": self.folder / "work",
                "env": {"HOME": str(self.folder / "home"), "TMPDIR": str(self.folder), "LANG": "C.UTF-8",
                        "PATH": f"{self.programs.folder}:/usr/bin:/bin", "bin": str(self.programs.folder)}}


def run_all(built, temporary):
    programs, used = Programs(built, temporary / "bin"), set()
    first = temporary / "README.md"
    home.make(built, first / "home", first / "work")

    def run(document, folder):
        if folder != first:
            shutil.copytree(first, folder, symlinks=True)
        runner = Document(document, folder, programs, used)
        results = runner.run()
        if folder != first:
            shutil.rmtree(folder)
        return results

    readme, *pages = documents()
    results = run(readme, first)
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for found in pool.map(lambda page: run(page, temporary / page.name), pages):
            results += found
    for entry in [entry for entry in REPLACED + NOT_RUN if entry not in used]:
        results.append((f"tests/docs/run.py: {entry[:2]}", "no block of this document needs it"))
    return results


def main():
    if len(sys.argv) != 2 or not Path(sys.argv[1], "inpaint_train").is_file():
        print("usage: tests/docs/run.py BIN_FOLDER, a folder with the built programs", file=sys.stderr)
        return 2
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="inpaint-docs-") as temporary:
        results = run_all(Path(sys.argv[1]).resolve(), Path(temporary))
    for name, wrong in results:
        if wrong:
            print(f"FAIL {name}: {wrong}")
    failed = sum(1 for _, wrong in results if wrong)
    print(f"{time.monotonic() - begin:.0f} s")
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
