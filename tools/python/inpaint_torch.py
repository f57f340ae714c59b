"""The networks of this program as PyTorch modules, with the names and layouts of a checkpoint.

    generator, discriminator = inpaint_torch.load("checkpoints/mine128/gpu0")
    ...                                                                  # train on, prune, convert
    inpaint_torch.save("tuned.safetensors", generator, discriminator)    # back with inpaint_export --from_torch

Needs torch and safetensors. Pictures are [N, channels, rows, columns] in [-1, 1]: byte / 127.5 - 1. The way from
bytes to the painted picture, harmonic fill included, is what `inpaint_export --onnx` writes (docs/export.md).
"""
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

LEAK = 0.2  # slope of the leaky ReLU
INNERMOST = 4  # rows and columns of the context encoder's smallest map


class HarmonicUnet(nn.Module):
    """--model harmonic_unet: what is to be added to the harmonic fill.

    x: [N, C + 1, H, W], the filled picture, then the mask (1 = missing). H and W are multiples of `multiple`.
    Result: [N, C, H, W], which counts where pixels are missing.
    """

    GROUP = 16                # channels that are normalised together
    DILATIONS = (1, 2, 4, 1)  # of the innermost level's blocks, over and over
    # Level by level: channels, residual blocks of the encoder and of the decoder.
    LEVELS = {"small": ((16, 0, 0), (48, 0, 1), (96, 1, 0), (128, 4, 0)),
              "base": ((16, 0, 0), (48, 0, 1), (96, 1, 1), (128, 1, 1), (192, 4, 0)),
              "large": ((32, 0, 0), (96, 1, 1), (192, 1, 2), (320, 2, 1), (384, 6, 0))}

    class Norm(nn.GroupNorm):
        def __init__(self, channels):
            super().__init__(channels // HarmonicUnet.GROUP, channels)

        def forward(self, x, skip=0.0):
            return F.leaky_relu(super().forward(x) + skip, LEAK)

    class Block(nn.Module):
        def __init__(self, channels, dilation):
            super().__init__()
            self.conv1 = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False)
            self.norm = HarmonicUnet.Norm(channels)
            self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

        def forward(self, x):
            return x + self.conv2(self.norm(self.conv1(x)))

    class Level(nn.Module):
        def __init__(self, conv, channels, dilations):
            super().__init__()
            self.conv, self.norm = conv, HarmonicUnet.Norm(channels)
            self.count = len(dilations)
            for i, dilation in enumerate(dilations):
                self.add_module(f"block{i}", HarmonicUnet.Block(channels, dilation))

        def forward(self, x, skip=0.0):
            x = self.norm(self.conv(x), skip)
            for i in range(self.count):
                x = getattr(self, f"block{i}")(x)
            return x

    def __init__(self, model_size="small", image_channel=3):
        super().__init__()
        levels = self.LEVELS[model_size]
        self.depth = len(levels) - 1
        self.multiple = 2**self.depth
        self.inputs = inputs = image_channel + 1
        for k, (channels, blocks, _) in enumerate(levels):
            conv = (nn.Conv2d(inputs, channels, 3, padding=1, bias=False) if k == 0 else
                    nn.Conv2d(inputs, channels, 4, stride=2, padding=1, bias=False))
            dilations = [self.DILATIONS[b % 4] if k == self.depth else 1 for b in range(blocks)]
            self.add_module(f"encoder{k}", self.Level(conv, channels, dilations))
            inputs = channels
        self.innermost = nn.ModuleDict({"norm": self.Norm(inputs)})
        for k in reversed(range(self.depth)):
            channels, _, blocks = levels[k]
            conv = nn.ConvTranspose2d(inputs, channels, 4, stride=2, padding=1, bias=False)
            self.add_module(f"decoder{k}", self.Level(conv, channels, [1] * blocks))
            inputs = channels
        self.last = nn.Conv2d(inputs, image_channel, 3, padding=1)
        nn.init.zeros_(self.last.weight)  # a network that has learnt nothing leaves the harmonic fill
        nn.init.zeros_(self.last.bias)

    def forward(self, x):
        skips = []
        for k in range(self.depth + 1):
            x = getattr(self, f"encoder{k}")(x)
            skips.append(x)
        x = self.innermost["norm"](x)
        for k in reversed(range(self.depth)):
            x = getattr(self, f"decoder{k}")(x, skips[k])
        return self.last(x)


class Normed(nn.Module):
    """A product with its bias and, behind it, a batch norm where there is one: hidden1, hidden2, ..."""

    def __init__(self, kind, shape, bias, norm=0):
        super().__init__()
        self.kind, self.weight = kind, nn.Parameter(torch.empty(shape))
        nn.init.normal_(self.weight, std=0.02)
        self.bias = nn.Parameter(torch.zeros(bias))
        if norm:
            self.bn = nn.BatchNorm2d(norm)

    def forward(self, x):
        if self.kind == "conv":
            x = F.conv2d(x, self.weight, self.bias, stride=2, padding=1)
        elif self.kind == "transposed":
            x = F.conv_transpose2d(x, self.weight, self.bias, stride=2, padding=1)
        else:  # features count row by row, column by column, channel by channel
            x = F.linear(x.permute(0, 2, 3, 1).flatten(1), self.weight, self.bias)
            side = INNERMOST if hasattr(self, "bn") and x.shape[1] != self.bn.num_features else 1
            x = x.unflatten(1, (side, side, -1)).permute(0, 3, 1, 2)
        return self.bn(x) if hasattr(self, "bn") else x


