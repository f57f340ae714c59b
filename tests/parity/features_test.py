"""`inpaint_eval --features` against PyTorch, numpy and scipy: EfficientNet-Lite0 as its package computes it, batch norms
and all, and a small network with more pictures than features."""
import contextlib
import io
import json
import sys
from pathlib import Path

import numpy as np
import scipy.linalg
import torch
import torch.nn.functional as F
from PIL import Image

import pictures
import safetensors_file
from programs import Scratch
from report import check

sys.path.append(str(Path(__file__).parents[2] / "tools" / "python"))
import features_from_efficientnet as converter  # noqa: E402

COMPARED = (0, 2, 4, 10, 15)  # blocks, the last of each size
BOUND = 1e-4                  # relative to the norm of what is compared


def resized(batch, size):
    """[N, 3, size, size] in bytes."""
    x = torch.from_numpy(batch.astype(np.float64)).permute(0, 3, 1, 2).expand(-1, 3, -1, -1)
    return F.interpolate(x, (size, size), mode="bilinear", align_corners=False, antialias=True)


class Lite0:
    """The package's own network."""

    size = converter.SIZE

    def __init__(self):
        from efficientnet_lite_pytorch import EfficientNet
        self.network = EfficientNet.from_name("efficientnet-lite0", image_size=self.size)
        self.network.load_state_dict(torch.load(converter.packaged_weights()))
        self.network.eval()

    def __call__(self, batch):
        """([N, 1280] pooled, a list of [N, channels, rows, columns]) of bytes [N, S, S, channels]."""
        network = self.network
        with torch.no_grad():
            x = ((resized(batch, self.size) - 127) / 128).float()
            x = network._swish(network._bn0(network._conv_stem(x)))
            maps = []
            for number, block in enumerate(network._blocks):
                x = block(x)
                if number in COMPARED:
                    maps.append(x)
            x = network._swish(network._bn1(network._conv_head(x)))
        return x.double().mean((2, 3)).numpy(), [m.double().numpy() for m in maps]


class Small:
    """Three layers with six features, of random weights; every option of the format that Lite0 does not use."""

    size = 24

    def __init__(self):
        random = np.random.default_rng(3)
        draw = lambda *shape: random.normal(0, 0.3, shape).astype(np.float32)  # noqa: E731
        self.tensors = {"a.weight": draw(5, 3, 5, 5), "a.bias": draw(5), "b.weight": draw(5, 5, 3, 3), "b.bias": draw(5),
                        "c.weight": draw(6, 5, 3, 3), "c.bias": draw(6)}
        self.description = {
            "version": 1, "name": "small",
            "input": {"size": self.size, "channels": 3, "mean": [123.7, 116.3, 103.5], "deviation": [58.4, 57.1, 57.4]},
            "layers": [{"name": "a", "type": "conv", "stride": 3, "pad": [2, 0], "activation": "relu"},
                       {"name": "b", "type": "conv", "pad": [1, 1], "add": "a", "activation": "relu", "compare": True},
                       {"name": "c", "type": "conv", "stride": 2, "pad": [0, 1], "compare": True}]}

    def __call__(self, batch):
        t = {name: torch.from_numpy(tensor).double() for name, tensor in self.tensors.items()}
        mean, deviation = (torch.tensor(self.description["input"][key]).double()[:, None, None] for key in ("mean", "deviation"))
        x = (resized(batch, self.size) - mean) / deviation
        a = F.relu(F.conv2d(F.pad(x, (2, 0, 2, 0)), t["a.weight"], t["a.bias"], stride=3))
        b = F.relu(F.conv2d(a, t["b.weight"], t["b.bias"], padding=1) + a)
        c = F.conv2d(F.pad(b, (0, 1, 0, 1)), t["c.weight"], t["c.bias"], stride=2)
        return c.mean((2, 3)).numpy(), [b.numpy(), c.numpy()]


def unit_vectors(maps):
    """Of length 1 over the channels, [N, pixels, channels]."""
    flat = [m.reshape(*m.shape[:2], -1).transpose(0, 2, 1) for m in maps]
    return [m / np.maximum(np.linalg.norm(m, axis=2, keepdims=True), 1e-30) for m in flat]


