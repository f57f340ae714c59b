"""Compares what a training run logged and stored with the oracle's replay of the same batches.

Bounds, relative to the norm of what is compared:
             loss    update   moment   why
  fp64       1e-9    1e-9     1e-9     rounding grows from 1e-16 to about 1e-12 in 20 steps; nothing flips
  fp32       1e-5    1e-3     1e-3     measured 1e-6, 1e-5, 2e-4 between float32 and float64 (README.md)
A weight also carries the rounding of its storage, once per update, and a moment the cancellation of its sum:
gradients below 1e-2 of the network's typical one are held to the bound times that.
"""
import math
from dataclasses import dataclass, field

import torch

from calm_start import network_scale
from oracle import NETWORKS, Oracle, is_trainable, pixels_from_bytes

LOSSES = ("rec_loss", "adv_gene_loss", "tv_loss", "gene_loss_ori", "adv_disc_loss", "disc_loss_ori", "gene_decay_loss",
          "disc_decay_loss")
VANISHING = 1e-9  # a gradient below this share of its network's is what rounding left of a zero


@dataclass(frozen=True)
class Bounds:
    loss: float
    update: float
    moment: float
    storage: float  # relative rounding of a stored weight
    score: float = 0.0  # scores nearer to 0 than this may fall on either side


BOUNDS = {"fp64": Bounds(1e-9, 1e-9, 1e-9, 2.0**-53, 1e-9), "fp32": Bounds(1e-5, 1e-3, 1e-3, 2.0**-24, 1e-4)}


@dataclass
class Start:
    """What a run starts from: model tensors, moments (empty: zero), Adam's step counts."""
    state: dict
    m: dict = field(default_factory=dict)
    v: dict = field(default_factory=dict)
    updates: dict = field(default_factory=lambda: dict.fromkeys(NETWORKS, 0))

    def load_into(self, oracle):
        for own, given in ((oracle.m, self.m), (oracle.v, self.v)):
            for name, tensor in given.items():
                own[name] = torch.as_tensor(tensor).to(own[name].dtype).clone()
        oracle.updates = dict(self.updates)


@dataclass
class Comparison:
    findings: list = field(default_factory=list)
    worst: dict = field(default_factory=dict)  # quantity -> (largest deviation / its bound, deviation, where)
    clipped: int = 0                           # gradient elements the oracle clipped

    def look(self, quantity, deviation, bound, where):
        if not deviation <= bound:  # also when it is nan
            self.findings.append(f"{quantity} of {where}: deviation {deviation:.1e}, bound {bound:.1e}")
        share = deviation / bound if bound else math.inf if deviation else 0.0
        if share >= self.worst.get(quantity, (-1,))[0]:
            self.worst[quantity] = (share, deviation, where)

    def figures(self):
        return ", ".join(f"{quantity} {deviation:.0e}" for quantity, (_, deviation, _) in self.worst.items())

    def verdict(self):
        return f"{len(self.findings)} findings, first: " + "; ".join(self.findings[:3])


def compare_losses(comparison, bounds, settings, step, logged, figures):
    for name in LOSSES:
        comparison.look("loss", abs(logged[name] - figures[name]) / abs(figures[name]), bounds.loss,
                        f"{name}, step {step}")
    scores = 2 * settings.batch_size
    slack = 0.51 / scores  # the figure is a multiple of 1 / scores
    if figures["least_score"] > bounds.score:
        comparison.look("accuracy", abs(logged["disc_acc"] - figures["disc_acc"]), slack, f"disc_acc, step {step}")


def norm_of(tensor):
    return float(tensor.norm())


def compare_state(comparison, bounds, start, oracle, stored, moves):
    """stored: {checkpoint name: tensor}; moves: {network: (updates, moving-average steps)} since the start."""
    for name, want in oracle.state.items():
        got = torch.as_tensor(stored[name]).double()
        network = name.split(".")[0]
        if oracle.vanishing(name):
            continue  # where the weight goes is rounding alone, and nothing depends on it
        change = norm_of(want - torch.as_tensor(start.state[name]).double())
        # Rounding errors of single updates add up as their root; three times it leaves out chance.
        storage = 3 * math.sqrt(moves[network][0 if is_trainable(name) else 1]) * bounds.storage * norm_of(want)
        excess = max(0.0, norm_of(got - want) - storage)
        kind = "update" if is_trainable(name) else "average"
        if change == 0 or excess == 0:
            comparison.look(kind, excess, 0.0 if change == 0 else bounds.update, name)
        else:
            comparison.look(kind, excess / change, bounds.update, name)
    for kind, moments in (("m", oracle.m), ("v", oracle.v)):
        for name, want in moments.items():
            typical = network_scale(moments, name.split(".")[0]) * math.sqrt(want.numel())
            got = torch.as_tensor(stored[f"adam.{name}.{kind}"]).double()
            if not bool(want.any()):  # a bias in front of a batch norm: zero, not nearly zero
                comparison.look("moment", norm_of(got), 0.0, f"adam.{name}.{kind}")
            else:
                comparison.look("moment", norm_of(got - want) / (norm_of(want) + 1e-2 * typical), bounds.moment,
                                f"adam.{name}.{kind}")


class ReplayOracle(Oracle):
    """Remembers how large each gradient ever was, to tell a small one from what rounding left of zero."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.largest = {}

    def adam(self, network, gradients):
        scale = network_scale(gradients, network)
        for name, g in gradients.items():
            share = norm_of(g) / math.sqrt(g.numel()) / scale
            self.largest[name] = max(self.largest.get(name, 0.0), share)
        super().adam(network, gradients)

    def vanishing(self, name):
        return 0.0 < self.largest.get(name, 1.0) < VANISHING


def compare(settings, precision, start, batches, logged, stored):
    """batches: bytes [N, S, S, C] per step; logged: one log object per step; stored: the last checkpoint's tensors."""
    bounds, comparison = BOUNDS[precision], Comparison()
    oracle = ReplayOracle(settings, start.state)
    start.load_into(oracle)
    for step, (batch, line) in enumerate(zip(batches, logged, strict=True), 1):
        figures = oracle.step(pixels_from_bytes(batch), line["offsets"])
        compare_losses(comparison, bounds, settings, step, line, figures)
    comparison.clipped = oracle.clipped
    steps, passes = len(logged), settings.disc_iter + settings.gene_iter
    moves = {"generator": (steps * settings.gene_iter, steps * passes),
             "discriminator": (steps * settings.disc_iter, 2 * steps * passes)}
    compare_state(comparison, bounds, start, oracle, stored, moves)
    return comparison
