"""Times the training step beside PyTorch on the CPU; compare_cpu.sh builds and installs what this needs.

Parts, each of which adds to the results file (a machine's of a day) and replaces what it measured before:
  search    PyTorch's best settings for each precision, found by measurement: memory format, allocator, threads, compile
  steps     our step, the same without sharing, and PyTorch at its best, in turn, after their losses were compared
  painters  the step of harmonic_unet, small at 64 and base at 128, beside PyTorch at its best and its own floor
  scaling   our step over batch sizes, picture sizes and threads, in turn
  table     prints the results file
"""
import argparse
import datetime
import json
import os
import subprocess
import sys
from pathlib import Path

import machine
import peer_check
from contender import alternate

ROOT = Path(__file__).resolve().parent.parent
# glibc gives freed memory back to the system and takes it again at every step unless told not to; with huge
# pages it also misses fewer translations.
TUNED_MALLOC = ("glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=68719476736:"
                "glibc.malloc.trim_threshold=68719476736:glibc.malloc.top_pad=268435456")
SEARCH_BATCH = 16
PARTS = ("search", "steps", "painters", "scaling", "table")
PAINTERS = (("small", 64), ("base", 128))


def parse_arguments():
    parser = argparse.ArgumentParser(description="Times the training step beside PyTorch on the CPU.")
    parser.add_argument("part", nargs="*", default=list(PARTS), help=f"{', '.join(PARTS)}; all of them by default")
    parser.add_argument("--bin", type=Path, default=ROOT / "build/cpu-release/bin", help="where the programs are")
    parser.add_argument("--precision", nargs="+", choices=("fp32", "bf16"), default=["fp32", "bf16"])
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 16, 64],
                        help="images per batch; for 1 the batch norms of both see 2 images, the fewest they can")
    parser.add_argument("--our_precision", choices=("fp32", "bf16"), help="ours where it differs from PyTorch's")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--scaling", nargs="+", choices=("batch", "image_size", "threads"),
                        default=["batch", "image_size", "threads"])
    parser.add_argument("--results", type=Path, help="default: bench/results/<cpu>-<date>.json")
    arguments = parser.parse_args()
    unknown = set(arguments.part) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return arguments


class Results:
    """The results file, rewritten after each measurement."""

    def __init__(self, path):
        described = machine.describe()
        date = datetime.date.today().isoformat()
        self.path = path or ROOT / "bench/results" / f"{machine.slug(described)}-{date}.json"
        self.data = json.loads(self.path.read_text()) if self.path.is_file() else {}
        self.data.setdefault("machine", described)
        if self.data["machine"]["cpu"] != described["cpu"]:
            sys.exit(f"error: {self.path} is of another machine, {self.data['machine']['cpu']}")
        self.data["date"] = date

    def put(self, part, key, value):
        # The load average of the last 15 minutes counts this measurement's own threads. Far more means that
        # others were at work.
        self.data.setdefault(part, {})[key] = {**value, "load_average": round(os.getloadavg()[2], 1)}
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_text(json.dumps(self.data, indent=1) + "\n")