class ContextEncoderNetwork(nn.Module):
    """What the generator and the discriminator share."""

    def __init__(self, image_size, image_channel, base_channels):
        super().__init__()
        self.image_size, self.image_channel, self.base_channels = image_size, image_channel, base_channels
        self.count = 0

    def channels_at(self, side):
        return max(self.base_channels, 8 * self.base_channels * INNERMOST // side)

    def append(self, *arguments):
        self.count += 1
        self.add_module(f"hidden{self.count}", Normed(*arguments))

    def append_encoder(self, side):
        inputs = self.image_channel
        while side > INNERMOST:
            side //= 2
            outputs = self.channels_at(side)
            self.append("conv", (outputs, inputs, 4, 4), outputs, outputs)
            inputs = outputs
        return inputs

    def layers(self):
        return [getattr(self, f"hidden{k + 1}") for k in range(self.count)]


class ContextEncoderGenerator(ContextEncoderNetwork):
    """--model context_encoder. x: [N, C, S, S], 0 in the square hole of half the side. Result: [N, C, S/2, S/2]."""

    def __init__(self, image_size=128, image_channel=1, base_channels=64, bottleneck=4000):
        super().__init__(image_size, image_channel, base_channels)
        self.inputs = image_channel
        inputs = self.append_encoder(image_size)
        innermost = INNERMOST * INNERMOST * inputs
        self.append("linear", (bottleneck, innermost), bottleneck, bottleneck)
        self.append("linear", (innermost, bottleneck), innermost, inputs)
        side = 2 * INNERMOST
        while side < image_size // 2:
            outputs = self.channels_at(side)
            self.append("transposed", (inputs, outputs, 4, 4), outputs, outputs)
            inputs, side = outputs, 2 * side
        self.append("transposed", (inputs, image_channel, 4, 4), image_channel)

    def forward(self, x):
        *hidden, last = self.layers()
        for layer in hidden:
            x = F.relu(layer(x))
        return torch.tanh(last(x))


class ContextEncoderDiscriminator(ContextEncoderNetwork):
    """x: [N, C, S/2, S/2], the square. Result: [N], a logit; above 0 where the square is judged to be true."""

    def __init__(self, image_size=128, image_channel=1, base_channels=64):
        super().__init__(image_size, image_channel, base_channels)
        inputs = self.append_encoder(image_size // 2)
        self.append("linear", (1, INNERMOST * INNERMOST * inputs), 1)

    def forward(self, x):
        *hidden, last = self.layers()
        for layer in hidden:
            x = F.leaky_relu(layer(x), LEAK)
        return last(x).flatten()


def file_of(path):
    """A checkpoint file; of a run's folder the newest."""
    path = Path(path)
    return path / (path / "checkpoint").read_text().strip() if path.is_dir() else path


def metadata_of(path):
    with safe_open(path, "pt") as file:
        return file.metadata() or {}


def make(metadata):
    """(generator, discriminator or None) with initial values; metadata: a checkpoint's."""
    def flag(name, default):
        return type(default)(metadata.get(f"flag.{name}", default))
    if flag("model", "context_encoder") == "harmonic_unet":
        return HarmonicUnet(flag("model_size", "small"), flag("image_channel", 1)), None
    shape = flag("image_size", 128), flag("image_channel", 1), flag("base_channels", 64)
    return ContextEncoderGenerator(*shape, flag("bottleneck", 4000)), ContextEncoderDiscriminator(*shape)


def state_dict(path, network="generator"):
    """A network's tensors by the names of its module. Of a model with moving averages it takes those: they paint."""
    with safe_open(path, "pt") as file:
        for prefix in (f"average.{network}.", f"{network}."):
            names = [name for name in file.keys() if name.startswith(prefix)]
            if names:
                return {name.removeprefix(prefix): file.get_tensor(name) for name in names}
    raise ValueError(f"{path}: no tensors of a {network} in it")


def load(path):
    """(generator, discriminator or None) of a checkpoint or a run's folder, in eval mode."""
    path = file_of(path)
    metadata = metadata_of(path)
    networks = make(metadata)
    for network, name in zip(networks, ("generator", "discriminator")):
        if network is not None:
            network.load_state_dict(state_dict(path, name), strict=True)
            network.eval()
            network.metadata = metadata
    return networks


def save(path, generator, discriminator=None):
    """A file for `inpaint_export --from_torch`, with all it has to know where the generator came from load()."""
    tensors = {}
    for name, network in (("generator", generator), ("discriminator", discriminator)):
        if network is not None:
            tensors.update({f"{name}.{key}": tensor.contiguous() for key, tensor in network.state_dict().items()})
    flags = {key: value for key, value in getattr(generator, "metadata", {}).items() if key.startswith("flag.")}
    save_file(tensors, path, metadata=flags)
