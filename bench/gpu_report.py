"""Runs the sections of gpu_report.sh and writes what they found: bench/results/<gpu>-<date>.json and .md.

A section ends as "passed" or "failed", with its figures, or as "not measured", with the reason. Nothing is ever filled
in for what was not run. The exit code is 1 when a section failed.
"""
import argparse
import datetime
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import machine
from contender import alternate

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ("memcheck", "racecheck", "initcheck", "synccheck")
EQUAL_RUNS = 10
QUERY = ("name", "driver_version", "memory.total", "clocks.sm", "clocks.mem", "clocks.max.sm", "clocks.max.mem",
         "power.limit", "temperature.gpu")
SMALL = {"image_size": 64, "base_channels": 8, "bottleneck": 32, "batch_size": 4}


def parse_arguments():
    parser = argparse.ArgumentParser(description="Tests and measures the program on a GPU.")
    parser.add_argument("--bin", type=Path, required=True, help="where the programs are")
    parser.add_argument("--gpu", type=int, default=0)
    parser.add_argument("--dry_run", action="store_true", help="the programs run CUDA code on the CPU")
    parser.add_argument("--no_peer", action="store_true", help="leave PyTorch out")
    parser.add_argument("--batch", nargs="+", type=int, default=[64, 256, 1024])
    parser.add_argument("--precision", nargs="+", choices=("fp32", "tf32", "bf16"), default=["bf16", "tf32", "fp32"])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--data", type=Path, help="folder with <dataname><size>_train.bin and _test.bin to train on")
    parser.add_argument("--dataname", default="streets")
    parser.add_argument("--image_size", type=int, choices=(64, 128, 256), default=128)
    parser.add_argument("--image_channel", type=int, choices=(1, 3), default=3)
    parser.add_argument("--training_steps", type=int, default=2000)
    parser.add_argument("--with_cpu_training", action="store_true", help="the same training on the CPU too: long")
    parser.add_argument("--section", nargs="+", help="only these sections")
    parser.add_argument("--results", type=Path, help="default: bench/results/<gpu>-<date>.json")
    return parser.parse_args()


class NotMeasured(Exception):
    pass


class Failed(Exception):
    pass


def run(command, timeout=None, **options):
    """Standard output and errors, when the command ends with 0."""
    command = [str(part) for part in command]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, **options)
    except FileNotFoundError as error:
        raise NotMeasured(f"{error.filename} is not installed") from error
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: exit code {done.returncode}\n{(done.stdout + done.stderr)[-1500:]}")
    return done.stdout + done.stderr


def doctest_counts(text):
    """Of the last summary line; none or zero passed cases is a failure: a filter that matches nothing proves nothing."""
    found = re.findall(r"test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed", text)
    if not found or int(found[-1][1]) == 0:
        raise Failed(f"no test case ran:\n{text[-500:]}")
    total, passed, failed = map(int, found[-1])
    return {"cases": total, "passed": passed, "failed": failed}


def tensors_hash(checkpoint):
    """Of all tensors' bytes and names. The file holds also the settings of its run, its folders among them."""
    content = checkpoint.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8:8 + length])
    digest = hashlib.sha256()
    for name in sorted(header.keys() - {"__metadata__", "crc32c"}):
        begin, end = header[name]["data_offsets"]
        digest.update(name.encode())
        digest.update(content[8 + length + begin:8 + length + end])
    return digest.hexdigest()


