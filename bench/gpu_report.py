"""Runs the parts of a report on a GPU and writes what they found: bench/results/<gpu>-<date>.json and .md (of a dry run:
build/gpu_report/). gpu_report.sh and the folder that gpu_carry.sh makes call it.

The parts run in order of importance. Each has a time limit, and --seconds limits all of them together: a part that takes
longer is killed, with what it started. A part ends as "passed", with its figures, as "failed", with the last lines of
what failed, or as "not measured", with the reason; the others go on, and the file is written after each. Nothing is ever
filled in for what was not run. The exit code is 1 when a part failed.
"""
import argparse
import csv
import io
import datetime
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import machine
import peer_check
from contender import alternate

ROOT = Path(__file__).resolve().parent.parent
SECTIONS = ("build", "op_tests", "steps", "kernels", "large_batches", "determinism", "profile", "training", "sanitizers")
TOOLS = ("memcheck", "racecheck", "initcheck", "synccheck")
SANITIZED = ("adam: one*", "batch_norm: statistics*", "batch_norm: backward matches*", "conv2d own kernels: exact*",
             "linear_adam: the bits*", "sum_of_squares: matches*", "total_variation: *")
DRY_TESTS = ("adam: one*", "linear: exact*", "conv2d: forward*", "hole: *")  # few: the executor is slow
COUNTERS = ("gpu__time_duration.sum", "dram__bytes_read.sum", "dram__bytes_write.sum")
QUERY = ("name", "driver_version", "memory.total", "clocks.sm", "clocks.mem", "clocks.max.sm", "clocks.max.mem",
         "power.limit", "temperature.gpu")
STEPS_PER_TURN, WARM_UP_TURNS = 10, 3
SMALL = {"image_size": 64, "base_channels": 8, "bottleneck": 32, "batch_size": 4}
SMALL_OPTIONS = [part for name, value in SMALL.items() for part in (f"--{name}", value)]


def parse_arguments():
    parser = argparse.ArgumentParser(description="Tests and measures the program on a GPU.")
    parser.add_argument("--bin", type=Path, required=True, help="where the programs are")
    parser.add_argument("--gpu", default=os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0],
                        help="number or UUID, as nvidia-smi names it")
    parser.add_argument("--dry_run", action="store_true", help="the programs run CUDA code on the CPU")
    parser.add_argument("--peer", type=Path, help="a Python with PyTorch; without it PyTorch is left out")
    parser.add_argument("--large_batch", nargs="*", type=int, default=[256, 1024], help="beside 64")
    parser.add_argument("--precision", nargs="+", choices=("fp32", "tf32", "bf16"), default=["bf16", "tf32", "fp32"])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--data", type=Path, help="folder with <dataname><size>_train.bin and _test.bin to train on")
    parser.add_argument("--dataname", default="inpaint")
    parser.add_argument("--image_size", type=int, choices=(64, 128, 256), default=128)
    parser.add_argument("--image_channel", type=int, choices=(1, 3), default=3)
    parser.add_argument("--training_steps", type=int, default=2000)
    parser.add_argument("--section", nargs="+", choices=SECTIONS, default=SECTIONS, help="only these")
    parser.add_argument("--results", type=Path, help="the JSON file to write")
    parser.add_argument("--seconds", type=float, default=7200, help="for all parts together")
    arguments = parser.parse_args()
    for mode in ("train", "test") if arguments.data else ():
        file = arguments.data / f"{arguments.dataname}{arguments.image_size}_{mode}.bin"
        if not file.is_file():
            parser.error(f"--data: there is no {file}")
    return arguments


class NotMeasured(Exception):
    pass


class Failed(Exception):
    """text: the end of what was printed; the log gets all of it."""

    def __init__(self, text, log=""):
        super().__init__(text)
        self.log = log or text


class OutOfTime(Exception):
    pass


