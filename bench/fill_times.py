#!/usr/bin/env python3
"""Times inpaint_fill as a user sees it: whole processes, from start to end, with their peak memory.

  bench/fill_times.py photo.jpg [more ...] [--bin build/cpu-release/bin] [--hole 300x200] [--turns 5] [-- options]

The hole lies in the middle of each picture; the result has the picture's format. Without and with copied texture,
in turn; a row holds the median, the smallest and the largest time, and the largest memory. `options` go to
inpaint_fill. The first turn, which finds the files outside the system's cache, is not counted.
"""
import argparse
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import machine  # noqa: E402


def fill(command):
    """Seconds and MiB of one process."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    complaint = process.stderr.read().decode(errors="replace")
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"error: {' '.join(command)}: exit code {process.returncode}\n{complaint}")
    return seconds, used.ru_maxrss / 1024


def size_of(program, picture, folder):
    """Height and width, as the program sees them: from the header of a PNG that it writes."""
    written = Path(folder) / "size.png"
    fill([program, picture, "--box", "0,0,1,1", "--checkpoint", "none", "--finish", "none", "--out", str(written)])
    with open(written, "rb") as file:
        width, height = struct.unpack(">2I", file.read(24)[16:])
    return height, width


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("pictures", nargs="+")
    options.add_argument("--bin", default="build/cpu-release/bin")
    options.add_argument("--hole", default="300x200", help="width x height")
    options.add_argument("--turns", type=int, default=5)
    cut = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    given, passed_on = options.parse_args(sys.argv[1:cut]), sys.argv[cut + 1:]
    program = str(Path(given.bin) / "inpaint_fill")
    width, height = (int(side) for side in given.hole.split("x"))

    print(f"{machine.describe()['cpu']}, {len(os.sched_getaffinity(0))} cores; a hole of {given.hole}, "
          f"{given.turns} turns\n")
    print("| picture | size | finish | seconds (least to most) | MiB |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="inpaint-fill-") as folder:
        for picture in given.pictures:
            rows, columns = size_of(program, picture, folder)
            box = f"{(columns - width) // 2},{(rows - height) // 2},{width},{height}"
            found = {"none": [], "patches": []}
            for turn in range(given.turns + 1):
                for finish, runs in found.items():
                    out = Path(folder) / f"filled{Path(picture).suffix}"
                    run = fill([program, picture, "--box", box, "--finish", finish, "--out", str(out), *passed_on])
                    out.unlink()
                    if turn > 0:
                        runs.append(run)
            for finish, runs in found.items():
                times = [seconds for seconds, _ in runs]
                print(f"| {Path(picture).name} | {columns} x {rows} | {finish} | {statistics.median(times):.2f} "
                      f"({min(times):.2f} to {max(times):.2f}) | {max(memory for _, memory in runs):.0f} |", flush=True)


if __name__ == "__main__":
    main()
