"""The program trains the whole-picture model, and the oracle (harmonic_oracle.py) replays the same pictures and masks.

The masks are the program's own (`parity_probe holes`): what they have to be like is the subject of other tests. The
oracle's harmonic fill is its own, and exact; the program's keeps within 1e-9 of it in fp64. Three kinds of cases:
- whole: fp64 from the program's initial values over a planned run, which ends with the same bits when it is stopped
  half way and resumed;
- short: the first steps, of a larger network and of the CUDA code;
- chain: stopped and resumed after every step, each step replayed from the checkpoint before it. It follows fp32 and bf16,
  which part from fp64 by themselves: see README.md.
"""
import math

import numpy as np
import torch

import pictures
from comparison import Bounds, Comparison, norm_of
from harmonic_oracle import HarmonicOracle, HarmonicSettings, tensor_shapes
from programs import Scratch
from report import Failure, Skip, check
from trainer import Trainer

STEPS, BATCHES = 20, 3
FLAGS = {"model": "harmonic_unet", "image_size": 64, "image_channel": 3, "batch_size": 2, "seed": 3, "holes": "mixed",
         "warm_up": 5, "schedule_steps": STEPS, "shuffle": False, "flip": False}
# fp64: what the fill's contract allows, 1e-9, moves the losses by less than that, the rest by 1e-8. bf16: the
# first gradients of all layers but the last are small, and what Adam makes of them is nearly a sign.
BOUNDS = {"fp64": Bounds(loss=1e-9, update=1e-7, moment=1e-7, storage=2.0**-53),
          "fp32": Bounds(loss=1e-5, update=1e-3, moment=1e-4, storage=2.0**-24),
          "bf16": Bounds(loss=1e-3, update=0.6, moment=0.3, storage=2.0**-24)}
MOVED, ACROSS_A_KINK = ("update", "average", "moment"), 0.05  # see chain
SILENT = ("adv_gene_loss", "tv_loss", "gene_decay_loss", "adv_disc_loss", "disc_loss_ori", "disc_decay_loss", "disc_acc",
          "learning_rate_disc")


def off(got, want):
    return abs(got / want - 1)


class Replay:
    """A trainer with its batches: pictures and masks. One picture less than a batch is left over."""

    def __init__(self, programs, scratch, flags):
        self.flags = {**FLAGS, **flags}
        self.settings = HarmonicSettings(**{name: value for name, value in self.flags.items()
                                            if name in HarmonicSettings.__dataclass_fields__})
        self.bounds = BOUNDS[self.flags["precision"]]
        s = self.settings
        self.data = pictures.make(BATCHES * s.batch_size + s.batch_size - 1, s.image_size, s.image_channel, 31)
        # The first batch is noise: its gradient is small, so that those of the other batches are clipped.
        noisy = self.data[:s.batch_size]
        noisy[:] = np.random.default_rng(52).integers(0, 256, noisy.shape, np.uint8)
        self.trainer = Trainer(programs, scratch, self.flags, self.data)
        programs.run("parity_probe", "holes", STEPS * s.batch_size, s.image_size, self.flags["seed"], 0, self.flags["holes"],
                     scratch.path / "masks")
        self.masks = scratch.get("masks", np.uint8, (STEPS, s.batch_size, s.image_size, s.image_size))

    def oracle_at(self, run):
        """The oracle in a checkpoint's state; the checkpoint holds all it should, and nothing else."""
        shapes = {form.format(name): shape for name, shape in tensor_shapes(self.settings).items()
                  for form in ("{}", "average.{}", "adam.{}.m", "adam.{}.v")}
        found = {name: tensor.shape for name, tensor in run.tensors.items() if name != "crc32c"}
        check(found == shapes, f"tensors that are unknown, missing or of another shape: "
                               f"{sorted(set(found.items()) ^ set(shapes.items()))[:4]}")
        return HarmonicOracle(self.settings, run.tensors, int(run.metadata["state.generator_updates"]),
                              float(run.metadata["state.clip_mean"]))

    def compare_step(self, comparison, oracle, done, line):
        """Moves the oracle by the step that follows `done` steps, and compares that step's line of the log."""
        n, where = self.settings.batch_size, f"step {done + 1}"
        first = done % BATCHES * n
        figures = oracle.step(self.data[first:first + n], self.masks[done], done)
        check((line["step"], line["epoch"], line["batch"]) == (done + 1, *divmod(done, BATCHES)), f"{where}: {line}")
        check(line["gene_loss_ori"] == line["rec_loss"], f"{where}: {line}")
        check(not any(line[name] for name in SILENT), f"{where}: {line}")
        comparison.look("loss", off(line["rec_loss"], figures["rec_loss"]), self.bounds.loss, where)
        comparison.look("rate", off(line["learning_rate_gene"], figures["learning_rate_gene"]), 1e-12, where)

    def compare_state(self, comparison, oracle, before, after, but=()):
        """Compares all tensors of `after` with the oracle's, in relation to what they changed since `before`."""
        steps = oracle.updates - int(before.metadata["state.generator_updates"])
        comparison.look("clip", off(float(after.metadata["state.clip_mean"]), oracle.clip_mean),
                        self.bounds.moment / 10, "its mean")
        check(int(after.metadata["state.generator_updates"]) == oracle.updates, "number of updates")
        for name, want in oracle.tensors().items():
            if name in but:
                continue
            deviation = norm_of(torch.as_tensor(after.tensors[name]).double() - want)
            if name.startswith("adam."):
                kind, bound, change = "moment", self.bounds.moment, norm_of(want)
            else:
                kind, bound = "average" if name.startswith("average.") else "update", self.bounds.update
                change = norm_of(want - torch.as_tensor(before.tensors[name]).double())
                # Rounding errors of single updates add up as their root; three times it leaves out chance.
                deviation = max(0.0, deviation - 3 * math.sqrt(steps) * self.bounds.storage * norm_of(want))
            if change == 0:
                comparison.look(kind, deviation, 0.0, name)
            else:
                comparison.look(kind, deviation / change, bound, name)

    def follow(self, steps, device="cpu"):
        """The first steps, freely. Returns (what was found, the oracle, the last checkpoint)."""
        before = self.trainer.run("run", 0, device=device)
        after = self.trainer.run("run", steps, device=device)
        check(len(after.log) == steps, f"{len(after.log)} lines in train_log.jsonl after {steps} steps")
        comparison, oracle = Comparison(), self.oracle_at(before)
        for done, line in enumerate(after.log):
            self.compare_step(comparison, oracle, done, line)
        self.compare_state(comparison, oracle, before, after)
        check(not comparison.findings, comparison.verdict())
        return comparison, oracle, after


