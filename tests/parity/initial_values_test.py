"""The initial state the program writes, against the distributions it should be drawn from."""
import numpy as np
import scipy.stats

import pictures
from harmonic_oracle import HarmonicSettings
from harmonic_oracle import tensor_shapes as harmonic_shapes
from harmonic_replay_test import Replay
from oracle import NETWORKS, Settings, is_trainable, layers_of
from programs import Scratch
from report import check
from texture_oracle import is_running, judge_shapes
from texture_test import TextureReplay
from trainer import Trainer, settings_of, start_of

FLAGS = {"image_size": 128, "image_channel": 3, "base_channels": 32, "bottleneck": 500, "batch_size": 2}
DEVIATION = 0.02
CUT = scipy.stats.truncnorm(-2, 2, scale=DEVIATION)
NORMAL = scipy.stats.norm(scale=DEVIATION)
# A fixed seed makes the outcome fixed too; the limits are those a good generator misses once in 10,000 draws.
P_VALUE, DEVIATIONS = 1e-4, 4.0


def initial_tensors(programs, seed, **flags):
    flags = {**FLAGS, "seed": seed, **flags}
    settings = settings_of(flags)
    data = pictures.make(settings.batch_size, settings.image_size, settings.image_channel, 41)
    with Scratch() as scratch:
        run = Trainer(programs, scratch, flags, data).run("run", 0)
        start_of(settings, run)  # names and shapes
        return {name: tensor for name, tensor in run.tensors.items() if name != "crc32c"}


def in_deviations(estimate, truth, standard_error):
    return abs(estimate - truth) / standard_error


