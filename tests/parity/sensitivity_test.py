"""Would the comparison notice? A float32 oracle stands in for the program; then with one planted error at a time.

The clean stand-in must pass at the float32 bounds, and every planted error must be found. This shows that the bounds
are both kept by a correct program and broken by a wrong one, before any C++ is involved.
"""
import dataclasses

import numpy as np
import torch

import oracle as reference
import pictures
from calm_start import UPDATES, calm
from comparison import LOSSES, Start, compare
from oracle import Oracle, Settings, initial_state, pixels_from_bytes
from report import check

STEPS, BATCHES = 2, 3
SETTINGS = Settings(image_size=64, image_channel=3, base_channels=8, bottleneck=32, batch_size=8, gene_iter=2,
                    disc_iter=2, learning_rate=2e-5)


class Unbiased(Oracle):
    def batch_norm(self, layer, x, training):
        self.count = x.numel() // x.shape[-1]
        return super().batch_norm(layer, x, training)

    def move_average(self, name, value):
        factor = self.count / (self.count - 1) if name.endswith("var") else 1.0
        super().move_average(name, value * factor)


class SwappedDecay(Oracle):
    def move_average(self, name, value):
        self.state[name] = 0.1 * self.state[name] + 0.9 * value.detach()


class NormEpsilon(Oracle):
    def batch_norm(self, layer, x, training):
        kept, reference.NORM_EPSILON = reference.NORM_EPSILON, 1e-3
        try:
            return super().batch_norm(layer, x, training)
        finally:
            reference.NORM_EPSILON = kept


class LeakSlope(Oracle):
    def activate(self, name, x):
        return torch.where(x > 0, x, 0.1 * x) if name == "leaky" else super().activate(name, x)


class ChannelFirstFeatures(Oracle):
    def apply(self, layer, x, training):
        if layer.kind == "linear" and x.dim() == 4:
            x = x.permute(0, 3, 1, 2)
        return super().apply(layer, x, training)


class FoldedChannelFirst(Oracle):
    def apply(self, layer, x, training):
        y = super().apply(layer, x, training)
        return y.permute(0, 2, 1, 3) if layer.fold else y  # rows and columns change places


class NoDecay(Oracle):
    def weight_decay(self, network):
        return 0 * super().weight_decay(network)


class SumDecay(Oracle):
    def weight_decay(self, network):
        return len(self.layers[network]) * super().weight_decay(network)


class DecayOnNormScale(Oracle):
    def weight_decay(self, network):
        extra = sum((self.state[n] ** 2).sum() / 2 for n in self.trainable(network) if n.endswith(".bn.weight"))
        return super().weight_decay(network) + 1e-5 * extra / len(self.layers[network])


class SquareDecay(Oracle):
    def weight_decay(self, network):
        return 2 * super().weight_decay(network)


class NoisyBias(Oracle):
    def adam(self, network, gradients):
        for name, g in gradients.items():
            if not bool(g.any()):
                gradients[name] = g + 1e-10
        super().adam(network, gradients)


class Beta2(Oracle):
    def adam(self, network, gradients):
        kept, self.settings = self.settings, dataclasses.replace(self.settings, weight_clip=True)
        self.clip = lambda g: g
        self.learning_rate = lambda network: kept.learning_rate
        super().adam(network, gradients)
        self.settings = kept


class MomentsSwapped(Oracle):
    def adam(self, network, gradients):
        self.m, self.v = self.v, self.m
        super().adam(network, gradients)
        self.m, self.v = self.v, self.m


class CorrectedEpsilon(Oracle):
    """Epsilon beside the corrected root, as PyTorch has it. Seen where sqrt(v) is not far above epsilon."""
    def adam(self, network, gradients):
        self.updates[network] += 1
        t = self.updates[network]
        for name, g in gradients.items():
            self.m[name].mul_(0.5).add_(g, alpha=0.5)
            self.v[name].mul_(0.9).addcmul_(g, g, value=1 - 0.9)
            root = (self.v[name] / (1 - 0.9**t)).sqrt() + 1e-8
            self.state[name] -= self.settings.learning_rate / (1 - 0.5**t) * self.m[name] / root


class CountStuck(Oracle):
    def adam(self, network, gradients):
        super().adam(network, gradients)
        self.updates[network] = 1


class SharedCount(Oracle):
    def adam(self, network, gradients):
        super().adam(network, gradients)
        self.updates = dict.fromkeys(self.updates, sum(self.updates.values()))


class FakeFirst(Oracle):
    def update_generator(self, masked, hidden):
        real_forward = self.forward
        def forward(network, x, training=True):
            if network == "discriminator" and x is hidden:
                kept = {n: t.clone() for n, t in self.state.items() if n.startswith("discriminator")}
                score = real_forward(network, x)
                self.later, _ = lambda: real_forward(network, hidden), self.state.update(kept)
                return score
            score = real_forward(network, x)
            if network == "discriminator":
                self.later()
            return score
        self.forward = forward
        try:
            return super().update_generator(masked, hidden)
        finally:
            del self.forward