class Comparison:
    def __init__(self, arguments):
        self.arguments, self.results = arguments, Results(arguments.results)
        version = subprocess.run([arguments.bin / "inpaint_train", "--version"], capture_output=True, text=True)
        self.build = {"version": version.stdout.strip().splitlines()}  # its commit among it
        self.peer = [sys.executable, ROOT / "bench/pytorch_baseline.py"]

    def environment(self, malloc):
        environment = dict(os.environ)
        environment.pop("GLIBC_TUNABLES", None)
        return {**environment, "GLIBC_TUNABLES": TUNED_MALLOC} if malloc == "tuned" else environment

    def peer_options(self, settings):
        options = ["--threads", settings["threads"], "--compile", settings["compile"]]
        return options + (["--channels_last"] if settings["channels_last"] else [])

    # --- search -----------------------------------------------------------------------------------------

    def peer_ms(self, precision, settings, model=()):
        command = [*self.peer, "--precision", precision, "--batch_size", SEARCH_BATCH, "--rounds", 3, *model,
                   *self.peer_options(settings)]
        out = peer_check.run(command, self.environment(settings["malloc"]))
        return json.loads(out.splitlines()[-1])["step_ms"]

    def best_of_peer(self, precision, model=()):
        """One setting after the other is changed, and kept where the step got faster: the best, and all trials."""
        best = {"channels_last": False, "malloc": "default", "threads": self.arguments.threads, "compile": "off"}
        trials = [{**best, "step_ms": self.peer_ms(precision, best, model)}]
        best_ms = trials[0]["step_ms"]
        for change in ({"malloc": "tuned"}, {"channels_last": True}, {"threads": max(1, best["threads"] // 2)},
                       {"compile": "default"}):
            settings = {**best, **change}
            ms = self.peer_ms(precision, settings, model)
            trials.append({**settings, "step_ms": ms})
            if ms < best_ms:
                best, best_ms = settings, ms
        return best, trials

    def search(self, precision):
        best, trials = self.best_of_peer(precision)
        self.results.put("search", precision, {**self.build, "batch_size": SEARCH_BATCH, "best": best,
                                               "trials": trials})

    # --- steps ------------------------------------------------------------------------------------------

    def ours(self, precision, **options):
        flags = [part for name, value in options.items() for part in (f"--{name}", value)]
        return [self.arguments.bin / "bench_train", "--on_demand", "--precision", precision, *flags]

    def steps(self, precision, batch):
        found = self.results.data.get("search", {}).get(precision)
        if found is None:
            sys.exit(f"error: PyTorch's best settings in {precision} are not known: run the part 'search' first")
        settings = found["best"]
        environment, options = self.environment(settings["malloc"]), self.peer_options(settings)
        checked = peer_check.check(self.arguments.bin / "inpaint_train", self.peer, precision, options, environment)
        our_precision = self.arguments.our_precision or precision
        size = {"batch_size": max(batch, 2), "threads": self.arguments.threads}
        plain = dict(os.environ)
        starts = {
            "ours": (self.ours(our_precision, **size), plain),
            "ours, no sharing": ([*self.ours(our_precision, **size), "--noreuse"], plain),
            "PyTorch": ([*self.peer, "--on_demand", "--precision", precision, "--batch_size", size["batch_size"],
                         *options], environment),
        }
        reports = alternate(starts, self.arguments.rounds)
        ours, peer = reports["ours"], reports["PyTorch"]
        self.results.put("steps", f"{precision}, batch {size['batch_size']}", {
            **self.build, "differences_of_losses": checked, "peer_settings": settings, "contenders": reports,
            "times_faster": peer["step_ms"] / ours["step_ms"],
            "times_faster_without_sharing": peer["step_ms"] / reports["ours, no sharing"]["step_ms"],
            "memory_ratio": ours["peak_memory_bytes"] / peer["peak_memory_bytes"]})

    # --- painters ---------------------------------------------------------------------------------------

    def painters(self, precision):
        for size, side in PAINTERS:
            model = ("--model", "harmonic_unet", "--model_size", size, "--image_size", side)
            settings, trials = self.best_of_peer(precision, model)
            ours = [self.arguments.bin / "bench_train", "--precision", precision, "--batch_size", SEARCH_BATCH,
                    "--threads", self.arguments.threads, *model]
            reports = alternate({
                "ours": ([*ours, "--on_demand"], dict(os.environ)),
                "PyTorch": ([*self.peer, "--on_demand", "--precision", precision, "--batch_size", SEARCH_BATCH, *model,
                             *self.peer_options(settings)], self.environment(settings["malloc"])),
            }, self.arguments.rounds)
            floor = json.loads(peer_check.run([*ours, "--json", "--rounds", self.arguments.rounds], dict(os.environ)))
            self.results.put("painters", f"{size}, {side}, {precision}", {
                **self.build, "peer_settings": settings, "peer_trials": trials, "contenders": reports,
                "times_faster": reports["PyTorch"]["step_ms"] / reports["ours"]["step_ms"], "beside_floor": floor})

    # --- scaling ----------------------------------------------------------------------------------------

    def scaling(self, axis, precision):
        threads = self.arguments.threads
        base = {"batch_size": 16, "image_size": 128, "threads": threads}
        values = {"batch": ("batch_size", (16, 64, 256)), "image_size": ("image_size", (64, 128, 256)),
                  "threads": ("threads", sorted({1, max(1, threads // 2), threads}))}
        name, sizes = values[axis]
        starts = {str(size): (self.ours(precision, **{**base, name: size}), dict(os.environ)) for size in sizes}
        rounds = min(3, self.arguments.rounds) if axis == "batch" else self.arguments.rounds
        reports = alternate(starts, rounds)
        self.results.put("scaling", f"{precision}, {axis}", {**self.build, "contenders": reports})

    # --- table ------------------------------------------------------------------------------------------

    def table(self):
        data = self.results.data
        described = data["machine"]
        lines = [f"# {described['cpu']}, {described['cores']} cores, {data['date']}", "",
                 f"Features: {' '.join(described['features'])}. Caches: "
                 + ", ".join(f"{name} {size}" for name, size in described["caches"].items()) + ".", ""]
        if "search" in data:
            lines += ["## PyTorch's settings", "", f"Milliseconds per step at batch {SEARCH_BATCH}, median of 3.", "",
                      "| precision | memory format | malloc | threads | compile | ms | |",
                      "| --- | --- | --- | --- | --- | --- | --- |"]
            for precision, found in data["search"].items():
                for trial in found["trials"]:
                    best = "best" if all(trial[key] == value for key, value in found["best"].items()) else ""
                    layout = "channels last" if trial["channels_last"] else "contiguous"
                    lines.append(f"| {precision} | {layout} | {trial['malloc']} | {trial['threads']} | "
                                 f"{trial['compile']} | {trial['step_ms']:.0f} | {best} |")
            lines.append("")
        if "steps" in data:
            lines += ["## One training step, in turn, medians (p10 to p90) in ms", "",
                      "| case | ours | ours, no sharing | PyTorch | PyTorch / ours | / no sharing | peak memory, GiB | ratio |",
                      "| --- | --- | --- | --- | --- | --- | --- | --- |"]
            for case, result in data["steps"].items():
                reports = result["contenders"]
                times = [f"{r['step_ms']:.0f} ({r['step_ms_p10']:.0f} to {r['step_ms_p90']:.0f})" for r in
                         (reports["ours"], reports["ours, no sharing"], reports["PyTorch"])]
                memory = " / ".join(f"{reports[name]['peak_memory_bytes'] / 2**30:.2f}" for name in ("ours", "PyTorch"))
                lines.append(f"| {self.case_name(case, reports)} | {' | '.join(times)} | {result['times_faster']:.2f} | "
                             f"{result['times_faster_without_sharing']:.2f} | {memory} | {result['memory_ratio']:.2f} |")
            lines.append("")
        if "painters" in data:
            lines += ["## One training step of harmonic_unet, batch 16, in turn, medians (p10 to p90) in ms", "",
                      "| case | ours | PyTorch | PyTorch / ours | ours / its floor |", "| --- | --- | --- | --- | --- |"]
            for case, result in data["painters"].items():
                times = [f"{r['step_ms']:.0f} ({r['step_ms_p10']:.0f} to {r['step_ms_p90']:.0f})"
                         for r in (result["contenders"]["ours"], result["contenders"]["PyTorch"])]
                lines.append(f"| {case} | {' | '.join(times)} | {result['times_faster']:.2f} | "
                             f"{result['beside_floor']['ratio']:.2f} |")
            lines.append("")
        if "scaling" in data:
            lines += ["## Scaling of our step", "", "| case | value | ms | ms per image | images/s |",
                      "| --- | --- | --- | --- | --- |"]
            for case, result in data["scaling"].items():
                for value, report in result["contenders"].items():
                    lines.append(f"| {case} | {value} | {report['step_ms']:.0f} | "
                                 f"{report['step_ms'] / report['batch_size']:.1f} | {report['images_per_second']:.1f} |")
            lines.append("")
        text = "\n".join(lines)
        self.results.path.with_suffix(".md").write_text(text)
        print(text)

    def case_name(self, case, reports):
        ours, peer = reports["ours"]["precision"], reports["PyTorch"]["precision"]
        return case if ours == peer else f"{case} (ours {ours})"

    def run(self):
        for part in self.arguments.part:
            for precision in self.arguments.precision if part != "table" else ():
                if part in ("search", "painters"):
                    getattr(self, part)(precision)
                elif part == "steps":
                    for batch in self.arguments.batch:
                        self.steps(precision, batch)
                else:
                    for axis in self.arguments.scaling:
                        self.scaling(axis, precision)
        if self.results.data.keys() & {"search", "steps", "painters", "scaling"}:
            self.table()


if __name__ == "__main__":
    Comparison(parse_arguments()).run()
