"""How far float32 training parts from float64, step by step, and why: run by hand, checks nothing.

Two oracles start alike and see the same batches, one in float32. Printed per step: inputs of a ReLU (or leaky ReLU)
that have another sign in the two, the largest relative deviation of a loss, and of a tensor's update since the start.
"""
import numpy as np
import torch

from comparison import LOSSES
from oracle import Oracle, Settings, is_trainable, pixels_from_bytes
from sensitivity_test import BATCHES, make_start


class Watched(Oracle):
    """Keeps the signs of the activations' inputs."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.signs = []

    def activate(self, name, x):
        if name in ("relu", "leaky"):
            self.signs.append(x.detach() > 0)
        return super().activate(name, x)


def largest(deviations):
    return max(deviations, default=0.0)


def follow(title, settings, is_calm, steps=20):
    start, batches = make_start(settings, is_calm)
    pair = [Watched(settings, start.state, dtype) for dtype in (torch.float32, torch.float64)]
    for oracle in pair:
        start.load_into(oracle)
    random = np.random.default_rng(3)
    print(f"{title}\n{'step':>4} {'inputs':>10} {'flipped':>8} {'losses':>8} {'updates':>8}")
    for step in range(1, steps + 1):
        offsets = random.integers(0, settings.hole + 1, (settings.batch_size, 2))
        for oracle in pair:
            oracle.signs = []
        low, high = (oracle.step(pixels_from_bytes(batches[step % BATCHES], next(iter(oracle.m.values())).dtype), offsets)
                     for oracle in pair)
        flipped = sum(int((a != b).sum()) for a, b in zip(*(oracle.signs for oracle in pair)))
        losses = largest(abs(low[name] / high[name] - 1) for name in LOSSES)
        updates = []
        for name in filter(is_trainable, start.state):
            change = pair[1].state[name] - start.state[name]
            if bool(change.any()):
                updates.append(float((pair[0].state[name] - pair[1].state[name]).norm() / change.norm()))
        if step <= 5 or step % 5 == 0:
            inputs = sum(signs.numel() for signs in pair[1].signs)
            print(f"{step:4} {inputs:10} {flipped:8} {losses:8.0e} {largest(updates):8.0e}", flush=True)


def main():
    small = dict(image_size=64, image_channel=3, base_channels=8, bottleneck=32, batch_size=8)
    large = dict(image_size=64, image_channel=3, base_channels=32, bottleneck=400, batch_size=16, gene_iter=1)
    follow("usual start, 5 generator updates a step", Settings(**small), False)
    follow("usual start, 1 generator update a step", Settings(gene_iter=1, **small), False)
    follow("usual start, 1 generator update a step, 4 times the channels", Settings(**large), False, 5)
    follow("calm start, 5 generator updates a step", Settings(**small), True)
    follow("calm start, 5 generator updates a step, a tenth of the learning rate", Settings(learning_rate=2e-5, **small),
           True)


if __name__ == "__main__":
    main()
