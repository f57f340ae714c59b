"""The counting and comparing of instructions.sh: instructions.py BUILD [--record]."""
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

RECORDED = Path(__file__).resolve().parent / "results/instructions.json"
TOLERANCE = 0.02
# Wide enough for the tiles' main paths, with tails: 4 images of 64 x 64 x 3.
NETWORK = ["--batch_size", "4", "--image_size", "64", "--base_channels", "16", "--bottleneck", "96"]
CASES = {"fp32": ["--precision", "fp32"], "fp32, no sharing": ["--precision", "fp32", "--noreuse"]}
STEPS = 2  # bench_train warms up with one and is asked for another


def count(program, options):
    """Instructions of one TrainingStep::train()."""
    with tempfile.TemporaryDirectory(prefix="inpaint-instructions-") as folder:
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--collect-atstart=no", "--toggle-collect=inpaint::TrainingStep::train()",
             f"--callgrind-out-file={folder}/out", program, "--on_demand", "--threads", "1", *NETWORK, *options],
            input="step\n", capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"error: bench_train under valgrind: exit code {done.returncode}\n{done.stderr[-2000:]}")
        collected = re.search(r"Collected : (\d+)", done.stderr)
        instructions = int(collected[1]) // STEPS if collected else 0
        if instructions == 0:
            sys.exit(f"error: valgrind counted nothing inside the step\n{done.stderr[-2000:]}")
        return instructions


def environment(build):
    """What the count belongs to: the compiler and oneDNN, which makes the products of the linear layers."""
    version = subprocess.run([build / "bin/bench_train", "--version"], capture_output=True, text=True).stdout
    compiler = re.search(r"\b(GNU|Clang)[^,\n]*", version)
    library = re.search(r"oneDNN [0-9.]+|without oneDNN", version)
    if compiler is None or library is None:
        sys.exit(f"error: bench_train --version names no compiler or library:\n{version}")
    return f"x86-64-v3, {compiler[0]}, {library[0]}"


def main():
    build, record = Path(sys.argv[1]), "--record" in sys.argv[2:]
    key = environment(build)
    counts = {case: count(build / "bin/bench_train", options) for case, options in CASES.items()}
    recorded = json.loads(RECORDED.read_text()) if RECORDED.is_file() else {}
    if record:
        recorded[key] = counts
        RECORDED.parent.mkdir(exist_ok=True)
        RECORDED.write_text(json.dumps(recorded, indent=1) + "\n")
    worse = False
    for case, instructions in counts.items():
        before = recorded.get(key, {}).get(case)
        if before is None:
            print(f"{case}: {instructions:,} instructions a step; nothing is recorded for {key}")
            continue
        change = instructions / before - 1
        print(f"{case}: {instructions:,} instructions a step, {change:+.2%} of the recorded {before:,}")
        worse |= change > TOLERANCE
        if change < -TOLERANCE:
            print("  fewer than recorded: bench/instructions.sh --record keeps it so")
    if worse:
        sys.exit(f"error: a step takes over {TOLERANCE:.0%} more instructions than recorded; where that is meant, "
                 "bench/instructions.sh --record")


if __name__ == "__main__":
    main()
