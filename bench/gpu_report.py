"""Runs the parts of gpu_report.sh and writes what they found: bench/results/<gpu>-<date>.json and .md (of a dry run:
build/gpu_report/).

A part ends as "passed", with its figures, as "failed", with the last lines of what failed, or as "not measured", with
the reason; the others go on. Nothing is ever filled in for what was not run. The exit code is 1 when a part failed.
"""
import argparse
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
SECTIONS = ("build", "op_tests", "sanitizers", "determinism", "kernels", "steps", "training")
TOOLS = ("memcheck", "racecheck", "initcheck", "synccheck")
QUERY = ("name", "driver_version", "memory.total", "clocks.sm", "clocks.mem", "clocks.max.sm", "clocks.max.mem",
         "power.limit", "temperature.gpu")
LIMIT_S = 3600  # for each program, the sanitizers' runs among them
SMALL = {"image_size": 64, "base_channels": 8, "bottleneck": 32, "batch_size": 4}
SMALL_OPTIONS = [part for name, value in SMALL.items() for part in (f"--{name}", value)]


def parse_arguments():
    parser = argparse.ArgumentParser(description="Tests and measures the program on a GPU.")
    parser.add_argument("--bin", type=Path, required=True, help="where the programs are")
    parser.add_argument("--gpu", default=os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0],
                        help="number or UUID, as nvidia-smi names it")
    parser.add_argument("--dry_run", action="store_true", help="the programs run CUDA code on the CPU")
    parser.add_argument("--peer", type=Path, help="a Python with PyTorch; without it PyTorch is left out")
    parser.add_argument("--batch", nargs="+", type=int, default=[64, 256, 1024])
    parser.add_argument("--precision", nargs="+", choices=("fp32", "tf32", "bf16"), default=["bf16", "tf32", "fp32"])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--data", type=Path, help="folder with <dataname><size>_train.bin and _test.bin to train on")
    parser.add_argument("--dataname", default="inpaint")
    parser.add_argument("--image_size", type=int, choices=(64, 128, 256), default=128)
    parser.add_argument("--image_channel", type=int, choices=(1, 3), default=3)
    parser.add_argument("--training_steps", type=int, default=2000)
    parser.add_argument("--section", nargs="+", choices=SECTIONS, default=SECTIONS, help="only these")
    parser.add_argument("--results", type=Path, help="the JSON file to write")
    arguments = parser.parse_args()
    for mode in ("train", "test") if arguments.data else ():
        file = arguments.data / f"{arguments.dataname}{arguments.image_size}_{mode}.bin"
        if not file.is_file():
            parser.error(f"--data: there is no {file}")
    return arguments


class NotMeasured(Exception):
    pass


class Failed(Exception):
    pass


