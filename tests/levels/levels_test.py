#!/usr/bin/env python3
"""The programs on processors of every level (core/cpu/level.h): old ones, which qemu stands in for, and this one, made to
use a lower level.

    tests/levels/levels_test.py BUILD

Prints a line per check and ends with `N passed, N failed`.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

BASELINE, V3, V4 = "x86-64", "x86-64-v3", "x86-64-v4"
EMULATED = {"Nehalem": BASELINE, "Haswell": V3}  # the level that such a processor has
MODELS = {
    "context_encoder": ["--base_channels", "8", "--bottleneck", "32"],
    "harmonic_unet": ["--base_channels", "4", "--holes", "mixed"],
}
# Op tests that are cheap: norms, losses, Adam, the levels themselves.
OP_TESTS = ("levels*,add:*,adam*,batch_norm*,bias_activation*,group_norm: forward*,hole_loss*,reconstruction_loss*,sigmoid_bce*,"
            "total_variation*,moving_average*,sum_of_squares*,round_to_bf16*,to_bytes*")
WIDTH, HEIGHT = 71, 53
SAME = 1e-4  # relative: between the losses of a step, in f32, whose sums have another order

# Instructions that an x86-64 processor may lack: those of VEX and EVEX, on masks, and of BMI.
BEYOND_BASELINE = re.compile(r"\t(v(?!err|erw|mcall)[a-z]|k[a-z]|(andn|bextr|bls[a-z]+|[sr][aho][lr]x|pdep|pext|mulx|lzcnt|movbe|popcnt) )")
BEYOND_V3 = re.compile(r"%zmm|%k[0-7]|%[xy]mm(1[6-9]|2\d|3[01])")


class Programs:
    """The programs of a build, and a data set and a picture for them in a folder."""

    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.run("inpaint_data", "generate", "--dataname", "tiny", "--image_size", "64", "--image_channel", "3", "--count", "8")
        pixels = bytes((row * 3 + column * (channel + 2) + row * column % 23) % 256
                       for row in range(HEIGHT) for column in range(WIDTH) for channel in range(3))
        (folder / "picture.ppm").write_bytes(b"P6\n%d %d\n255\n" % (WIDTH, HEIGHT) + pixels)

    def start(self, name, *arguments, level=None, processor=None):
        command = [] if processor is None else ["qemu-x86_64", "-cpu", processor]
        environment = {name: value for name, value in os.environ.items() if name != "INPAINT_CPU_LEVEL"}
        if level is not None:
            environment["INPAINT_CPU_LEVEL"] = level
        done = subprocess.run([*command, self.build / "bin" / name, *map(str, arguments)], cwd=self.folder, env=environment,
                              capture_output=True, text=True, check=False)
        done.stderr = re.sub(r"qemu-x86_64: warning: .*\n", "", done.stderr)
        return done

    def run(self, name, *arguments, **options):
        done = self.start(name, *arguments, **options)
        assert done.returncode == 0, f"{name} {arguments} {options}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def level(self, **options):
        """The level in use, and those that are there."""
        found = re.search(r"^processor +(\S+)(?: \(of (.*)\))?$", self.run("inpaint_train", "--version", **options), re.MULTILINE)
        return found[1], (found[2] or found[1]).split(", ")

    def trained(self, model, run, **options):
        """The losses of one training step; leaves what it makes in the folder `run`."""
        roots = [f"--{kind}_root={run}/{kind}" for kind in ("checkpoint", "log", "sample")]
        self.run("inpaint_train", "--dataname", "tiny", "--image_size", "64", "--image_channel", "3", "--batch_size", "2",
                 "--max_steps", "1", "--summary", "1000", "--device", "cpu", "--threads", "2", "--seed", "7",
                 "--model", model, *MODELS[model], *roots, **options)
        line = next(Path(run).glob("log/*/*/train_log.jsonl")).read_text().splitlines()[0]
        return {name: value for name, value in json.loads(line).items() if "loss" in name}

    def small_model(self):
        run = self.folder / "small"
        if not run.exists():
            self.trained("harmonic_unet", run, level=BASELINE)
        return ["--checkpoint", next(run.glob("checkpoint/*/*/*.safetensors"))]

    def filled(self, *model, **options):
        """The pixels of a fill with texture, by the built-in model where none is given."""
        self.run("inpaint_fill", "picture.ppm", "--box", "20,12,24,21", "--out", "out.ppm", "--device", "cpu", *model, **options)
        return (self.folder / "out.ppm").read_bytes()


def check_equal_up_to_rounding(programs, models=MODELS, **options):
    for model in models:
        with tempfile.TemporaryDirectory(dir=programs.folder) as one, tempfile.TemporaryDirectory(dir=programs.folder) as other:
            want, got = programs.trained(model, one, level=BASELINE), programs.trained(model, other, **options)
        assert want.keys() == got.keys() and want, got
        for name, value in want.items():
            assert abs(got[name] - value) <= SAME * max(abs(value), 1e-3), f"{model}, {name}: {got[name]}, not {value}"
    model = programs.small_model() if "processor" in options else []  # the built-in one takes minutes there
    want, got = programs.filled(*model, level=BASELINE), programs.filled(*model, **options)
    differing = sum(abs(a - b) > 1 for a, b in zip(want, got, strict=True))
    assert differing <= len(want) // 100, f"{differing} bytes of the fill differ"  # where two patches fit alike


def test_levels_of_this_processor(programs):
    """Each level can be asked for, and computes the same."""
    best, levels = programs.level()
    assert best == levels[-1] and levels[0] == BASELINE, levels
    for level in levels:
        assert programs.level(level=level) == (level, levels)
        if level != BASELINE:
            check_equal_up_to_rounding(programs, level=level)


def test_ops(programs):
    """The op tests hold at the lower levels too; at the highest, ctest runs all of them."""
    for level in programs.level()[1][:-1]:
        said = programs.run("kernels_tests", f"--test-case={OP_TESTS}", "--test-case-exclude=*threads*,*GPU*", level=level)
        assert re.search(r"test cases: +[1-9]\d+ ", said), said


def test_old_processors(programs):
    """No illegal instruction: a step of both models and a fill, with oneDNN where it is there."""
    for processor, level in EMULATED.items():
        assert programs.level(processor=processor)[0] == level, processor
        # With AVX2, emulated, a step of the whole-picture model takes two minutes: the long form has it.
        is_slow = level != BASELINE and os.environ.get("INPAINT_NIGHTLY") != "1"
        check_equal_up_to_rounding(programs, ["context_encoder"] if is_slow else MODELS, processor=processor)


def test_refused(programs):
    """A level that is not there is one line, which says what there is."""
    for wanted, processor, there in (("x86-64-v2", "Haswell", f"are {BASELINE}, {V3}"), (V3, "Nehalem", f"is {BASELINE}"),
                                     ("", "Nehalem", f"is {BASELINE}")):
        done = programs.start("inpaint_train", "--version", level=wanted, processor=processor)
        assert done.returncode == 1 and done.stdout == "", done
        assert re.fullmatch(rf"error: INPAINT_CPU_LEVEL=.*; there {there}\n", done.stderr), done.stderr


def test_native_elsewhere(programs):
    """A program compiled for another processor says so, before any of its instructions runs."""
    done = programs.start("native_elsewhere", processor="Haswell")
    assert (done.returncode, done.stdout) == (0, "ran\n"), done
    done = programs.start("native_elsewhere", processor="Nehalem")
    assert done.returncode == 1 and done.stdout == "", done
    assert re.fullmatch(r"error: this program was compiled for a processor with avx, which .*\n", done.stderr), done.stderr


def allowed_ranges(program):
    """[(first address, end, level)] of the functions of v3 and v4, which no processor below may run."""
    ranges, file = [], ""
    symbols = subprocess.run(["readelf", "-sW", program], capture_output=True, text=True, check=True).stdout
    for line in symbols.splitlines():
        fields = line.split()
        if len(fields) < 8 or fields[3] not in ("FILE", "FUNC"):
            continue
        if fields[3] == "FILE":
            file = fields[7]
            continue
        tiles = re.match(r"tile_kernels_(avx2|avx512)", file) if fields[4] == "LOCAL" else None
        suffix = re.search(r"\.v([34])$", fields[7])
        if tiles or suffix:
            begin = int(fields[1], 16)
            ranges.append((begin, begin + int(fields[2], 0), V4 if (tiles or suffix)[1] in ("avx512", "4") else V3))
    return sorted(ranges)


def test_no_leak(programs):
    """Outside the functions of a level, and of the tiles, no instruction needs more than x86-64."""
    for name in ("bin/inpaint_train", "tools/library/libinpaint.so"):
        ranges = allowed_ranges(programs.build / name)
        assert {level for _, _, level in ranges} == {V3, V4}, name
        code = subprocess.Popen(["objdump", "-d", "--no-show-raw-insn", "-j", ".text", programs.build / name],
                                stdout=subprocess.PIPE, text=True)
        seen, at, leaks = {V3: 0, V4: 0}, 0, []
        for line in code.stdout:
            if BEYOND_BASELINE.search(line) is None:
                continue
            address = int(line[:line.index(":")], 16)
            while at < len(ranges) and ranges[at][1] <= address:
                at += 1
            level = ranges[at][2] if at < len(ranges) and ranges[at][0] <= address else BASELINE
            if level == BASELINE or (level == V3 and BEYOND_V3.search(line)):
                leaks.append(line.strip())
            else:
                seen[level] += 1
        assert code.wait() == 0
        assert not leaks, f"{name}: {len(leaks)} instructions, the first: {leaks[:3]}"
        assert min(seen.values()) > 10000, f"{name}: {seen}"  # the pattern finds what it looks for


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        programs = Programs(Path(sys.argv[1]).resolve(), Path(folder))
        tests = [(name, function) for name, function in globals().items() if name.startswith("test_")]
        for name, function in tests:
            try:
                function(programs)
                print(f"ok   {name}", flush=True)
            except Exception:
                failed += 1
                print(f"FAIL {name}", flush=True)
                traceback.print_exc()
        print(f"{len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
