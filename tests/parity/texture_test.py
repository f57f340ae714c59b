"""The adversarial phase of the whole-picture model: the oracle (texture_oracle.py) against cases worked out by hand, and
runs of the program that it replays, from the first phase into the second.

The painter's first phase, pictures, masks and bounds are those of harmonic_replay_test.py.
"""
import math

import torch

import pictures
from harmonic_oracle import HarmonicSettings, tensor_shapes
from harmonic_replay_test import Replay, check_same, off
from programs import Scratch
from report import Failure, Skip, check, check_close
from texture_oracle import JUDGE_RATE, TextureOracle, is_running, judge_shapes, patches_that_see

STEPS = 16
FLAGS = {"schedule_steps": STEPS, "texture": 0.6, "texture_share": 0.625}
DRIFTING_LOSSES = ("adv_gene_loss", "gene_loss_ori")  # which may be near 0 by chance too
LOSSES = ("rec_loss", "adv_gene_loss", "gene_loss_ori", "adv_disc_loss", "disc_loss_ori")
# As long as no score lies beyond a hinge, this bias has no gradient: true and painted patches pull both ways.
# Rounding leaves one in fp32, and Adam takes as large a step for it as for any other. The bias then drifts,
# and with it all scores and adv_gene_loss, by the rate in each update at most. Nothing else depends on it.
DRIFTING = "discriminator.hidden4.bias"
STILL_SILENT = ("tv_loss", "gene_decay_loss", "disc_decay_loss")