def check_same(run, other):
    """The same bits, after stops and without."""
    for line, twin in zip(run.log, other.log, strict=True):
        for name in ("step", "epoch", "batch", "rec_loss", "learning_rate_gene"):
            check(line[name] == twin[name], f"step {line['step']}: {name} differs after resuming")
    for name, tensor in run.tensors.items():
        check(name == "crc32c" or np.array_equal(tensor, other.tensors[name]), f"{name} differs after resuming")
    check(run.metadata["state.clip_mean"] == other.metadata["state.clip_mean"], "the clip's mean differs after resuming")


def whole(programs, flags):
    with Scratch() as scratch:
        replay = Replay(programs, scratch, flags)
        comparison, oracle, end = replay.follow(STEPS)
        check(oracle.clipped > 0, "no gradient was clipped")
        replay.trainer.run("halves", STEPS // 2)
        check_same(end, replay.trainer.run("halves", STEPS))
    return f"{comparison.figures()}; {oracle.clipped} gradients clipped; equal to a run in two halves"


def short(programs, flags, steps, device):
    with Scratch() as scratch:
        try:
            return Replay(programs, scratch, flags).follow(steps, device)[0].figures()
        except Failure as failure:
            raise Skip("built without CUDA") if "was built without CUDA" in str(failure) else failure


def chain(programs, flags, steps):
    """Each step from the checkpoint before it; the same run without stops.

    Where a value in front of a leaky ReLU is so near 0 that fp32 and fp64 see it on two sides, a gradient differs by
    five times. In few steps, moments and updates may lie beyond their bounds by what that does in a batch so small.
    """
    worst, across = {}, 0
    with Scratch() as scratch:
        replay = Replay(programs, scratch, flags)
        before = replay.trainer.run("chain", 0)
        for done in range(steps):
            after = replay.trainer.run("chain", done + 1)
            oracle, comparison = replay.oracle_at(before), Comparison()
            replay.compare_step(comparison, oracle, done, after.log[-1])
            replay.compare_state(comparison, oracle, before, after)
            found = {kind: deviation for kind, (_, deviation, _) in comparison.worst.items()}
            is_kink = all(finding.startswith(MOVED) for finding in comparison.findings)
            check(not comparison.findings or is_kink and max(found[kind] for kind in MOVED) <= ACROSS_A_KINK,
                  f"step {done + 1}: {comparison.verdict()}")
            across += bool(comparison.findings)
            worst = {kind: max(deviation, worst.get(kind, 0.0)) for kind, deviation in found.items()}
            before = after
        check(across <= steps // 4, f"{across} of {steps} steps beyond the bounds")
        check_same(after, replay.trainer.run("whole", steps))
    figures = ", ".join(f"{kind} {deviation:.0e}" for kind, deviation in worst.items())
    return f"{figures}; {across} steps across a kink; equal to a run without stops"


def run(report, programs):
    report.case("replay: harmonic: fp64: small, RGB, 20 steps", whole, programs, {"precision": "fp64"})
    report.case("replay: harmonic: fp64: base, grey, 3 steps", short, programs,
                {"precision": "fp64", "model_size": "base", "image_channel": 1}, 3, "cpu")
    report.case("replay: harmonic: fp32, CUDA: small, RGB, 3 steps", short, programs,
                {"precision": "fp32"}, 3, "cuda")
    for precision, steps, flags in (("fp32", 12, {"image_channel": 1}), ("bf16", 6, {})):
        report.case(f"replay: harmonic: {precision}, chain: {steps} steps", chain, programs,
                    {"precision": precision, **flags}, steps)
