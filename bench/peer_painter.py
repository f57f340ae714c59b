"""The training step of `--model harmonic_unet` in PyTorch, written for speed: what bench_train is timed beside.

The network is tools/python/inpaint_torch.py's, which the tests compare with the program's. Loss, clip, Adam and the moving
average are those of train/step/harmonic_step.h; the optimizer is the fused one, and the rest goes over all tensors at once.
The harmonic fill, which the program's step computes, is not done here: the hole is grey when the step begins.
"""
import math
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools/python"))
from inpaint_torch import HarmonicUnet  # noqa: E402

ADAM = {"lr": 1e-3, "betas": (0.9, 0.99)}
ADAM_EPSILON, ROOT_EPSILON = 1e-8, 1e-4
AVERAGE_DECAY, CLIP_RATE, CLIP_FACTOR = 0.998, 0.03, 2.0


class PainterStep:
    """autocast, wrap, capturable: as in peer_model.Step."""

    def __init__(self, network, autocast, wrap, capturable, fused=True):
        self.network, self.autocast, self.capturable = network, autocast, capturable
        self.updates = 0
        self.parameters = list(network.parameters())
        self.averages = [p.detach().clone() for p in self.parameters]
        self.real = self.parameters[0].dtype
        self.optimizer = torch.optim.Adam(self.parameters, fused=fused, capturable=capturable, **ADAM)
        self.clip_mean = torch.zeros((), dtype=self.real, device=self.parameters[0].device)
        self.fast_loss = wrap(self.loss)

    def loss(self, images, mask):
        true = images.to(self.real) / 127.5 - 1
        filled = true * (1 - mask)
        with self.autocast():
            residual = self.network(torch.cat([filled, mask], 1))
        d = mask * (filled + residual.to(self.real) - true)
        values = true.shape[1] * mask.sum((1, 2, 3))
        return (d.abs().sum((1, 2, 3)) / values + torch.sqrt(d.square().sum((1, 2, 3)) / values + ROOT_EPSILON)).mean()

    def clip(self, gradients):
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        share = torch.minimum(norm, CLIP_FACTOR * self.clip_mean)
        self.clip_mean = torch.where(self.clip_mean == 0, norm, (1 - CLIP_RATE) * self.clip_mean + CLIP_RATE * share)
        scale = (CLIP_FACTOR * self.clip_mean / norm).clamp(max=1)
        for gradient in gradients:
            gradient.mul_(scale)

    def __call__(self, images, offsets):
        """images: bytes [N, C, S, S]; offsets [N, 2] of the square holes. The loss before the update, as a tensor."""
        rows = torch.arange(images.shape[2], device=images.device)
        inside = [(rows >= first[:, None]) & (rows < first[:, None] + images.shape[2] // 2) for first in offsets.T]
        mask = (inside[0][:, None, :, None] & inside[1][:, None, None, :]).to(self.real)
        loss = self.fast_loss(images, mask)
        loss.backward()
        with torch.no_grad():
            self.clip([p.grad for p in self.parameters])
            self.updates += 1
            if not self.capturable:
                # The program adds epsilon to the uncorrected root: PyTorch's rule with this epsilon.
                self.optimizer.param_groups[0]["eps"] = ADAM_EPSILON / math.sqrt(1 - ADAM["betas"][1] ** self.updates)
            self.optimizer.step()
            torch._foreach_mul_(self.averages, AVERAGE_DECAY)
            torch._foreach_add_(self.averages, self.parameters, alpha=1 - AVERAGE_DECAY)
        self.optimizer.zero_grad(set_to_none=True)
        return loss.detach()


def painter(options):
    return HarmonicUnet(options.model_size, options.image_channel)
