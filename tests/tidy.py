#!/usr/bin/env python3
"""Runs clang-tidy over the programs' C++ files; the rules stand in .clang-tidy.

  tests/tidy.py                  all files: ten minutes on two cores
  tests/tidy.py --sample 8       so many, by the date: over the weeks each has its turn
  tests/tidy.py core/file/file.cpp ...

A kernel that is compiled for several processors is looked at once.
"""
import argparse
import datetime
import json
import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/tidy"
TIDY = "clang-tidy-14"
GENERATED = ("generated/build_commit.h", "train/log/event.pb.h", "train/log/hparams.pb.h", "train/export/onnx.pb.h")
NOT_OURS = {"core/image/image_resize.cpp"}  # holds the implementation of stb_image_resize


def quietly(*command):
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"error: {' '.join(map(str, command))}: {done.stdout[-2000:]}")


def commands():
    """{file: how it is compiled}, and a folder whose compile_commands.json holds these alone."""
    quietly("cmake", "-S", ROOT, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DINPAINT_TESTS=OFF",
            "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON")
    quietly("cmake", "--build", BUILD, "--target", *GENERATED)
    found = {}
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        path = Path(entry["file"])
        if path.is_relative_to(ROOT) and not path.is_relative_to(ROOT / "build"):
            found[str(path.relative_to(ROOT))] = entry
    for name in NOT_OURS:
        del found[name]
    database = BUILD / "once"
    database.mkdir(exist_ok=True)
    (database / "compile_commands.json").write_text(json.dumps(list(found.values())))
    return found, database


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*")
    parser.add_argument("--sample", type=int, metavar="N")
    options = parser.parse_args()
    quietly(ROOT / "tools/install_dependencies.sh", "clang-tidy-14")
    found, database = commands()
    names = sorted(found)
    if options.sample:
        names = random.Random(datetime.date.today().toordinal()).sample(names, options.sample)
    for name in options.files:
        if name not in found:
            parser.error(f"{name} is not a file of the programs")

    def look(name):
        done = subprocess.run([TIDY, "-p", database, "--quiet", ROOT / name], capture_output=True, text=True)
        return done.returncode == 0, name, done.stdout + done.stderr * (done.returncode != 0)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        results = list(pool.map(look, options.files or names))
    for good, name, said in results:
        if not good:
            print(f"{name}:\n{said}")
    faults = sum(not good for good, _, _ in results)
    print(f"clang-tidy: {len(results)} files, {faults} with findings")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
