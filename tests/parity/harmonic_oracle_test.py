"""The oracle of the whole-picture model against torch's own group norm, loops, and cases worked out by hand."""
import contextlib
import math
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import laplace
import pictures
from harmonic_oracle import HarmonicOracle, HarmonicSettings, tensor_shapes
from oracle import ADAM_EPSILON
from report import check, check_close

SETTINGS = HarmonicSettings(image_size=16, batch_size=2, warm_up=4, schedule_steps=8)


def drawn(settings, seed=1):
    """An oracle at its start, with values that are all different."""
    random = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, shape in tensor_shapes(settings).items():
        w = 0.1 * torch.randn(shape, generator=random, dtype=torch.float64)
        tensors.update({name: w, f"average.{name}": w, f"adam.{name}.m": torch.zeros_like(w),
                        f"adam.{name}.v": torch.zeros_like(w)})
    return HarmonicOracle(settings, tensors, 0, 0.0)


def parameter_counts():
    """As the design measured them."""
    count = sum(math.prod(shape) for shape in tensor_shapes(HarmonicSettings()).values())
    check(round(count / 1e4) == 196, f"{count} parameters")


def group_norm():
    oracle, random = drawn(SETTINGS), torch.Generator().manual_seed(2)
    x, addend = torch.randn((2, 2, 48, 5, 5), generator=random, dtype=torch.float64)
    gamma, beta = (oracle.state[f"generator.decoder1.norm.{part}"] for part in ("weight", "bias"))
    want = F.leaky_relu(F.group_norm(x, 3, gamma, beta, 1e-5) + addend, 0.2)
    deviation = float((oracle.norm("decoder1.norm", x, addend) - want).abs().max())
    check(deviation < 1e-14, f"deviation {deviation:.1e}")


def fill_by_loops():
    """Every missing pixel is the mean of its neighbours inside the picture; known ones stay."""
    random = np.random.default_rng(3)
    picture = random.normal(size=(9, 11, 2))
    mask = (random.uniform(size=(9, 11)) < 0.6).astype(np.uint8)
    mask[0, :4], mask[8, 10] = 1, 1  # also at the border
    filled = laplace.fill(np.where(mask[..., None], np.nan, picture), mask)
    for r, c in np.ndindex(mask.shape):
        want = picture[r, c]
        if mask[r, c]:
            around = ((r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1))
            want = np.mean([filled[at] for at in around if 0 <= at[0] < 9 and 0 <= at[1] < 11], axis=0)
        check(bool(np.allclose(filled[r, c], want, rtol=0, atol=1e-13)), f"pixel {r}, {c}: {filled[r, c]}, want {want}")


def loss_by_loops():
    """With a residual of 0 the loss is that of the fill."""
    oracle = drawn(SETTINGS)
    for name in ("generator.last.weight", "generator.last.bias"):
        oracle.state[name].zero_()
    truth, masks = pictures.make(2, 16, 3, 4), np.zeros((2, 16, 16), np.uint8)
    masks[0, 3:9, 2:12], masks[1, :5, 10:] = 1, 1
    want = 0.0
    for picture, mask in zip(truth, masks):
        d = (laplace.fill(picture / 127.5 - 1, mask) - (picture / 127.5 - 1))[mask != 0]
        want += (np.abs(d).mean() + math.sqrt((d**2).mean() + 1e-4)) / 2
    check_close(float(oracle.loss(truth, masks).detach()), want, 1e-13, "loss")


def update_by_hand():
    """Two updates with a gradient that is 1, then 10, for one value and 0 for all others: warm-up, clip, Adam, average."""
    oracle, name = drawn(SETTINGS), "generator.last.bias"
    w, m, v, average = float(oracle.state[name][0]), 0.0, 0.0, float(oracle.state[name][0])
    for update, (g, share, rate) in enumerate(((1.0, 1.0, 1e-3 / 4), (10.0, 0.206, 1e-3 / 2)), 1):
        gradients = {other: torch.zeros_like(tensor) for other, tensor in oracle.state.items()}
        gradients[name][0] = g
        oracle.updates = update
        check_close(oracle.learning_rate(0.0), rate, 1e-14, "learning rate")
        oracle.update(gradients, rate)
        m, v = 0.9 * m + 0.1 * share * g, 0.99 * v + 0.01 * (share * g) ** 2
        w -= rate * math.sqrt(1 - 0.99**update) / (1 - 0.9**update) * m / (math.sqrt(v) + ADAM_EPSILON)
        keep = (0.1, 2 / 11)[update - 1]
        average = keep * average + (1 - keep) * w
        for what, got, want in (("weight", oracle.state, w), ("average", oracle.averages, average)):
            check_close(float(got[name][0]), want, 1e-13, f"{what} after update {update}")
    check_close(oracle.clip_mean, 0.97 + 0.03 * 2, 1e-14, "the clip's mean")
    oracle.updates = 5
    check_close(oracle.learning_rate(0.5), 1e-3 * (0.01 + 0.99 / 2), 1e-14, "learning rate half way")
    check_close(oracle.learning_rate(1.0), 1e-5, 1e-14, "learning rate at the end")


def peer_step():
    """Two steps of what the program's speed is compared with (bench/peer_painter.py), which leaves the hole grey."""
    sys.path.append(str(Path(__file__).parents[2] / "bench"))
    from peer_painter import HarmonicUnet, PainterStep
    settings = HarmonicSettings(image_size=16, batch_size=2, warm_up=0, average_decay=0.998)
    oracle = drawn(settings, 5)
    network = HarmonicUnet(settings.model_size, settings.image_channel).double()
    network.load_state_dict({name.removeprefix("generator."): w for name, w in oracle.state.items()}, strict=True)
    step = PainterStep(network, contextlib.nullcontext, lambda function: function, capturable=False, fused=False)
    images, offsets = pictures.make(2, 16, 3, 7), np.array([[1, 3], [5, 0]])
    masks = np.zeros((2, 16, 16), np.uint8)
    for mask, (row, column) in zip(masks, offsets):
        mask[row:row + 8, column:column + 8] = 1
    filled, laplace.fill = laplace.fill, lambda picture, mask: np.where(mask[..., None], 0, picture)
    try:
        for _ in range(2):
            want = oracle.step_at(images, masks, 0)["rec_loss"]
            got = float(step(torch.from_numpy(images).permute(0, 3, 1, 2), torch.from_numpy(offsets)))
            check_close(got, want, 1e-12, "the loss")
    finally:
        laplace.fill = filled
    for name, w in network.state_dict().items():
        deviation = float((w - oracle.state[f"generator.{name}"]).abs().max())
        check(deviation < 1e-9, f"{name}: deviation {deviation:.1e} after two updates of 1e-3")


def run(report):
    report.case("oracle: harmonic: parameter counts", parameter_counts)
    report.case("oracle: harmonic: group norm", group_norm)
    report.case("oracle: harmonic: the fill by loops", fill_by_loops)
    report.case("oracle: harmonic: the loss by loops", loss_by_loops)
    report.case("oracle: harmonic: an update by hand", update_by_hand)
    report.case("oracle: harmonic: the step that the speed is compared with", peer_step)
