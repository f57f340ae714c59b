"""The training step of the hole-filling model in PyTorch: the reference the program's figures are compared with.

It is written from the description of the behaviour alone and shares nothing with the C++ sources, so that an error
has to be made twice to go unseen. Gradients come from autograd, everything else is spelled out. By default all is
computed in float64, whose rounding (1e-16) is nothing beside the differences looked for.

Shapes: pictures and feature maps are [N, rows, columns, channels] here too; only a convolution turns them around.
Tensors carry the names and layouts of a checkpoint ("generator.hidden1.weight": [out, in, 4, 4], transposed
convolutions [in, out, 4, 4], linear layers [out, in] over features in row, column, channel order).
"""
import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F

NETWORKS = ("generator", "discriminator")
ADAM_EPSILON = 1e-8
NORM_EPSILON = 1e-5
NORM_DECAY = 0.9
DECAY_RATE = 1e-5
CLIP = 10.0
LEAK = 0.2


@dataclass(frozen=True)
class Settings:
    """The flags a training step depends on, with their defaults."""
    image_size: int = 128
    image_channel: int = 1
    base_channels: int = 64
    bottleneck: int = 4000
    batch_size: int = 64
    learning_rate: float = 0.0002
    lamb_rec: float = 0.999
    lamb_adv: float = 0.001
    lamb_tv: float = 1e-6
    use_l1: bool = False
    adv_loss: str = "cross_entropy"
    weight_clip: bool = False
    gene_iter: int = 5
    disc_iter: int = 1

    @property
    def hole(self):
        return self.image_size // 2


class Layer(NamedTuple):
    name: str
    kind: str        # "conv" halves the side, "transposed" doubles it, "linear" mixes all features
    inputs: int
    outputs: int
    norm: bool       # batch norm between the layer and its activation; over the last axis's channels
    activation: str  # "relu", "leaky", "tanh" or "none"
    fold: int = 0    # fold > 0: the features become a fold x fold map before the batch norm