class JointStatistics(Oracle):
    def update_discriminator(self, masked, hidden):
        with torch.no_grad():
            fake_image = self.forward("generator", masked)

        def disc_loss():
            real, fake = self.forward("discriminator", torch.cat([hidden, fake_image])).chunk(2)
            figures = self.losses(hidden, fake_image, real, fake)
            return figures["disc_loss_ori"], figures
        gradients, figures = self.gradients("discriminator", disc_loss)
        self.adam("discriminator", gradients)
        return figures


class StillGenerator(Oracle):
    """The generator's averages do not move in the discriminator's update."""
    def update_discriminator(self, masked, hidden):
        kept = {name: tensor.clone() for name, tensor in self.state.items() if name.startswith("generator")}
        figures = super().update_discriminator(masked, hidden)
        self.state.update(kept)
        return figures


class StillDiscriminator(Oracle):
    def update_generator(self, masked, hidden):
        kept = {name: tensor.clone() for name, tensor in self.state.items() if name.startswith("discriminator")}
        figures = super().update_generator(masked, hidden)
        self.state.update(kept)
        return figures


class FirstFigures(Oracle):
    def step(self, image, offsets):
        self.first = None
        last = super().step(image, offsets)
        return {**self.first, "disc_decay_loss": last["disc_decay_loss"]}

    def update_generator(self, masked, hidden):
        figures = super().update_generator(masked, hidden)
        self.first = self.first or figures
        return figures


class GeneratorFirst(Oracle):
    def step(self, image, offsets):
        masked, hidden = reference.cut_holes(image, offsets, self.settings.hole)
        for _ in range(self.settings.gene_iter):
            figures = self.update_generator(masked, hidden)
        for _ in range(self.settings.disc_iter):
            of_discriminator = self.update_discriminator(masked, hidden)
        return {**figures, "disc_decay_loss": of_discriminator["disc_decay_loss"]}


class SwappedOffsets(Oracle):
    def step(self, image, offsets):
        return super().step(image, [(column, row) for row, column in offsets])


class BlackHole(Oracle):
    def step(self, image, offsets):
        def cut(image, offsets, hole):
            masked, hidden = kept(image, offsets, hole)
            return torch.where(masked == 0, -1.0, masked.double()).to(masked.dtype), hidden
        kept, reference.cut_holes = reference.cut_holes, cut
        try:
            return super().step(image, offsets)
        finally:
            reference.cut_holes = kept


class LossError(Oracle):
    """A loss figure off by change(figures, hidden, fake image)."""
    change = None

    def losses(self, hidden, fake_image, real, fake):
        s, figures = self.settings, super().losses(hidden, fake_image, real, fake)
        figures.update(type(self).change(self, hidden, fake_image, real, fake))
        figures["gene_loss_ori"] = (s.lamb_adv * figures["adv_gene_loss"] + s.lamb_rec * figures["rec_loss"]
                                    + s.lamb_tv * figures["tv_loss"])
        figures["disc_loss_ori"] = s.lamb_adv * figures["adv_disc_loss"]
        return figures


def loss_error(change):
    return type("LossError", (LossError,), {"change": change})


entropy = reference.cross_entropy
ERRORS = {
    "moving variance unbiased": Unbiased,
    "moving average's decay swapped": SwappedDecay,
    "batch-norm epsilon 1e-3": NormEpsilon,
    "leaky slope 0.1": LeakSlope,
    "features in channel, row, column order": ChannelFirstFeatures,
    "4 x 4 map transposed": FoldedChannelFirst,
    "no weight decay": NoDecay,
    "weight decay not divided by the tensors": SumDecay,
    "weight decay without the half": SquareDecay,
    "weight decay on batch-norm scales": DecayOnNormScale,
    "bias before a batch norm moves": NoisyBias,
    "beta2 0.999": Beta2,
    "Adam's moments swapped": MomentsSwapped,
    "Adam's epsilon beside the corrected root": CorrectedEpsilon,
    "Adam's count stuck": CountStuck,
    "one Adam count for both networks": SharedCount,
    "D(fake) before D(real)": FakeFirst,
    "real and fake in one batch": JointStatistics,
    "G's averages still in D's update": StillGenerator,
    "D's averages still in G's update": StillDiscriminator,
    "figures of the first update": FirstFigures,
    "generator updated first": GeneratorFirst,
    "row and column of the block swapped": SwappedOffsets,
    "hole black instead of grey": BlackHole,
    "reconstruction: mean of sums": loss_error(
        lambda self, hidden, image, real, fake: {"rec_loss": ((hidden - image) ** 2).sum(dim=(1, 2, 3)).mean()}),
    "reconstruction L1 for L2": loss_error(
        lambda self, hidden, image, real, fake: {"rec_loss": (hidden - image).abs().mean()}),
    "total variation: mean over pixels": loss_error(
        lambda self, hidden, image, real, fake: {"tv_loss": reference.total_variation(image) / image[0].numel()}),
    "total variation: rows only": loss_error(
        lambda self, hidden, image, real, fake: {
            "tv_loss": (image[:, 1:] - image[:, :-1]).abs().sum(dim=(1, 2, 3)).mean()}),
    "adversarial loss against 0": loss_error(
        lambda self, hidden, image, real, fake: {"adv_gene_loss": -entropy(fake, 0.0).mean()}),
    "D's loss: sum of two means": loss_error(
        lambda self, hidden, image, real, fake: {
            "adv_disc_loss": entropy(real, 1.0).mean() + entropy(fake, 0.0).mean()}),
    "D's labels smoothed": loss_error(
        lambda self, hidden, image, real, fake: {
            "adv_disc_loss": torch.cat([entropy(real, 0.999), entropy(fake, 0.0)]).mean()}),
}