class Report:
    def __init__(self, arguments):
        self.arguments = arguments
        self.peer = [sys.executable, ROOT / "bench/pytorch_baseline.py"]
        self.gpu = self.describe_gpu()
        described = machine.describe()
        name = re.sub(r"[^a-z0-9]+", "-", self.gpu["name"].lower()).strip("-") if self.gpu else "executor-dry-run"
        date = datetime.date.today().isoformat()
        self.path = arguments.results or ROOT / "bench/results" / f"{name}-{date}.json"
        self.data = {"date": date, "commit": machine.commit(ROOT), "gpu": self.gpu, "machine": described,
                     "device": "CUDA code on the CPU (a dry run)" if arguments.dry_run else "GPU",
                     "version": run([arguments.bin / "bench_train", "--version"]).strip().splitlines(), "sections": {}}

    def describe_gpu(self):
        if self.arguments.dry_run:
            return None
        try:
            text = run(["nvidia-smi", f"--id={self.arguments.gpu}", f"--query-gpu={','.join(QUERY)}",
                        "--format=csv,noheader"])
        except (NotMeasured, Failed) as error:
            sys.exit(f"error: no GPU to measure ({error}); --dry_run runs what can run without one")
        return dict(zip(QUERY, (part.strip() for part in text.split(","))))

    def needs_gpu(self):
        if self.arguments.dry_run:
            raise NotMeasured("needs a GPU")

    # --- sections ---------------------------------------------------------------------------------------------

    def op_tests(self):
        """Every op on the GPU against the same references as the CPU's."""
        return {name: doctest_counts(run([self.arguments.bin / name, *filter_]))
                for name, filter_ in (("kernels_tests", []), ("nn_tests", []), ("train_tests", ["-tc=*cuda*,*CUDA*"]))}

    def sanitizers(self):
        """The same op tests under each of compute-sanitizer's tools."""
        self.needs_gpu()
        found = {}
        for tool in TOOLS:
            text = run(["compute-sanitizer", "--tool", tool, "--error-exitcode", "99",
                        self.arguments.bin / "kernels_tests"])
            summary = re.findall(r"(?:ERROR|RACECHECK) SUMMARY: .*", text)
            found[tool] = {**doctest_counts(text), "summary": summary[-1] if summary else "no summary"}
        return found

    def train(self, folder, steps, device, flags):
        folder.mkdir(parents=True, exist_ok=True)
        settings = {"dataname": self.arguments.dataname, "device": device, "gpu": self.arguments.gpu,
                    "image_channel": self.arguments.image_channel, "checkpoint_root": folder / "checkpoints",
                    "log_root": folder / "logs", "sample_root": folder / "samples", "max_steps": steps,
                    "epoch": 1000000, "sample": 1000000, "ckpt": 1000000, "summary": 1000000, **flags}
        (folder / "run.cfg").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        run([self.arguments.bin / "inpaint_train", "--flags-file", folder / "run.cfg"])
        return next((folder / "checkpoints").rglob(f"model-{steps}.safetensors"))

    def determinism(self):
        """Equal runs must end in equal bytes."""
        with tempfile.TemporaryDirectory(prefix="inpaint-report-") as scratch:
            scratch = Path(scratch)
            size = SMALL["image_size"] if self.arguments.dry_run else 128
            flags = dict(SMALL) if self.arguments.dry_run else {"batch_size": 64}
            steps, runs = (2, 3) if self.arguments.dry_run else (20, EQUAL_RUNS)
            pixels = hashlib.shake_256(b"determinism").digest(2 * flags["batch_size"] * size * size *
                                                             self.arguments.image_channel)
            (scratch / f"{self.arguments.dataname}{size}_train.bin").write_bytes(pixels)
            hashes = [tensors_hash(self.train(scratch / f"run{number}", steps, "cuda", {**flags, "data_root": scratch}))
                      for number in range(runs)]
        if len(set(hashes)) != 1:
            raise Failed(f"{runs} equal runs ended in {len(set(hashes))} different states")
        return {"runs": runs, "steps": steps, "sha256": hashes[0]}

    def steps(self):
        """The whole step, ours and PyTorch's in turn."""
        self.needs_gpu()
        found = {}
        for precision in self.arguments.precision:
            for batch in self.arguments.batch:
                size = ["--device", "cuda", "--precision", precision, "--batch_size", batch]
                ours = [self.arguments.bin / "bench_train", "--on_demand", "--gpu", self.arguments.gpu, *size]
                starts = {"ours": (ours, None), "ours, no sharing": ([*ours, "--noreuse"], None)}
                if not self.arguments.no_peer:
                    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": str(self.arguments.gpu)}
                    peer = [*self.peer, "--on_demand", *size, "--channels_last"]
                    starts["PyTorch eager"] = (peer, environment)
                    starts["PyTorch compiled"] = ([*peer, "--compile", "max-autotune"], environment)
                reports = alternate(starts, self.arguments.rounds)
                floor = json.loads(run([self.arguments.bin / "bench_train", "--json", "--gpu", self.arguments.gpu, *size]))
                found[f"{precision}, batch {batch}"] = {"contenders": reports, "floor": floor}
        return found

    def kernels(self):
        """Each op and layer, its result checked first, with cold and warm caches."""
        if self.arguments.dry_run:
            # Nothing is timed that the CPU runs in a GPU's place: only that results are right.
            small = ["--batch_size", 2, "--image_size", 64, "--base_channels", 8, "--bottleneck", 32, "--threads", 1]
            run([self.arguments.bin / "bench_kernels", "--device", "cuda", "--check", *small])
            return {"checked": "all results, nothing timed"}
        found = {}
        for precision in self.arguments.precision:
            with tempfile.TemporaryDirectory(prefix="inpaint-report-") as scratch:
                out = Path(scratch) / "kernels.json"
                run([self.arguments.bin / "bench_kernels", "--device", "cuda", "--gpu", self.arguments.gpu, "--precision",
                     precision, "--caches", "both", f"--benchmark_out={out}", "--benchmark_out_format=json"])
                found[precision] = json.loads(out.read_text())["benchmarks"]
        return found

    def training(self):
        """A run on real pictures and its score on pictures it has not seen."""
        self.needs_gpu()
        if self.arguments.data is None:
            raise NotMeasured("no --data was given")
        a = self.arguments
        found = {}
        for device in ("cuda", "cpu") if a.with_cpu_training else ("cuda",):
            with tempfile.TemporaryDirectory(prefix="inpaint-report-") as scratch:
                checkpoint = self.train(Path(scratch), a.training_steps, device,
                                        {"image_size": a.image_size, "data_root": a.data.resolve()})
                run([a.bin / "inpaint_eval", "--checkpoint", checkpoint.parent, "--data",
                     a.data / f"{a.dataname}{a.image_size}_test.bin", "--out", Path(scratch) / "scores"])
                scores = sorted((Path(scratch) / "scores").glob("*.json"))
                if not scores:
                    raise Failed("inpaint_eval left no scores")
                found[device] = {"steps": a.training_steps, "scores": json.loads(scores[0].read_text())}
        return found

    # --- all of it --------------------------------------------------------------------------------------------

    SECTIONS = ("op_tests", "sanitizers", "determinism", "steps", "kernels", "training")

    def all(self):
        for name in self.arguments.section or self.SECTIONS:
            if name not in self.SECTIONS:
                sys.exit(f"error: no section '{name}'; there are {', '.join(self.SECTIONS)}")
            print(f"{name} ...", flush=True)
            try:
                result = {"state": "passed", "found": getattr(self, name)()}
            except NotMeasured as reason:
                result = {"state": "not measured", "reason": str(reason)}
            except (Failed, SystemExit) as reason:
                result = {"state": "failed", "reason": str(reason)}
            self.data["sections"][name] = result
            print(f"{name}: {result['state']}" + (f": {result['reason']}" if "reason" in result else ""), flush=True)
            self.write()
        return 1 if any(result["state"] == "failed" for result in self.data["sections"].values()) else 0

    def write(self):
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_text(json.dumps(self.data, indent=1) + "\n")
        self.path.with_suffix(".md").write_text(self.page())

    def page(self):
        data = self.data
        title = data["gpu"]["name"] if data["gpu"] else "Dry run: the CUDA code on the CPU"
        lines = [f"# {title}, {data['date']}", "", f"Commit {data['commit']}, {data['machine']['cpu']}.", ""]
        if data["gpu"]:
            lines += [", ".join(f"{name} {value}" for name, value in data["gpu"].items()) + ".", ""]
        lines += ["| section | result |", "| --- | --- |"]
        for name, result in data["sections"].items():
            reason = result.get("reason", "").splitlines()
            lines.append(f"| {name} | {result['state']}{': ' + reason[0] if reason else ''} |")
        lines.append("")
        lines += self.steps_table(data["sections"].get("steps", {}).get("found"))
        lines += self.kernels_table(data["sections"].get("kernels", {}).get("found"))
        return "\n".join(lines)

    @staticmethod
    def steps_table(found):
        if not found:
            return []
        lines = ["## One training step, in turn", "",
                 "| case | contender | median ms | p10 | p90 | images/s | peak memory, GiB | x ours |",
                 "| --- | --- | --- | --- | --- | --- | --- | --- |"]
        for case, result in found.items():
            ours = result["contenders"]["ours"]["step_ms"]
            for name, r in result["contenders"].items():
                lines.append(f"| {case} | {name} | {r['step_ms']:.2f} | {r['step_ms_p10']:.2f} | {r['step_ms_p90']:.2f} | "
                             f"{r['images_per_second']:.0f} | {r['peak_memory_bytes'] / 2**30:.2f} | "
                             f"{r['step_ms'] / ours:.2f} |")
            lines.append(f"| {case} | floor | {result['floor']['floor_ms']:.2f} | | | | | |")
        return lines + [""]

    @staticmethod
    def kernels_table(found):
        if not found or "checked" in found:
            return []
        lines = ["## Ops and layers", "", "| precision | op | median us | p10 | p90 | GFLOP/s | GB/s | share of its bound |",
                 "| --- | --- | --- | --- | --- | --- | --- | --- |"]
        for precision, rows in found.items():
            for row in rows:
                name = row["name"].removesuffix("/manual_time")
                lines.append(f"| {precision} | {name} | {row['median_us']:.1f} | {row['p10_us']:.1f} | {row['p90_us']:.1f} | "
                             f"{row.get('GFLOP/s', 0):.0f} | {row['GB/s']:.0f} | {row['share']:.2f} of {row['label']} |")
        return lines + [""]


if __name__ == "__main__":
    report = Report(parse_arguments())
    code = report.all()
    print(f"Written: {report.path} and {report.path.with_suffix('.md').name}")
    sys.exit(code)
