"""The training step of --model harmonic_unet a second time, with PyTorch's autograd in float64.

Written from the headers: nn/networks/harmonic_unet.h, nn/layers/group_norm.h, train/step/harmonic_step.h, rate_schedule.h
and the contracts of the ops. Pictures are [N, S, S, C]; inside the network features are [N, channels, rows, columns].
"""
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

import laplace
from oracle import ADAM_EPSILON, LEAK, NORM_EPSILON, pixels_from_bytes

GROUP = 16                # channels
DILATIONS = (1, 2, 4, 1)  # of the innermost level's residual blocks, over and over
BETA1, BETA2 = 0.9, 0.99
ROOT_EPSILON = 1e-4       # of the loss
CLIP_RATE, CLIP_FACTOR = 0.03, 2


class Level(NamedTuple):
    channels: int
    encoder_blocks: int
    decoder_blocks: int = 0


LEVELS = {"small": (Level(16, 0, 0), Level(48, 0, 1), Level(96, 1, 0), Level(128, 4)),
          "base": (Level(16, 0, 0), Level(48, 0, 1), Level(96, 1, 1), Level(128, 1, 1), Level(192, 4))}


@dataclass(frozen=True)
class HarmonicSettings:
    """The flags the step depends on, with their defaults for this model. schedule_steps: the planned length."""
    model_size: str = "small"
    image_size: int = 64
    image_channel: int = 3
    batch_size: int = 16
    learning_rate: float = 1e-3
    warm_up: int = 60
    last_rate: float = 0.01
    average_decay: float = 0.998
    schedule_steps: int = 1000
    texture: float = 0.0  # texture_oracle.py
    texture_share: float = 0.3

    @property
    def levels(self):
        return LEVELS[self.model_size]


def tensor_shapes(settings):
    """All parameters, by checkpoint name: {name: shape}. Convolutions [out, in, k, k], transposed [in, out, k, k]."""
    shapes, levels = {}, settings.levels
    def weight(name, *shape):
        shapes[f"generator.{name}.weight"] = shape
    def bias(name, channels):
        shapes[f"generator.{name}.bias"] = (channels,)
    def norm(name, channels):
        weight(name, channels)
        bias(name, channels)
    def blocks(name, count, channels):
        for i in range(count):
            weight(f"{name}.block{i}.conv1", channels, channels, 3, 3)
            norm(f"{name}.block{i}.norm", channels)
            weight(f"{name}.block{i}.conv2", channels, channels, 3, 3)
            bias(f"{name}.block{i}.conv2", channels)
    inputs = settings.image_channel + 1
    for k, level in enumerate(levels):
        weight(f"encoder{k}.conv", level.channels, inputs, *((3, 3) if k == 0 else (4, 4)))
        norm(f"encoder{k}.norm", level.channels)
        blocks(f"encoder{k}", level.encoder_blocks, level.channels)
        inputs = level.channels
    norm("innermost.norm", inputs)
    for k, level in reversed(list(enumerate(levels[:-1]))):
        weight(f"decoder{k}.conv", inputs, level.channels, 4, 4)
        norm(f"decoder{k}.norm", level.channels)
        blocks(f"decoder{k}", level.decoder_blocks, level.channels)
        inputs = level.channels
    weight("last", settings.image_channel, inputs, 3, 3)
    bias("last", settings.image_channel)
    return shapes