def map_channels(settings, side):
    """Channels of a feature map: 8 * base at side 4, half of it at each doubling, never below base."""
    return max(settings.base_channels, 8 * settings.base_channels * 4 // side)


def generator_layers(s):
    layers, side, channels = [], s.image_size, s.image_channel
    def add(*fields):
        layers.append(Layer(f"generator.hidden{len(layers) + 1}", *fields))
    while side > 4:
        side //= 2
        add("conv", channels, map_channels(s, side), True, "relu")
        channels = map_channels(s, side)
    add("linear", 16 * channels, s.bottleneck, True, "relu")
    # Its batch norm sees the 4 x 4 map: one mean per channel over N, rows and columns.
    layers.append(Layer(f"generator.hidden{len(layers) + 1}", "linear", s.bottleneck, 16 * channels, True, "relu", 4))
    while 2 * side < s.hole:
        side *= 2
        add("transposed", channels, map_channels(s, side), True, "relu")
        channels = map_channels(s, side)
    add("transposed", channels, s.image_channel, False, "tanh")
    return layers


def discriminator_layers(s):
    layers, side, channels = [], s.hole, s.image_channel
    while side > 4:
        side //= 2
        name = f"discriminator.hidden{len(layers) + 1}"
        layers.append(Layer(name, "conv", channels, map_channels(s, side), True, "leaky"))
        channels = map_channels(s, side)
    layers.append(Layer(f"discriminator.hidden{len(layers) + 1}", "linear", 16 * channels, 1, False, "none"))
    return layers


def layers_of(settings, network):
    return generator_layers(settings) if network == "generator" else discriminator_layers(settings)


def weight_shape(layer):
    return {"conv": (layer.outputs, layer.inputs, 4, 4), "transposed": (layer.inputs, layer.outputs, 4, 4),
            "linear": (layer.outputs, layer.inputs)}[layer.kind]


def norm_channels(layer):
    return layer.outputs // layer.fold**2 if layer.fold else layer.outputs


def tensor_shapes(settings):
    """All model tensors, by checkpoint name: {name: shape}."""
    shapes = {}
    for network in NETWORKS:
        for layer in layers_of(settings, network):
            shapes[layer.name + ".weight"] = weight_shape(layer)
            shapes[layer.name + ".bias"] = (layer.outputs,)
            if layer.norm:
                for part in ("weight", "bias", "running_mean", "running_var"):
                    shapes[f"{layer.name}.bn.{part}"] = (norm_channels(layer),)
    return shapes


def is_trainable(name):
    return not name.endswith((".running_mean", ".running_var"))


def initial_state(settings, seed, dtype=torch.float64):
    """A state drawn from the distributions the program draws from (with other random numbers than the program's)."""
    random = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in tensor_shapes(settings).items():
        if name.endswith((".bn.weight", ".running_var")):
            state[name] = torch.ones(shape, dtype=dtype)
        elif name.endswith(".weight"):
            w = torch.randn(shape, generator=random, dtype=torch.float64)
            is_conv = any(name == f"{layer.name}.weight" and layer.kind == "conv" for n in NETWORKS
                          for layer in layers_of(settings, n))
            while is_conv and bool((w.abs() > 2).any()):
                w = torch.where(w.abs() > 2, torch.randn(shape, generator=random, dtype=torch.float64), w)
            state[name] = (0.02 * w).float().to(dtype)
        else:
            state[name] = torch.zeros(shape, dtype=dtype)
    return state


def cross_entropy(x, label):
    """Sigmoid cross-entropy of logits x against a constant label, in the form that cannot overflow."""
    return x.clamp(min=0) - x * label + torch.log1p(torch.exp(-x.abs()))


def total_variation(image):
    rows = (image[:, 1:] - image[:, :-1]).abs().sum(dim=(1, 2, 3))
    columns = (image[:, :, 1:] - image[:, :, :-1]).abs().sum(dim=(1, 2, 3))
    return (rows + columns).mean()


def accuracy(real, fake):
    """Share of scores on the right side. A sigmoid of exactly 0.5 rounds to 0: score 0 counts as "fake"."""
    right = (real > 0).sum() + (fake <= 0).sum()
    return right.double() / (real.numel() + fake.numel())


def cut_holes(image, offsets, hole):
    """image [N, S, S, C] -> (masked image, hidden image); the block becomes 0."""
    masked, hidden = image.clone(), []
    for i, (row, column) in enumerate(offsets):
        block = (i, slice(row, row + hole), slice(column, column + hole))
        hidden.append(image[block].clone())
        masked[block] = 0
    return masked, torch.stack(hidden)


def pixels_from_bytes(image_bytes, dtype=torch.float64):
    return (torch.as_tensor(image_bytes).to(dtype) - 127.5) / 127.5


def bytes_from_pixels(pixels):
    """Clamped and truncated, as the metrics use them."""
    return (pixels * 127.5 + 127.5).clamp(0, 255).to(torch.uint8)


class Oracle:
    """The state of a training run and the step that moves it."""

    def __init__(self, settings, state, dtype=torch.float64):
        self.settings = settings
        self.layers = {network: layers_of(settings, network) for network in NETWORKS}
        self.state = {name: torch.as_tensor(state[name]).to(dtype).clone() for name in tensor_shapes(settings)}
        self.m = {name: torch.zeros_like(w) for name, w in self.state.items() if is_trainable(name)}
        self.v = {name: torch.zeros_like(w) for name, w in self.state.items() if is_trainable(name)}
        self.updates = dict.fromkeys(NETWORKS, 0)
        self.clipped = 0  # gradient elements cut so far

    # --- networks ---------------------------------------------------------------------------------------

    def batch_norm(self, layer, x, training):
        gamma, beta = self.state[layer.name + ".bn.weight"], self.state[layer.name + ".bn.bias"]
        mean_name, var_name = layer.name + ".bn.running_mean", layer.name + ".bn.running_var"
        if training:
            axes = tuple(range(x.dim() - 1))
            mean = x.mean(dim=axes)
            variance = ((x - mean) ** 2).mean(dim=axes)  # biased: divided by the count
            self.move_average(mean_name, mean)
            self.move_average(var_name, variance)
        else:
            mean, variance = self.state[mean_name], self.state[var_name]
        return gamma * (x - mean) / torch.sqrt(variance + NORM_EPSILON) + beta

    def move_average(self, name, batch_value):
        self.state[name] = NORM_DECAY * self.state[name] + (1 - NORM_DECAY) * batch_value.detach()

    def apply(self, layer, x, training):
        w, b = self.state[layer.name + ".weight"], self.state[layer.name + ".bias"]
        if layer.kind == "linear":
            x = x.reshape(x.shape[0], -1) @ w.t() + b
        else:
            convolution = F.conv2d if layer.kind == "conv" else F.conv_transpose2d
            x = convolution(x.permute(0, 3, 1, 2), w, b, stride=2, padding=1).permute(0, 2, 3, 1)
        if layer.fold:
            x = x.reshape(x.shape[0], layer.fold, layer.fold, -1)
        if layer.norm:
            x = self.batch_norm(layer, x, training)
        return self.activate(layer.activation, x)

    def activate(self, name, x):
        if name == "relu":
            return torch.relu(x)
        if name == "leaky":
            return torch.where(x > 0, x, LEAK * x)
        return torch.tanh(x) if name == "tanh" else x

    def forward(self, network, x, training=True):
        for layer in self.layers[network]:
            x = self.apply(layer, x, training)
        return x.reshape(-1) if network == "discriminator" else x

    # --- objective --------------------------------------------------------------------------------------

    def weight_decay(self, network):
        weights = [self.state[layer.name + ".weight"] for layer in self.layers[network]]
        return DECAY_RATE * sum((w**2).sum() / 2 for w in weights) / len(weights)

    def losses(self, hidden, fake_image, real, fake):
        s = self.settings
        difference = hidden - fake_image
        rec = difference.abs().mean() if s.use_l1 else (difference**2).mean()
        if s.adv_loss == "hinge":
            adv_gene = -fake.mean()
            adv_disc = torch.relu(1 - torch.cat([real, -fake])).mean()
        else:
            adv_gene = cross_entropy(fake, 1.0).mean()
            adv_disc = torch.cat([cross_entropy(real, 1.0), cross_entropy(fake, 0.0)]).mean()
        tv = total_variation(fake_image)
        return {"rec_loss": rec, "adv_gene_loss": adv_gene, "tv_loss": tv,
                "gene_loss_ori": s.lamb_adv * adv_gene + s.lamb_rec * rec + s.lamb_tv * tv,
                "adv_disc_loss": adv_disc, "disc_loss_ori": s.lamb_adv * adv_disc, "disc_acc": accuracy(real, fake)}

    def evaluate(self, image, offsets):
        """Inference mode: (losses, fake image, hidden image); changes nothing."""
        masked, hidden = cut_holes(image, offsets, self.settings.hole)
        with torch.no_grad():
            fake_image = self.forward("generator", masked, training=False)
            real = self.forward("discriminator", hidden, training=False)
            fake = self.forward("discriminator", fake_image, training=False)
            return self.losses(hidden, fake_image, real, fake), fake_image, hidden

    # --- updates ----------------------------------------------------------------------------------------

    def trainable(self, network):
        return [name for name in self.state if name.startswith(network + ".") and is_trainable(name)]

    def gradients(self, network, loss_of):
        """Gradient of loss_of() (a scalar, evaluated here) plus weight decay for every trainable tensor."""
        names = self.trainable(network)
        for name in names:
            self.state[name].requires_grad_(True)
        loss, figures = loss_of()
        decay = self.weight_decay(network)
        figures[f"{network[:4]}_decay_loss"] = decay
        found = torch.autograd.grad(loss + decay, [self.state[name] for name in names])
        for name in names:
            self.state[name] = self.state[name].detach()
        gradients = dict(zip(names, found))
        for layer in self.layers[network]:
            # Batch norm takes its bias off again, so that cannot matter; autograd leaves rounding noise
            # there. Not so before the 4 x 4 map: its biases differ from place to place, the mean taken off is
            # the channel's.
            if layer.norm and not layer.fold:
                gradients[layer.name + ".bias"] = torch.zeros_like(gradients[layer.name + ".bias"])
        return gradients, {key: float(value.detach()) for key, value in figures.items()}

    def clip(self, gradient):
        self.clipped += int((gradient.abs() > CLIP).sum())
        return gradient.clamp(-CLIP, CLIP)

    def learning_rate(self, network):
        s = self.settings
        return s.learning_rate / 10 if s.weight_clip and network == "discriminator" else s.learning_rate

    def adam(self, network, gradients):
        """Adam in TensorFlow's form: epsilon is added to the uncorrected root."""
        beta1, beta2 = 0.5, 0.999 if self.settings.weight_clip else 0.9
        self.updates[network] += 1
        t = self.updates[network]
        rate = self.learning_rate(network) * math.sqrt(1 - beta2**t) / (1 - beta1**t)
        for name, g in gradients.items():
            if self.settings.weight_clip:
                g = self.clip(g)
            self.m[name].mul_(beta1).add_(g, alpha=1 - beta1)
            self.v[name].mul_(beta2).addcmul_(g, g, value=1 - beta2)
            self.state[name].addcdiv_(self.m[name], self.v[name].sqrt().add_(ADAM_EPSILON), value=-rate)

    def update_discriminator(self, masked, hidden):
        with torch.no_grad():
            fake_image = self.forward("generator", masked)

        def disc_loss():
            real = self.forward("discriminator", hidden)
            fake = self.forward("discriminator", fake_image)
            figures = self.losses(hidden, fake_image, real, fake)
            return figures["disc_loss_ori"], figures
        gradients, figures = self.gradients("discriminator", disc_loss)
        self.adam("discriminator", gradients)
        return figures

    def update_generator(self, masked, hidden):
        def gene_loss():
            fake_image = self.forward("generator", masked)
            real = self.forward("discriminator", hidden)
            fake = self.forward("discriminator", fake_image)
            figures = self.losses(hidden, fake_image, real, fake)
            return figures["gene_loss_ori"], {**figures, "least_score": torch.cat([real, fake]).abs().min()}
        gradients, figures = self.gradients("generator", gene_loss)
        self.adam("generator", gradients)
        return figures

    def step(self, image, offsets):
        """One batch. Returns the figures of the last generator update, taken before it is applied, and of the
        discriminator's last update its weight decay; least_score is the score nearest to 0, where rounding decides
        about disc_acc."""
        masked, hidden = cut_holes(image, offsets, self.settings.hole)
        for _ in range(self.settings.disc_iter):
            of_discriminator = self.update_discriminator(masked, hidden)
        for _ in range(self.settings.gene_iter):
            figures = self.update_generator(masked, hidden)
        return {**figures, "disc_decay_loss": of_discriminator["disc_decay_loss"]}

    def tensors(self):
        """Everything a checkpoint holds, by its names."""
        moments = {f"adam.{name}.{kind}": moment[name] for kind, moment in (("m", self.m), ("v", self.v))
                   for name in moment}
        return {**self.state, **moments}