class ClipBeforeDecay(Oracle):
    def gradients(self, network, loss_of):
        kept, self.weight_decay = self.weight_decay, lambda network: torch.zeros(())
        gradients, figures = super().gradients(network, loss_of)
        self.weight_decay = kept
        figures[f"{network[:4]}_decay_loss"] = float(self.weight_decay(network))
        gradients = {name: g.clamp(-10, 10) for name, g in gradients.items()}
        for layer in self.layers[network]:
            gradients[layer.name + ".weight"] += 1e-5 / len(self.layers[network]) * self.state[layer.name + ".weight"]
        return gradients, figures

    def clip(self, gradient):
        return gradient


class NoClip(Oracle):
    def clip(self, gradient):
        return gradient


class NormClip(Oracle):
    def clip(self, gradient):
        return gradient * min(1.0, 10 / max(float(gradient.norm()), 1e-30))


class SameRate(Oracle):
    def learning_rate(self, network):
        return self.settings.learning_rate


CLIP_ERRORS = {"no clipping": NoClip, "clipping by the norm": NormClip, "D at G's learning rate": SameRate,
               "clip before decay": ClipBeforeDecay}

# Real errors, but smaller than the float32 bounds: they move the updates by 1e-4 and 1e-9 of their norm.
BELOW_FLOAT32 = ("Adam's epsilon beside the corrected root", "clip before decay")


def stand_in(kind, dtype, settings, precision, start, batches):
    """A run of the stand-in, in the shapes compare() takes: (log, stored tensors)."""
    oracle = kind(settings, start.state, dtype)
    start.load_into(oracle)
    random, log = np.random.default_rng(3), []
    for batch in batches:
        offsets = random.integers(0, settings.hole + 1, (settings.batch_size, 2)).tolist()
        figures = oracle.step(pixels_from_bytes(batch, dtype), offsets)
        log.append({"offsets": offsets, **{name: figures[name] for name in (*LOSSES, "disc_acc")}})
    return log, oracle.tensors()


def make_start(settings, is_calm):
    size, channels = settings.image_size, settings.image_channel
    made = pictures.make(BATCHES * settings.batch_size, size, channels, seed=2)
    batches = np.split(pictures.without_middle_greys(made), BATCHES)
    state = initial_state(settings, seed=1)
    offsets = np.random.default_rng(4).integers(0, settings.hole + 1, (settings.batch_size, 2))
    if not is_calm:
        return Start(state), batches
    return Start(*calm(settings, state, batches[0], offsets), dict(UPDATES)), batches


def compare_stand_in(kind, settings, precision, is_calm, steps=STEPS):
    start, batches = make_start(settings, is_calm)
    run = [batches[step % BATCHES] for step in range(steps)]
    dtype = torch.float64 if precision == "fp64" else torch.float32
    log, stored = stand_in(kind, dtype, settings, precision, start, run)
    return compare(settings, precision, start, run, log, stored)


def clean_passes(settings, precision, is_calm, steps):
    comparison = compare_stand_in(Oracle, settings, precision, is_calm, steps)
    check(not comparison.findings, comparison.verdict())
    return comparison.figures()


def error_is_found(kind, settings, precision, is_calm):
    comparison = compare_stand_in(kind, settings, precision, is_calm)
    check(comparison.findings, f"not noticed; {comparison.figures()}")
    return f"{len(comparison.findings)} findings, first: {comparison.findings[0]}"


def run(report):
    clip = dataclasses.replace(SETTINGS, weight_clip=True)
    steep = dataclasses.replace(clip, lamb_rec=1e5, lamb_adv=1e5)  # gradients beyond 10
    report.case("sensitivity: clean float32, calm start, 20 steps", clean_passes, SETTINGS, "fp32", True, 20)
    report.case("sensitivity: clean float32, clipped", clean_passes, steep, "fp32", True, STEPS)
    for errors, settings in ((ERRORS, SETTINGS), (CLIP_ERRORS, steep)):
        for name, kind in errors.items():
            if name not in BELOW_FLOAT32:
                report.case(f"sensitivity: fp32 finds: {name}", error_is_found, kind, settings, "fp32", True)
            report.case(f"sensitivity: fp64 finds: {name}", error_is_found, kind, settings, "fp64", False)