def run(*command):
    """Standard output and errors, when the command ends with 0 in its time."""
    command = [str(part) for part in command]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               start_new_session=True)
    try:
        text, _ = process.communicate(timeout=LIMIT_S)
        ended = f"exit code {process.returncode}"
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # what it started would hold the GPU
        text, _ = process.communicate()
        ended = f"not done after {LIMIT_S} s"
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    if process.returncode != 0:
        raise Failed(f"{' '.join(command)}: {ended}\n{text[-1500:]}".replace(f"{ROOT}/", ""))
    return text


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

    # --- sections: each yields its parts, a name and what to call --------------------------------------------

    def build(self):
        yield "version", lambda: run(self.program("bench_train"), "--version").splitlines()

    def op_tests(self):
        """Every op, and the training step, on the GPU against the same references as the CPU's."""
        dry = self.arguments.dry_run  # few cases there: the executor is slow
        kernels, train = ("adam: one*,linear: exact*,conv2d: forward*,hole: *", "GPU: in bf16*") if dry else ("*", "GPU: *")
        yield "kernels_tests", lambda: doctest_counts(run(self.program("kernels_tests"), f"-tc={kernels}"))
        yield "train_tests", lambda: doctest_counts(run(self.program("train_tests"), f"-tc={train}"))
        if dry:
            yield "all other cases", self.needs_gpu

    def sanitizers(self):
        """The same op tests under each of compute-sanitizer's tools."""
        for tool in TOOLS:
            yield tool, lambda: self.sanitize(tool)

    def sanitize(self, tool):
        self.needs_gpu()
        if shutil.which("compute-sanitizer") is None:
            raise NotMeasured("compute-sanitizer is not installed")
        text = run("compute-sanitizer", "--tool", tool, "--error-exitcode", 99, self.program("kernels_tests"))
        summary = re.findall(r"[A-Z]+ SUMMARY: .*", text)
        if not summary:
            raise Failed(f"{tool} gave no summary:\n{text[-500:]}")
        return {**doctest_counts(text), "summary": summary[-1]}

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
        yield "equal runs", self.equal_runs

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
            yield "results at small shapes", lambda: run(self.program("bench_kernels"), "--device", "cuda", "--check",
                                                         *SMALL_OPTIONS).strip()
        for precision in self.arguments.precision:
            yield precision, lambda: self.time_kernels(precision)

    def time_kernels(self, precision):
        self.needs_gpu()
        with tempfile.TemporaryDirectory(prefix="inpaint-report-") as scratch:
            out = Path(scratch) / "kernels.json"
            run(self.program("bench_kernels"), "--device", "cuda", "--precision", precision, "--caches", "both",
                f"--benchmark_out={out}", "--benchmark_out_format=json")
            return json.loads(out.read_text())["benchmarks"]

    def steps(self):
        """The whole step beside its floor, and beside PyTorch's in turn."""
        if self.arguments.dry_run:
            yield "ours runs at a small shape", self.try_steps
        peer = [self.arguments.peer, ROOT / "bench/pytorch_baseline.py"]
        for precision in self.arguments.precision:
            yield f"{precision}, losses beside PyTorch's", lambda: self.compare_losses(peer, precision)
            for batch in self.arguments.batch:
                size = ["--device", "cuda", "--precision", precision, "--batch_size", batch]
                yield f"{precision}, batch {batch}, floor", lambda: self.floor(size)
                for name, options in (("eager", []), ("compiled", ["--compile", "max-autotune"])):
                    yield (f"{precision}, batch {batch}, PyTorch {name}",
                           lambda: self.beside_peer([*peer, "--on_demand", *size, "--channels_last", *options], size, precision))

    def needs_peer(self):
        self.needs_gpu()
        if self.arguments.peer is None:
            raise NotMeasured("PyTorch was left out")

    def ours(self, size):
        """What is timed of ours, also without the work that updates share."""
        command = [self.program("bench_train"), "--on_demand", *size]
        return {"ours": (command, None), "ours, no sharing": ([*command, "--noreuse"], None)}

    def try_steps(self):
        alternate(self.ours(["--device", "cuda", "--precision", "bf16", *SMALL_OPTIONS]), 1)
        return "nothing timed"

    def compare_losses(self, peer, precision):
        self.needs_peer()
        found = peer_check.check(self.program("inpaint_train"), peer, precision,
                                 ["--device", "cuda", "--channels_last"], None)
        self.compared.add(precision)
        return found

    def floor(self, size):
        self.needs_gpu()
        found = json.loads(run(self.program("bench_train"), "--json", *size))
        return {**found, "peak_host_memory_bytes": found.pop("peak_memory_bytes")}

    def beside_peer(self, peer, size, precision):
        self.needs_peer()
        if precision not in self.compared:
            raise NotMeasured("the losses were not shown to agree")
        found = alternate({**self.ours(size), "PyTorch": (peer, None)}, self.arguments.rounds)
        for name in ("ours", "ours, no sharing"):  # of the host, where PyTorch counts the GPU's
            found[name]["peak_host_memory_bytes"] = found[name].pop("peak_memory_bytes")
        return found

    def training(self):
        """A run on the user's pictures and its score on pictures it has not seen."""
        if self.arguments.dry_run:
            yield "random pictures at a small shape", self.try_training
        for precision in self.arguments.precision:
            yield precision, lambda: self.real_training(precision)

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

    # --- all of it --------------------------------------------------------------------------------------------

    def all(self):
        """Runs the sections; returns the exit code."""
        code = 0
        for section in self.arguments.section:
            parts = self.data["sections"][section] = {}
            for name, measure in getattr(self, section)():
                print(f"{section}: {name} ...", flush=True)
                try:
                    parts[name] = {"state": "passed", "found": measure()}
                    if self.gpu:
                        parts[name]["gpu_after"] = self.query_gpu()  # its clocks under load
                except NotMeasured as reason:
                    parts[name] = {"state": "not measured", "reason": str(reason)}
                except (Exception, SystemExit) as reason:  # whatever it was, the others are measured
                    parts[name] = {**parts.get(name, {}), "state": "failed", "reason": str(reason) or repr(reason)}
                    code = 1
                reason = parts[name].get("reason")
                print(f"{section}: {name}: {parts[name]['state']}" + (f": {reason}" if reason else ""), flush=True)
                self.write()
        return code

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
            lines += self.steps_table() + self.kernels_table() + self.training_table()
        return "\n".join(lines)

    def steps_table(self):
        lines = ["## One training step, in turn", "", "| case | contender | median ms | p10 | p90 | images/s | x ours |",
                 "| --- | --- | --- | --- | --- | --- | --- |"]
        for case, found in self.passed("steps").items():
            if "floor_ms" in found:
                lines.append(f"| {case} | floor | {found['floor_ms']:.2f} | | | | |")
                lines.append(f"| {case} | ours, beside it | {found['step_ms']:.2f} | {found['step_ms_p10']:.2f} | "
                             f"{found['step_ms_p90']:.2f} | {found['images_per_second']:.0f} | |")
            elif "ours" in found:
                for name, r in found.items():
                    lines.append(f"| {case} | {name} | {r['step_ms']:.2f} | {r['step_ms_p10']:.2f} | {r['step_ms_p90']:.2f} | "
                                 f"{r['images_per_second']:.0f} | {r['step_ms'] / found['ours']['step_ms']:.2f} |")
        return lines + [""]

    def kernels_table(self):
        lines = ["## Ops and layers", "", "| precision | op | median us | p10 | p90 | GFLOP/s | GB/s | share of its bound |",
                 "| --- | --- | --- | --- | --- | --- | --- | --- |"]
        for precision, rows in self.passed("kernels").items():
            for row in rows:
                name = row["name"].partition("/min_time:")[0]
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