def check_distribution(name, weights, distribution, is_cut):
    w = weights.astype(np.float64).ravel()
    n = len(w)
    _, variance, skew, kurtosis = distribution.stats("mvsk")
    checks = {
        "mean": in_deviations(w.mean(), 0.0, np.sqrt(variance / n)),
        "variance": in_deviations(w.var(), variance, variance * np.sqrt((kurtosis + 2) / n)),
        "skewness": in_deviations(scipy.stats.skew(w), skew, np.sqrt(6 / n)),  # of a normal; a cut one scatters less
        "kurtosis": in_deviations(scipy.stats.kurtosis(w), kurtosis, np.sqrt(24 / n)),
        "neighbours": in_deviations(np.corrcoef(w[:-1], w[1:])[0, 1], 0.0, 1 / np.sqrt(n)) if n > 100 else 0.0,
        "halves": in_deviations(np.corrcoef(w[:n // 2], w[n - n // 2:])[0, 1], 0.0, np.sqrt(2 / n)) if n > 100 else 0.0,
    }
    for what, value in checks.items():
        check(value <= DEVIATIONS, f"{name}: {what} is {value:.1f} standard errors off")
    p = scipy.stats.kstest(w, distribution.cdf).pvalue
    check(p >= P_VALUE, f"{name}: Kolmogorov-Smirnov p = {p:.1e}")
    if is_cut:
        check(np.abs(w).max() <= 2 * DEVIATION * (1 + 1e-6), f"{name}: {np.abs(w).max()} lies beyond two deviations")
    elif n > 10000:
        check(np.abs(w).max() > 3 * distribution.std(), f"{name}: cut at {np.abs(w).max()}")
    check(len(np.unique(w)) > 0.9 * n, f"{name}: values repeat")
    return p


def weights_are_drawn(programs):
    tensors = initial_tensors(programs, 7)
    settings, values = settings_of(FLAGS), {}
    for network in NETWORKS:
        for layer in layers_of(settings, network):
            is_cut = layer.kind == "conv"
            w = tensors[layer.name + ".weight"]
            values[layer.name] = check_distribution(layer.name, w, CUT if is_cut else NORMAL, is_cut)
    heads = {tuple(tensors[f"{name}.weight"].ravel()[:4]) for name in values}
    check(len(heads) == len(values), "two layers start with the same weights")
    return f"{len(values)} tensors, least p {min(values.values()):.2f}"


def the_rest_is_fixed(programs):
    tensors = initial_tensors(programs, 7)
    for name, tensor in tensors.items():
        if name.startswith("adam.") or name.endswith((".bias", ".running_mean")):
            check(not tensor.any(), f"{name} is not 0")
        elif name.endswith((".bn.weight", ".running_var")):
            check(bool((tensor == 1).all()), f"{name} is not 1")


def seeds_matter(programs):
    first, again, other = (initial_tensors(programs, seed) for seed in (7, 7, 8))
    for name, tensor in first.items():
        check(np.array_equal(tensor, again[name]), f"{name}: the same seed gives other values")
        if name.endswith(".weight") and ".bn." not in name and is_trainable(name) and not name.startswith("adam."):
            check(not np.array_equal(tensor, other[name]), f"{name}: another seed gives the same values")


def default_size(programs):
    """The network of the defaults: shapes and one large tensor's distribution."""
    defaults = Settings()
    tensors = initial_tensors(programs, 7, image_channel=defaults.image_channel, base_channels=defaults.base_channels,
                              bottleneck=defaults.bottleneck)
    w = tensors["generator.hidden6.weight"]
    check(w.shape == (4000, 8192), f"shape {w.shape}")
    return f"{w.size} weights, p {check_distribution('generator.hidden6', w[:, ::8], NORMAL, False):.2f}"


def harmonic_tensors(programs):
    """Design: variance 2 / (1.04 fan-in), the second convolution of a residual block a tenth of it, the last layer 0."""
    with Scratch() as scratch:
        tensors = Replay(programs, scratch, {"precision": "fp32"}).trainer.run("run", 0).tensors
    values = []
    for name, shape in harmonic_shapes(HarmonicSettings()).items():
        w = tensors[name]
        check(np.array_equal(w, tensors[f"average.{name}"]), f"{name}: the average starts elsewhere")
        check(not any(tensors[f"adam.{name}.{kind}"].any() for kind in "mv"), f"{name}: a moment is not 0")
        if len(shape) == 1 or ".last." in name:
            want = float(name.endswith(".norm.weight"))
            check(bool((w == want).all()), f"{name} is not {want:.0f}")
            continue
        # A transposed convolution of stride 2 adds 2 x 2 products of each input channel.
        fan_in = 4 * shape[0] if "decoder" in name and ".conv.weight" in name else np.prod(shape[1:])
        deviation = np.sqrt(2 / (1.04 * fan_in)) * (0.1 if name.endswith(".conv2.weight") else 1)
        values.append(check_distribution(name, w, scipy.stats.norm(scale=deviation), False))
    return f"{len(values)} tensors, least p {min(values):.2f}"


def patch_discriminator_tensors(programs):
    """Header: weights of variance 2 / (1.04 fan-in), u a plain normal, biases and moments 0."""
    with Scratch() as scratch:
        tensors = TextureReplay(programs, scratch, {"precision": "fp32", "texture": 0.5}).trainer.run("run", 0).tensors
    values = []
    for name, shape in judge_shapes(HarmonicSettings()).items():
        if name.endswith(".bias"):
            check(not tensors[name].any(), f"{name} is not 0")
        elif not is_running(name):
            deviation = np.sqrt(2 / (1.04 * np.prod(shape[1:])))
            values.append(check_distribution(name, tensors[name], scipy.stats.norm(scale=deviation), False))
        elif shape != (1,):
            values.append(check_distribution(name, tensors[name], scipy.stats.norm(), False))
        check(is_running(name) or not any(tensors[f"adam.{name}.{kind}"].any() for kind in "mv"), f"{name}: a moment is not 0")
    return f"{len(values)} tensors, least p {min(values):.2f}"


def run(report, programs):
    report.case("initial values: patch discriminator", patch_discriminator_tensors, programs)
    report.case("initial values: harmonic", harmonic_tensors, programs)
    report.case("initial values: weights", weights_are_drawn, programs)
    report.case("initial values: biases, batch norms, moments", the_rest_is_fixed, programs)
    report.case("initial values: seeds", seeds_matter, programs)
    report.case("initial values: default size", default_size, programs)