def perceptual(a, b):
    """[N]"""
    return sum(((x - y) ** 2).sum(2).mean(1) for x, y in zip(unit_vectors(a), unit_vectors(b)))


def frechet(a, b):
    """Where the covariances have full rank, by scipy's root of their product; else by singular values: the covariances
    are X^T X and Y^T Y, and the trace of the root is the sum of the singular values of X Y^T."""
    means = ((a.mean(0) - b.mean(0)) ** 2).sum()
    first, second = ((x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (a, b))
    if len(a) > a.shape[1]:
        cross = np.trace(scipy.linalg.sqrtm(np.cov(a, rowvar=False) @ np.cov(b, rowvar=False))).real
    else:
        cross = np.linalg.svd(first @ second.T, compute_uv=False).sum()
    return means + (first ** 2).sum() + (second ** 2).sum() - 2 * cross


def network_file(scratch, network):
    path = scratch.path / "network.safetensors"
    if isinstance(network, Small):
        safetensors_file.write(path, network.tensors, {"feature_network": json.dumps(network.description)})
        return path
    with contextlib.redirect_stdout(io.StringIO()):
        arguments, sys.argv = sys.argv, ["", str(path)]
        converter.main()
        sys.argv = arguments
    return path


def features_agree(programs, make_network, count, size, channels):
    torch.manual_seed(0)
    network, batch = make_network(), pictures.make(count, size, channels, 71)
    with Scratch() as scratch:
        programs.run("parity_probe", "features", network_file(scratch, network), count, size, channels,
                     scratch.put("pictures", batch), scratch.path / "out")
        got = np.fromfile(scratch.path / "out").reshape(count, -1)
    pooled, maps = network(batch)
    want = [pooled] + [m.reshape(count, -1) for m in unit_vectors(maps)]
    check(got.shape[1] == sum(part.shape[1] for part in want), f"{got.shape[1]} values a picture")
    worst, at = 0.0, 0
    for number, part in enumerate(want):
        error = np.linalg.norm(got[:, at:at + part.shape[1]] - part, axis=1) / np.linalg.norm(part, axis=1)
        check(error.max() <= BOUND, f"part {number}: relative deviation {error.max():.1e}")
        worst, at = max(worst, error.max()), at + part.shape[1]
    return f"relative deviation {worst:.1e}"


def saved(folder):
    return np.array([np.asarray(Image.open(path).convert("RGB")) for path in sorted(folder.glob("*.png"))])


def distances_agree(programs, make_network, count, *methods):
    network = make_network()
    with Scratch() as scratch:
        data = scratch.put("set.bin", pictures.make(count, 32, 3, 72))
        programs.run("inpaint_eval", "--data", data, "--image_size=32", "--image_channel=3", "--holes=blobs",
                     "--features", network_file(scratch, network), "--out", scratch.path / "scores",
                     "--save_fills", scratch.path / "fills")
        scores = json.loads((scratch.path / "scores" / "scores.json").read_text())
        truth = network(saved(scratch.path / "fills" / "truth"))
        texts = []
        for method in methods:
            fills = network(saved(scratch.path / "fills" / method))
            entry = scores["methods"][method]
            for name, want in (("perceptual_distance", perceptual(truth[1], fills[1]).mean()),
                               ("frechet_distance", frechet(truth[0], fills[0]))):
                got = entry[name]["value"]
                check(abs(got - want) <= BOUND * want, f"{method}: {name} is {got}, want {want}")
                check(entry[name]["pictures"] == count, f"{method}: {name} of {entry[name]['pictures']} pictures")
                texts.append(f"{method} {name.split('_')[0]} {got:.4g}")
    check(scores["features"]["dimension"] == truth[0].shape[1], "dimension")
    return ", ".join(texts)


def run(report, programs):
    report.case("features: EfficientNet-Lite0, 64 RGB", features_agree, programs, Lite0, 4, 64, 3)
    report.case("features: EfficientNet-Lite0, 256 grey", features_agree, programs, Lite0, 2, 256, 1)
    report.case("features: small, 40 RGB", features_agree, programs, Small, 3, 40, 3)
    report.case("features: distances, EfficientNet-Lite0", distances_agree, programs, Lite0, 6, "harmonic")
    report.case("features: distances, more pictures than features", distances_agree, programs, Small, 40, "harmonic",
                "ring_mean")