class TextureReplay(Replay):
    def oracle_at(self, run):
        judge = judge_shapes(self.settings)
        shapes = {form.format(name): shape for name, shape in tensor_shapes(self.settings).items()
                  for form in ("{}", "average.{}", "adam.{}.m", "adam.{}.v")}
        shapes |= {form.format(name): shape for name, shape in judge.items()
                   for form in (("{}",) if is_running(name) else ("{}", "adam.{}.m", "adam.{}.v"))}
        found = {name: tensor.shape for name, tensor in run.tensors.items() if name != "crc32c"}
        check(found == shapes, f"tensors that are unknown, missing or of another shape: "
                               f"{sorted(set(found.items()) ^ set(shapes.items()))[:4]}")
        state = {name: run.metadata[f"state.{name}"] for name in
                 ("generator_updates", "clip_mean", "discriminator_updates", "adversarial_ratio")}
        return TextureOracle(self.settings, run.tensors, int(state["generator_updates"]), float(state["clip_mean"]),
                             int(state["discriminator_updates"]), float(state["adversarial_ratio"]))

    def compare_step(self, comparison, oracle, done, line):
        if done / STEPS < 1 - self.settings.texture_share:
            return super().compare_step(comparison, oracle, done, line)
        n, where = self.settings.batch_size, f"step {done + 1}"
        first = done % (len(self.data) // n) * n
        figures = oracle.step(self.data[first:first + n], self.masks[done], done)
        check(not any(line[name] for name in STILL_SILENT), f"{where}: {line}")
        for name in LOSSES:
            drift = JUDGE_RATE * oracle.judge.updates if name in DRIFTING_LOSSES and self.flags["precision"] == "fp32" else 0.0
            deviation = max(0.0, abs(line[name] - figures[name]) - drift)
            size = max(1.0, abs(figures[name])) if name in DRIFTING_LOSSES else abs(figures[name])
            comparison.look("loss", deviation / size, self.bounds.loss, f"{name}, {where}")
        for name in ("learning_rate_gene", "learning_rate_disc"):
            comparison.look("rate", off(line[name], figures[name]), 1e-12, where)
        comparison.look("accuracy", abs(line["disc_acc"] - figures["disc_acc"]), 1e-9, where)

    def compare_state(self, comparison, oracle, before, after):
        drifting = {form.format(DRIFTING) for form in ("{}", "adam.{}.m", "adam.{}.v")}
        updates = oracle.judge.updates - int(before.metadata["state.discriminator_updates"])
        allowed = JUDGE_RATE * updates if self.flags["precision"] == "fp32" else 1e-9
        got, want = float(after.tensors[DRIFTING][0]), float(oracle.judge.state[DRIFTING][0])
        check(abs(got - want) <= allowed, f"{DRIFTING}: {got}, want {want}")
        super().compare_state(comparison, oracle, before, after, drifting)
        comparison.look("ratio", off(float(after.metadata["state.adversarial_ratio"]), oracle.ratio),
                        self.bounds.moment / 10, "both gradients")
        check(int(after.metadata["state.discriminator_updates"]) == oracle.judge.updates, "updates of the discriminator")


def whole(programs, flags):
    """Through the first phase and the second, and again with stops in both."""
    with Scratch() as scratch:
        replay = TextureReplay(programs, scratch, {**FLAGS, **flags})
        comparison, oracle, end = replay.follow(STEPS)
        check(oracle.judge.updates == 10, f"{oracle.judge.updates} updates of the discriminator")
        for steps in (3, STEPS - 4, STEPS):
            parted = replay.trainer.run("parted", steps)
        check_same(end, parted)
        check(end.metadata["state.adversarial_ratio"] == parted.metadata["state.adversarial_ratio"], "another ratio")
        for line, twin in zip(end.log, parted.log, strict=True):
            check(all(line[name] == twin[name] for name in LOSSES), f"step {line['step']} differs after resuming")
    return f"{comparison.figures()}; ratio {oracle.ratio:.3f}; equal to a run in three parts"


def short(programs, flags, steps, device):
    with Scratch() as scratch:
        try:
            return TextureReplay(programs, scratch, {**FLAGS, "texture_share": 1.0, **flags}).follow(steps, device)[0].figures()
        except Failure as failure:
            raise Skip("built without CUDA") if "was built without CUDA" in str(failure) else failure


# --- the oracle alone -------------------------------------------------------------------------------------

SETTINGS = HarmonicSettings(image_size=32, batch_size=2, texture=0.5, texture_share=0.5, schedule_steps=4)


def drawn(settings, seed=1):
    random = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, shape in {**tensor_shapes(settings), **judge_shapes(settings)}.items():
        w = 0.1 * torch.randn(shape, generator=random, dtype=torch.float64)
        tensors.update({name: w, f"average.{name}": w, f"adam.{name}.m": torch.zeros_like(w),
                        f"adam.{name}.v": torch.zeros_like(w)})
    return TextureOracle(settings, tensors, 0, 0.0, 0, 0.0)


def patches_by_loops():
    """A pixel at row and column 20 is seen by the patches whose 38 pixels from 8 i - 15 on hold it."""
    mask = torch.zeros((1, 64, 64, 1), dtype=torch.float64)
    mask[0, 20, 20] = 1
    sees = patches_that_see(mask)[0]
    for i in range(8):
        for j in range(8):
            want = all(8 * at - 15 <= 20 < 8 * at - 15 + 38 for at in (i, j))
            check(bool(sees[i, j]) == want, f"patch {i}, {j}: {bool(sees[i, j])}")


def norm_by_svd():
    """With the first singular vector the norm is the largest singular value, and its gradient that of torch's."""
    judge, name = drawn(SETTINGS).judge, "discriminator.hidden2.weight"
    w = judge.state[name]
    u, s, _ = torch.linalg.svd(w.flatten(1), full_matrices=False)
    judge.state["discriminator.hidden2.u"] = 3 * u[:, 0]
    check_close(float((judge.normed(2)[0] * s[0] - w).abs().max()) + 1, 1.0, 1e-13, "the weight over its norm")
    weight = torch.randn(w.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    gradients = []
    for norm in (lambda w: judge.normed(2)[0], lambda w: w / torch.linalg.matrix_norm(w.flatten(1), 2)):
        judge.state[name] = w.clone().requires_grad_(True)
        gradients.append(torch.autograd.grad((norm(judge.state[name]) * weight).sum(), judge.state[name])[0])
    deviation = float((gradients[0] - gradients[1]).norm() / gradients[1].norm())
    check(deviation < 1e-10, f"gradient: deviation {deviation:.1e}")


def balance_by_hand():
    """The first step of the phase has a scale of 0, the second rho times the ratio of the first; then it is smoothed."""
    oracle = drawn(SETTINGS)
    truth = pictures.make(2, 32, 3, 4)
    masks = torch.zeros((2, 32, 32), dtype=torch.uint8).numpy()
    masks[:, 8:20, 6:25] = 1
    check("adv_gene_loss" not in oracle.step(truth, masks, 1), "the phase begins too early")
    ratios = []
    for done in (2, 3):
        before, figures = oracle.ratio, oracle.step(truth, masks, done)
        scale = (figures["gene_loss_ori"] - figures["rec_loss"]) / figures["adv_gene_loss"]
        check(abs(scale - 0.5 * before) < 1e-12, f"scale {scale}, ratio before it {before}")
        ratios.append(oracle.ratio)
    check(oracle.judge.updates == 2, f"{oracle.judge.updates} updates of the discriminator")
    check(ratios[0] > 0 and ratios[1] != ratios[0] and abs(ratios[1] / ratios[0] - 1) < 0.5, f"ratios {ratios}")
    check_close(oracle.step(truth, masks, 3)["learning_rate_gene"], 3e-4 * (0.01 + 0.99 * (1 + math.cos(math.pi / 2)) / 2),
                1e-12, "learning rate half way")


def run(report, programs):
    report.case("replay: texture: fp64: small, RGB, both phases", whole, programs, {"precision": "fp64"})
    report.case("replay: texture: fp64: base, grey, 3 steps", short, programs,
                {"precision": "fp64", "model_size": "base", "image_channel": 1}, 3, "cpu")
    report.case("replay: texture: fp32: small, RGB, 3 steps", short, programs, {"precision": "fp32"}, 3, "cpu")
    report.case("replay: texture: fp32, CUDA: small, RGB, 3 steps", short, programs, {"precision": "fp32"}, 3, "cuda")


def run_oracle(report):
    report.case("oracle: texture: patches by loops", patches_by_loops)
    report.case("oracle: texture: the norm by singular values", norm_by_svd)
    report.case("oracle: texture: the balance of the gradients", balance_by_hand)