class Program:
    """A command under way, in a session of its own."""

    def __init__(self, *command):
        self.command = [str(part) for part in command]
        self.output = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.output,
                                        stderr=subprocess.STDOUT, text=True, start_new_session=True)

    def kill(self):
        """With what it started, which would hold the GPU."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def text(self):
        """Standard output and errors, once the command has ended with 0."""
        self.process.wait()
        self.output.seek(0)
        text = self.output.read()
        if self.process.returncode != 0:
            head = f"{' '.join(self.command)}: exit code {self.process.returncode}\n".replace(f"{ROOT}/", "")
            raise Failed(head + text[-1500:], head + text)
        return text


def run_together(commands):
    """What each prints; all have ended."""
    programs = []
    try:
        programs = [Program(*command) for command in commands]
        texts, failures = [], []
        for program in programs:
            try:
                texts.append(program.text())
            except Failed as failure:
                failures.append(failure)
        if failures:
            raise Failed("\n".join(map(str, failures)), "\n".join(failure.log for failure in failures))
        return texts
    finally:
        for program in programs:
            program.kill()


def run(*command):
    return run_together([command])[0]


def doctest_counts(text):
    """Of the last summary line; no passed case is a failure: a filter that matches nothing proves nothing."""
    found = re.findall(r"test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed", text)
    if not found or int(found[-1][1]) == 0:
        raise Failed(f"no test case ran:\n{text[-500:]}")
    return dict(zip(("cases", "passed", "failed"), map(int, found[-1])))


class Report:
    def __init__(self, arguments):
        self.arguments = arguments
        self.gpu = None if arguments.dry_run else self.query_gpu()
        self.compared = set()  # the precisions in which the losses agree with PyTorch's
        self.ends_at = time.monotonic() + arguments.seconds
        # The programs see one GPU, and that has the number 0.
        os.environ.update(CUDA_DEVICE_ORDER="PCI_BUS_ID", CUDA_VISIBLE_DEVICES=arguments.gpu)
        date = datetime.date.today().isoformat()
        if arguments.results:
            self.path = arguments.results
        elif arguments.dry_run:
            self.path = ROOT / f"build/gpu_report/dry-run-{date}.json"
        else:
            name = re.sub(r"[^a-z0-9]+", "-", self.gpu["name"].lower()).strip("-")
            self.path = ROOT / f"bench/results/{name}-{date}.json"
        self.data = {"date": date, "commit": machine.commit(ROOT), "gpu": self.gpu, "machine": machine.describe(),
                     "device": "CUDA code on the CPU (a dry run)" if arguments.dry_run else "GPU", "sections": {}}

    def query_gpu(self):
        try:
            text = run("nvidia-smi", f"--id={self.arguments.gpu}", f"--query-gpu={','.join(QUERY)}",
                       "--format=csv,noheader")
        except (OSError, Failed) as error:
            sys.exit(f"error: no GPU to measure ({error}); --dry_run runs what can run without one")
        return dict(zip(QUERY, (part.strip() for part in text.split(","))))

    def program(self, name):
        return self.arguments.bin / name

    def needs_gpu(self):
        if self.arguments.dry_run:
            raise NotMeasured("needs a GPU")

    # --- sections: each yields its parts: a name, a limit in seconds, and what to call --------------------

    def build(self):
        yield "version", 20, lambda: run(self.program("bench_train"), "--version").splitlines()

    def op_tests(self):
        """Every op, and the training step, on the GPU against the same references as the CPU's."""
        if self.arguments.dry_run:
            yield "kernels_tests", 600, lambda: self.tests("kernels_tests", [",".join(DRY_TESTS)])
            yield "cuda_training_tests", 600, lambda: self.tests("cuda_training_tests", ["GPU: in bf16*"])
            yield "all other cases", 1, self.needs_gpu
            return
        yield "kernels_tests", 180, lambda: self.tests("kernels_tests", self.ops())
        yield "cuda_training_tests", 120, lambda: self.tests("cuda_training_tests", ["GPU: *"])

    def ops(self):
        """A filter for the test cases of each op."""
        listed = run(self.program("kernels_tests"), "--list-test-cases", "--no-colors")
        names = [line for line in listed.splitlines() if ": " in line and not line.startswith("[doctest]")]
        return [f"{op}: *" for op in sorted({name.partition(": ")[0] for name in names})]

    def tests(self, program, filters):
        """Several processes at once: the references take most of the time, on the CPU."""
        texts = run_together([self.program(program), f"-tc={tests}", "--no-colors"] for tests in filters)
        counts = [doctest_counts(text) for text in texts]
        return {name: sum(count[name] for count in counts) for name in counts[0]}

    def sanitizers(self):
        """Op tests under each of compute-sanitizer's tools."""
        for tool in TOOLS:
            yield tool, 600, lambda: self.sanitize(tool)

    def sanitize(self, tool):
        self.needs_gpu()
        if shutil.which("compute-sanitizer") is None:
            raise NotMeasured("compute-sanitizer is not installed")
        texts = run_together(["compute-sanitizer", "--tool", tool, "--error-exitcode", 99, self.program("kernels_tests"),
                              f"-tc={tests}", "--no-colors"] for tests in SANITIZED)
        found = {}
        for tests, text in zip(SANITIZED, texts):
            summary = re.findall(r"[A-Z]+ SUMMARY: .*", text)
            if not summary:
                raise Failed(f"{tool} gave no summary:\n{text[-500:]}")
            found[tests] = {**doctest_counts(text), "summary": summary[-1]}
        return found

    def train(self, folder, steps, flags):
        """A new run in `folder`; its last checkpoint."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        settings = {"device": "cuda", "image_channel": self.arguments.image_channel,
                    "checkpoint_root": folder / "checkpoints", "log_root": folder / "logs",
                    "sample_root": folder / "samples", "max_steps": steps, "epoch": 1000000, "sample": 1000000,
                    "ckpt": 1000000, "summary": 1000000, **flags}
        (folder / "run.cfg").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        run(self.program("inpaint_train"), "--flags-file", folder / "run.cfg")
        return next((folder / "checkpoints").rglob(f"model-{steps}.safetensors"))

    def determinism(self):
        """Equal runs must end in equal bytes of the checkpoint."""
        yield "equal runs", 120, self.equal_runs

    def equal_runs(self):
        dry = self.arguments.dry_run
        steps, runs = (2, 3) if dry else (20, 10)
        flags = {"dataname": "random", **(SMALL if dry else {"image_size": 128, "batch_size": 64})}
        with tempfile.TemporaryDirectory(prefix="inpaint-report-") as scratch:
            scratch = Path(scratch)
            pixels = hashlib.shake_256(b"determinism").digest(
                2 * flags["batch_size"] * flags["image_size"]**2 * self.arguments.image_channel)
            (scratch / f"random{flags['image_size']}_train.bin").write_bytes(pixels)
            # In the same folder, as a checkpoint holds its run's settings.
            hashes = [hashlib.sha256(self.train(scratch / "run", steps, {**flags, "data_root": scratch}).read_bytes())
                      .hexdigest() for _ in range(runs)]
        if len(set(hashes)) != 1:
            raise Failed(f"{runs} equal runs ended in {len(set(hashes))} different checkpoints")
        return {"runs": runs, "steps": steps, "sha256": hashes[0]}

    def kernels(self):
        """Each op and layer, its result checked first, with cold and warm caches."""
        if self.arguments.dry_run:
            yield "results at small shapes", 600, lambda: run(self.program("bench_kernels"), "--device", "cuda", "--check",
                                                         *SMALL_OPTIONS).strip()
        for precision in self.arguments.precision:
            yield precision, 120, lambda: self.time_kernels(precision, "-naive")  # all but these
        for precision in self.arguments.precision:
            yield f"{precision}, naive kernels", 120, lambda: self.time_kernels(precision, "naive")

    def time_kernels(self, precision, names):
        self.needs_gpu()
        with tempfile.TemporaryDirectory(prefix="inpaint-report-") as scratch:
            out = Path(scratch) / "kernels.json"
            run(self.program("bench_kernels"), "--device", "cuda", "--precision", precision, "--caches", "cold",
                f"--benchmark_filter={names}", f"--benchmark_out={out}", "--benchmark_out_format=json")
            return json.loads(out.read_text())["benchmarks"]

    def steps(self):
        """The whole step at batch 64 beside PyTorch's in turn, and beside its floor."""
        if self.arguments.dry_run:
            yield "ours runs at a small shape", 600, self.try_steps
        for precision in self.arguments.precision:
            yield f"{precision}, losses beside PyTorch's", 120, lambda: self.compare_losses(precision)
            yield f"{precision}, batch 64", 240, lambda: self.beside_peer(precision, 64, ("compiled", "eager"))
            yield f"{precision}, batch 64, floor", 60, lambda: self.floor(self.size(precision, 64))

    def large_batches(self):
        for batch in self.arguments.large_batch:
            yield f"bf16, batch {batch}", 240, lambda: self.beside_peer("bf16", batch, ("compiled",))

    def peer(self, *options):
        return [self.arguments.peer, Path(__file__).parent / "pytorch_baseline.py", *options]

    def size(self, precision, batch):
        return ["--device", "cuda", "--precision", precision, "--batch_size", batch]

    def needs_peer(self):
        self.needs_gpu()
        if self.arguments.peer is None:
            raise NotMeasured("PyTorch was left out")

    def try_steps(self):
        alternate({"ours": ([self.program("bench_train"), "--on_demand", "--device", "cuda", "--precision", "bf16",
                             *SMALL_OPTIONS], None)}, 1)
        return "nothing timed"

    def compare_losses(self, precision):
        self.needs_peer()
        found = peer_check.check(self.program("inpaint_train"), self.peer(), precision,
                                 ["--device", "cuda", "--channels_last"], None)
        self.compared.add(precision)
        return found

    def floor(self, size):
        self.needs_gpu()
        found = json.loads(run(self.program("bench_train"), "--json", *size))
        return {**found, "peak_host_memory_bytes": found.pop("peak_memory_bytes")}

    def beside_peer(self, precision, batch, modes):
        """Ours and PyTorch in turn, each in the same number of steps, with the same upload."""
        self.needs_peer()
        if precision not in self.compared:
            raise NotMeasured("the losses were not shown to agree")
        turns = ["--on_demand", "--steps_per_turn", STEPS_PER_TURN, "--warm_up", WARM_UP_TURNS, *self.size(precision, batch)]
        options = {"eager": [], "compiled": ["--compile", "default"]}
        peers = {f"PyTorch {mode}": (self.peer(*turns, "--channels_last", *options[mode]), None) for mode in modes}
        ours = [self.program("bench_train"), *turns]
        found = alternate({"ours": (ours, None), "ours, no sharing": ([*ours, "--noreuse"], None), **peers},
                          self.arguments.rounds)
        for name in ("ours", "ours, no sharing"):  # of the host, where PyTorch counts the GPU's
            found[name]["peak_host_memory_bytes"] = found[name].pop("peak_memory_bytes")
        return found

    def profile(self):
        """Each kernel of one step, by ncu: its launches, time and bytes of the GPU's memory."""
        for precision in self.arguments.precision[:1]:
            yield f"{precision}, batch 64", 150, lambda: self.count_kernels(precision)

    def count_kernels(self, precision):
        self.needs_gpu()
        if shutil.which("ncu") is None:
            raise NotMeasured("ncu is not installed")
        text = run("ncu", "--clock-control", "none", "--cache-control", "none", "--metrics", ",".join(COUNTERS), "--csv",
                   "--print-units", "base", self.program("bench_train"), "--one_step", *self.size(precision, 64))
        rows = csv.DictReader(io.StringIO(text[text.index('"ID"'):]))
        kernels = {}
        for row in rows:
            kernel = kernels.setdefault(row["Kernel Name"][:160], {"launches": 0, **dict.fromkeys(COUNTERS, 0)})
            kernel["launches"] += row["Metric Name"] == COUNTERS[0]
            kernel[row["Metric Name"]] += float(row["Metric Value"].replace(",", ""))
        return dict(sorted(kernels.items(), key=lambda item: -item[1][COUNTERS[0]]))

    def training(self):
        """A run on the user's pictures and its score on pictures it has not seen."""
        if self.arguments.dry_run:
            yield "random pictures at a small shape", 600, self.try_training
        for precision in self.arguments.precision:
            yield precision, 240, lambda: self.real_training(precision)

    def real_training(self, precision):
        self.needs_gpu()
        a = self.arguments
        if a.data is None:
            raise NotMeasured("no --data was given")
        return self.train_and_score({"dataname": a.dataname, "image_size": a.image_size, "precision": precision,
                                     "data_root": a.data.resolve()}, a.training_steps)

    def try_training(self):
        with tempfile.TemporaryDirectory(prefix="inpaint-report-") as data:
            pixels = 2 * SMALL["batch_size"] * SMALL["image_size"]**2 * self.arguments.image_channel
            for mode in ("train", "test"):
                (Path(data) / f"random64_{mode}.bin").write_bytes(hashlib.shake_256(mode.encode()).digest(pixels))
            self.train_and_score({"dataname": "random", "data_root": data, **SMALL}, 2)
        return "trained and scored, nothing timed"

    def train_and_score(self, flags, steps):
        with tempfile.TemporaryDirectory(prefix="inpaint-report-") as scratch:
            scratch = Path(scratch)
            start = time.monotonic()
            checkpoint = self.train(scratch / "run", steps, flags)
            seconds = time.monotonic() - start
            run(self.program("inpaint_eval"), "--checkpoint", checkpoint, "--out", scratch / "scores", "--data",
                Path(flags["data_root"]) / f"{flags['dataname']}{flags['image_size']}_test.bin")
            scores = json.loads((scratch / "scores/scores.json").read_text())
            return {"steps": steps, "seconds": seconds, "pictures": scores["pictures"], "scores": scores["methods"]}

    # --- all of it --------------------------------------------------------------------------------------

    def all(self):
        """Runs the sections; returns the exit code."""
        code = 0
        for section in self.arguments.section:
            parts = self.data["sections"][section] = {}
            for name, limit_s, measure in getattr(self, section)():
                print(f"{section}: {name} ...", flush=True)
                begin = time.monotonic()
                parts[name] = self.outcome(measure, limit_s)
                parts[name]["seconds"] = round(time.monotonic() - begin, 1)
                code = max(code, parts[name]["state"] == "failed")
                reason = parts[name].get("reason")
                print(f"{section}: {name}: {parts[name]['state']} after {parts[name]['seconds']} s"
                      + (f": {reason}" if reason else ""), flush=True)
                self.write()
        return code

    def outcome(self, measure, limit_s):
        """What a part found, or why it found nothing."""
        limit_s = min(limit_s, self.ends_at - time.monotonic())
        if limit_s < 1:
            return {"state": "not measured", "reason": "no time was left"}

        def stop(*_):
            raise OutOfTime(f"not done after {limit_s:.0f} s")

        before = signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, limit_s)
        try:
            part = {"state": "passed", "found": measure()}
            if self.gpu:
                part["gpu_after"] = self.query_gpu()  # its clocks under load
            return part
        except NotMeasured as reason:
            return {"state": "not measured", "reason": str(reason)}
        except Failed as reason:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.with_suffix(".log").open("a") as log:
                log.write(f"{reason.log}\n")
            return {"state": "failed", "reason": str(reason)}
        except (Exception, SystemExit) as reason:  # whatever it was, the others are measured
            return {"state": "failed", "reason": str(reason) or repr(reason)}
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def write(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.data, indent=1) + "\n")
        self.path.with_suffix(".md").write_text(self.page())

    def passed(self, section):
        return {name: part["found"] for name, part in self.data["sections"].get(section, {}).items()
                if part["state"] == "passed"}

    def page(self):
        data = self.data
        title = data["gpu"]["name"] if data["gpu"] else "Dry run: the CUDA code on the CPU"
        lines = [f"# {title}, {data['date']}", "", f"Commit {data['commit']}, {data['machine']['cpu']}.", ""]
        if data["gpu"]:
            lines += [", ".join(f"{name} {value}" for name, value in data["gpu"].items()) + ".", ""]
        lines += ["| section | part | result |", "| --- | --- | --- |"]
        for section, parts in data["sections"].items():
            for name, part in parts.items():
                reason = part.get("reason", "").splitlines()
                lines.append(f"| {section} | {name} | {part['state']}{': ' + reason[0] if reason else ''} |")
        lines.append("")
        if self.gpu:
            lines += self.steps_table() + self.profile_table() + self.kernels_table() + self.training_table()
        return "\n".join(lines)

    def steps_table(self):
        lines = ["## One training step, in turn", "", "| case | contender | median ms | p10 | p90 | images/s | x ours |",
                 "| --- | --- | --- | --- | --- | --- | --- |"]
        for case, found in {**self.passed("steps"), **self.passed("large_batches")}.items():
            if "floor_ms" in found:
                lines.append(f"| {case} | floor | {found['floor_ms']:.2f} | | | | |")
                lines.append(f"| {case} | ours, beside it | {found['step_ms']:.2f} | {found['step_ms_p10']:.2f} | "
                             f"{found['step_ms_p90']:.2f} | {found['images_per_second']:.0f} | |")
            elif "ours" in found:
                for name, r in found.items():
                    lines.append(f"| {case} | {name} | {r['step_ms']:.2f} | {r['step_ms_p10']:.2f} | {r['step_ms_p90']:.2f} | "
                                 f"{r['images_per_second']:.0f} | {r['step_ms'] / found['ours']['step_ms']:.2f} |")
        return lines + [""]

    def profile_table(self):
        lines = ["## Kernels of one step", "", "Launched one by one, with the clocks as they are.", "",
                 "| case | kernel | launches | ms | GB/s |", "| --- | --- | --- | --- | --- |"]
        for case, kernels in self.passed("profile").items():
            for name, k in kernels.items():
                seconds, moved = k[COUNTERS[0]] * 1e-9, k[COUNTERS[1]] + k[COUNTERS[2]]
                lines.append(f"| {case} | {name} | {k['launches']} | {seconds * 1e3:.3f} | {moved / seconds * 1e-9:.0f} |")
        return lines + [""]

    def kernels_table(self):
        lines = ["## Ops and layers", "", "| precision | op | median us | p10 | p90 | GFLOP/s | GB/s | share of its bound |",
                 "| --- | --- | --- | --- | --- | --- | --- | --- |"]
        for precision, rows in self.passed("kernels").items():
            for row in rows:
                name = row["name"].partition("/iterations:")[0]
                lines.append(f"| {precision} | {name} | {row['median_us']:.1f} | {row['p10_us']:.1f} | {row['p90_us']:.1f} | "
                             f"{row.get('GFLOP/s', 0):.0f} | {row['GB/s']:.0f} | {row['share']:.2f} of {row['label']} |")
        return lines + [""]

    def training_table(self):
        lines = ["## Training", "", "Seconds hold start-up and saving; the scores are of the hole.", "",
                 "| precision | steps | seconds | fill | PSNR, dB | SSIM |", "| --- | --- | --- | --- | --- | --- |"]
        for precision, found in self.passed("training").items():
            for fill, scores in found["scores"].items():
                psnr, ssim = (scores["hole"][figure]["value"] for figure in ("psnr_db", "ssim"))
                lines.append(f"| {precision} | {found['steps']} | {found['seconds']:.1f} | {fill} | {psnr:.2f} | {ssim:.4f} |")
        return lines + [""]


if __name__ == "__main__":
    report = Report(parse_arguments())
    code = report.all()
    print(f"Written: {report.path} and {report.path.with_suffix('.md').name}")
    sys.exit(code)