class HarmonicOracle:
    """The state of a training run and the step that moves it."""

    def __init__(self, settings, tensors, updates, clip_mean):
        """tensors: by their names in a checkpoint."""
        def read(form):
            return {name: torch.as_tensor(tensors[form.format(name)]).double() for name in tensor_shapes(settings)}
        self.settings = settings
        self.state, self.averages = read("{}"), read("average.{}")
        self.m, self.v = read("adam.{}.m"), read("adam.{}.v")
        self.updates, self.clip_mean = updates, clip_mean
        self.clipped = 0  # updates with a gradient that was made smaller

    def tensors(self):
        """Everything a checkpoint holds, by its names."""
        held = (("{}", self.state), ("average.{}", self.averages), ("adam.{}.m", self.m), ("adam.{}.v", self.v))
        return {form.format(name): tensor for form, tensors in held for name, tensor in tensors.items()}

    # --- the network ------------------------------------------------------------------------------------

    def tensor(self, name):
        return self.state["generator." + name]

    def conv(self, name, x, dilation=1):
        return F.conv2d(x, self.tensor(name + ".weight"), padding=dilation, dilation=dilation)

    def halve(self, name, x):
        return F.conv2d(x, self.tensor(name + ".weight"), stride=2, padding=1)

    def double(self, name, x):
        return F.conv_transpose2d(x, self.tensor(name + ".weight"), stride=2, padding=1)

    def bias(self, name):
        return self.tensor(name + ".bias")[:, None, None]

    def norm(self, name, x, addend=0.0):
        groups = x.reshape(len(x), x.shape[1] // GROUP, -1)
        mean = groups.mean(dim=2, keepdim=True)
        variance = ((groups - mean) ** 2).mean(dim=2, keepdim=True)
        normed = ((groups - mean) / torch.sqrt(variance + NORM_EPSILON)).reshape(x.shape)
        z = self.tensor(name + ".weight")[:, None, None] * normed + self.bias(name) + addend
        return torch.where(z > 0, z, LEAK * z)

    def blocks(self, name, count, x, dilations=(1,)):
        for i in range(count):
            inside = self.conv(f"{name}.block{i}.conv1", x, dilations[i % len(dilations)])
            inside = self.norm(f"{name}.block{i}.norm", inside)
            x = x + self.conv(f"{name}.block{i}.conv2", inside) + self.bias(f"{name}.block{i}.conv2")
        return x

    def forward(self, x):
        """x [N, S, S, C + 1] -> the residual [N, S, S, C]."""
        x, levels, skips = x.permute(0, 3, 1, 2), self.settings.levels, []
        for k, level in enumerate(levels):
            x = (self.halve if k > 0 else self.conv)(f"encoder{k}.conv", x)
            x = self.norm(f"encoder{k}.norm", x)
            is_innermost = k == len(levels) - 1
            x = self.blocks(f"encoder{k}", level.encoder_blocks, x, DILATIONS if is_innermost else (1,))
            skips.append(x)
        x = self.norm("innermost.norm", skips.pop())
        for k, level in reversed(list(enumerate(levels[:-1]))):
            x = self.norm(f"decoder{k}.norm", self.double(f"decoder{k}.conv", x), skips.pop())
            x = self.blocks(f"decoder{k}", level.decoder_blocks, x)
        return (self.conv("last", x) + self.bias("last")).permute(0, 2, 3, 1)

    # --- the loss ---------------------------------------------------------------------------------------

    def paint(self, image_bytes, masks):
        """Bytes [N, S, S, C] and masks [N, S, S], 1 = missing -> true and painted pictures, masks [N, S, S, 1]."""
        true, mask = pixels_from_bytes(image_bytes), torch.as_tensor(masks != 0).double()[..., None]
        filled = torch.from_numpy(np.stack([laplace.fill(*pair) for pair in zip(true.numpy(), masks)]))
        return true, filled + mask * self.forward(torch.cat([filled, mask], dim=3)), mask

    def loss(self, image_bytes, masks):
        return self.loss_of(*self.paint(image_bytes, masks))

    def loss_of(self, true, painted, mask):
        d = mask * (painted - true)
        values = self.settings.image_channel * mask.sum(dim=(1, 2, 3))
        absolute, squared = d.abs().sum(dim=(1, 2, 3)) / values, (d**2).sum(dim=(1, 2, 3)) / values
        return (absolute + torch.sqrt(squared + ROOT_EPSILON)).mean()

    # --- the update -------------------------------------------------------------------------------------

    def clip_scale(self, gradients):
        norm = math.sqrt(sum(float((g**2).sum()) for g in gradients.values()))
        if self.clip_mean == 0:
            self.clip_mean = norm
        else:
            share = min(norm, CLIP_FACTOR * self.clip_mean)
            self.clip_mean = (1 - CLIP_RATE) * self.clip_mean + CLIP_RATE * share
        return min(1.0, CLIP_FACTOR * self.clip_mean / norm)

    def learning_rate(self, progress):
        """Of update number self.updates, which counts from 1."""
        s = self.settings
        warm = min(1.0, self.updates / s.warm_up) if s.warm_up else 1.0
        return s.learning_rate * warm * (s.last_rate + (1 - s.last_rate) * (1 + math.cos(math.pi * progress)) / 2)

    def update(self, gradients, learning_rate, beta1=BETA1):
        scale, t = self.clip_scale(gradients), self.updates
        self.clipped += scale < 1
        rate = learning_rate * math.sqrt(1 - BETA2**t) / (1 - beta1**t)
        take = 1 - min(self.settings.average_decay, t / (9 + t))  # (1 + u) / (10 + u) with u = t - 1
        for name, g in gradients.items():
            g = scale * g
            self.m[name] = beta1 * self.m[name] + (1 - beta1) * g
            self.v[name] = BETA2 * self.v[name] + (1 - BETA2) * g**2
            self.state[name] = self.state[name] - rate * self.m[name] / (self.v[name].sqrt() + ADAM_EPSILON)
            self.averages[name] = self.averages[name] + take * (self.state[name] - self.averages[name])

    def step(self, image_bytes, masks, done):
        """One batch, after `done` steps of the planned length. Returns the log's figures."""
        return self.step_at(image_bytes, masks, done / self.settings.schedule_steps)

    def step_at(self, image_bytes, masks, progress):
        self.state = {name: w.clone().requires_grad_(True) for name, w in self.state.items()}
        loss = self.loss(image_bytes, masks)
        gradients = dict(zip(self.state, torch.autograd.grad(loss, list(self.state.values()))))
        self.state = {name: w.detach() for name, w in self.state.items()}
        self.updates += 1
        learning_rate = self.learning_rate(progress)
        self.update(gradients, learning_rate)
        return {"rec_loss": float(loss.detach()), "learning_rate_gene": learning_rate}
