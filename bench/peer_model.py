"""The hole-filling networks and their training step in PyTorch, written for speed: what bench_train is timed beside.

The same networks, losses and updates as the program's (its defaults: L2, plain Adam), computed the way PyTorch does it
best: biases that batch norm takes off again are left out of the training arithmetic (their gradient is 0), gradients
nobody needs are not computed, the optimizer is the fused one. Modules carry the names of a checkpoint's tensors.

A picture batch is [N, C, S, S] here, in either memory format; the features of a linear layer are in row, column,
channel order, as in a checkpoint.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

ADAM_BETAS, ADAM_EPSILON = (0.5, 0.9), 1e-8
DECAY_RATE, LEARNING_RATE = 1e-5, 2e-4
LAMB_REC, LAMB_ADV, LAMB_TV = 0.999, 0.001, 1e-6
GENE_ITER = 5
FIGURES = ("gene_loss_ori", "rec_loss", "adv_gene_loss", "adv_disc_loss", "disc_acc")
NORM = {"eps": 1e-5, "momentum": 0.1}


def map_channels(base, side):
    """Channels of a feature map: 8 * base at side 4, half of it at each doubling, never below base."""
    return max(base, 8 * base * 4 // side)


class Convolution(nn.Conv2d):
    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs, 4, stride=2, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(outputs, **NORM)


class Transposed(nn.ConvTranspose2d):
    def __init__(self, inputs, outputs, norm):
        super().__init__(inputs, outputs, 4, stride=2, padding=1, bias=not norm)
        self.bn = nn.BatchNorm2d(outputs, **NORM) if norm else None


class Linear(nn.Linear):
    def __init__(self, inputs, outputs, bias, norm=None):
        super().__init__(inputs, outputs, bias=bias)
        self.bn = norm


def flatten(x):
    return x.permute(0, 2, 3, 1).flatten(1)  # free where the channels are last in memory


class Encoder(nn.Module):
    """Convolutions down to a 4 x 4 map; they are called hidden1, hidden2, ..."""

    def __init__(self, side, channels, base):
        super().__init__()
        self.count = 0
        while side > 4:
            side //= 2
            outputs = map_channels(base, side)
            self.add(Convolution(channels, outputs))
            channels = outputs
        self.channels = channels
        self.convolutions = self.count

    def add(self, layer):
        self.count += 1
        self.add_module(f"hidden{self.count}", layer)

    def hidden(self, number):
        return getattr(self, f"hidden{number}")

    def encode(self, x, activation):
        for number in range(1, self.convolutions + 1):
            layer = self.hidden(number)
            x = activation(layer.bn(layer(x)))
        return x


class Generator(Encoder):
    def __init__(self, size, channels, base, bottleneck):
        super().__init__(size, channels, base)
        self.add(Linear(16 * self.channels, bottleneck, False, nn.BatchNorm1d(bottleneck, **NORM)))
        # The batch norm sees the 4 x 4 map, where a bias per feature does not cancel.
        self.add(Linear(bottleneck, 16 * self.channels, True, nn.BatchNorm2d(self.channels, **NORM)))
        inputs, side = self.channels, 8
        while side < size // 2:
            self.add(Transposed(inputs, map_channels(base, side), True))
            inputs, side = map_channels(base, side), 2 * side
        self.add(Transposed(inputs, channels, False))

    def forward(self, masked):
        x = flatten(self.encode(masked, F.relu))
        narrow, wide = self.hidden(self.convolutions + 1), self.hidden(self.convolutions + 2)
        x = wide(F.relu(narrow.bn(narrow(x))))
        x = F.relu(wide.bn(x.unflatten(1, (4, 4, self.channels)).permute(0, 3, 1, 2)))
        for number in range(self.convolutions + 3, self.count + 1):
            layer = self.hidden(number)
            x = layer(x) if layer.bn is None else F.relu(layer.bn(layer(x)))
        return torch.tanh(x)


class Discriminator(Encoder):
    def __init__(self, size, channels, base):
        super().__init__(size // 2, channels, base)
        self.add(Linear(16 * self.channels, 1, True))

    def forward(self, image):
        x = self.encode(image, lambda z: F.leaky_relu(z, 0.2))
        return self.hidden(self.count)(flatten(x)).flatten()


def load_checkpoint(network, name, tensor_of):
    """Takes what a checkpoint holds for this network: weights, batch norms, and the biases that count. tensor_of: the
    tensor of a name."""
    state = {key: tensor_of(f"{name}.{key}") for key in network.state_dict() if not key.endswith("num_batches_tracked")}
    missing, unexpected = network.load_state_dict(state, strict=False)
    if unexpected or any(not key.endswith("num_batches_tracked") for key in missing):
        raise ValueError(f"{name}: unexpected {unexpected}, missing {missing}")


def cut_holes(images, offsets, real):
    """images u8 [N, S, S, C], offsets i [N, 2] -> masked [N, C, S, S] and hidden [N, C, S/2, S/2], in [-1, 1], of the
    type `real`."""
    pixels = (images.to(real) - 127.5) / 127.5
    hole = images.shape[1] // 2
    place = torch.arange(hole, device=images.device)
    rows, columns = offsets[:, :1] + place, offsets[:, 1:] + place
    index = (torch.arange(len(images), device=images.device)[:, None, None], rows[:, :, None], columns[:, None, :])
    hidden = pixels[index]
    pixels[index] = torch.zeros((), dtype=real, device=images.device)  # a CPU scalar cannot be in a CUDA graph
    return pixels.permute(0, 3, 1, 2), hidden.permute(0, 3, 1, 2)


def cross_entropy(scores, label):
    return F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, label))


def total_variation(image):
    rows = (image[:, :, 1:] - image[:, :, :-1]).abs().sum()
    columns = (image[:, :, :, 1:] - image[:, :, :, :-1]).abs().sum()
    return (rows + columns) / image.shape[0]


def accuracy(real, fake):
    return ((real > 0).sum() + (fake <= 0).sum()).to(real.dtype) / (2 * real.numel())


class Step:
    """One discriminator update and five of the generator.

    autocast: makes the context the networks run in; wrap: makes a function fast (torch.compile, or nothing); sharing:
    work the step repeats is done once (the moving averages of the discriminator's real pass then move once, which no
    loss in training reads); capturable: for a CUDA graph, with Adam's epsilon added the way PyTorch does it.
    """

    def __init__(self, generator, discriminator, autocast, wrap, sharing, capturable):
        self.generator, self.discriminator = generator, discriminator
        self.autocast, self.sharing, self.capturable = autocast, sharing, capturable
        self.real = next(generator.parameters()).dtype  # of losses, parameters and pictures
        self.optimizers = {network: self.adam(network) for network in (generator, discriminator)}
        self.updates = dict.fromkeys(self.optimizers, 0)
        # Each is compiled as one piece, its backward too.
        self.fast_paint, self.fast_judge = wrap(self.paint), wrap(self.judge)
        self.fast_discriminator_loss = wrap(self.discriminator_loss)
        self.fast_generator_loss = wrap(self.generator_loss)
        self.fast_objective = wrap(self.objective)

    def adam(self, network):
        weights = [p for p in network.parameters() if p.dim() > 1]
        others = [p for p in network.parameters() if p.dim() == 1]
        groups = [{"params": weights, "weight_decay": DECAY_RATE / len(weights)}, {"params": others}]
        return torch.optim.Adam(groups, lr=LEARNING_RATE, betas=ADAM_BETAS, eps=ADAM_EPSILON, fused=True,
                                capturable=self.capturable)

    def update(self, network, loss):
        loss.backward()
        optimizer = self.optimizers[network]
        if not self.capturable:
            # TensorFlow adds epsilon to the uncorrected root: PyTorch's rule with this epsilon.
            self.updates[network] += 1
            for group in optimizer.param_groups:
                group["eps"] = ADAM_EPSILON / math.sqrt(1 - ADAM_BETAS[1] ** self.updates[network])
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    def paint(self, masked):
        with self.autocast():
            return self.generator(masked).to(self.real)

    def judge(self, image):
        with self.autocast():
            return self.discriminator(image).to(self.real)

    def discriminator_loss(self, hidden, fake_image):
        return LAMB_ADV / 2 * (cross_entropy(self.judge(hidden), 1.0) + cross_entropy(self.judge(fake_image), 0.0))

    def generator_loss(self, masked, hidden, real):
        return self.objective(self.paint(masked), hidden, real)

    def objective(self, fake_image, hidden, real):
        fake = self.judge(fake_image)
        rec, adv = F.mse_loss(fake_image, hidden), cross_entropy(fake, 1.0)
        loss = LAMB_ADV * adv + LAMB_REC * rec + LAMB_TV * total_variation(fake_image)
        adv_disc = (cross_entropy(real, 1.0) + cross_entropy(fake.detach(), 0.0)) / 2
        return loss, torch.stack([x.detach() for x in (loss, rec, adv, adv_disc, accuracy(real, fake))])

    def __call__(self, images, offsets):
        """Figures of the last generator update before it is applied, a tensor in the order of FIGURES."""
        masked, hidden = cut_holes(images, offsets, self.real)
        self.discriminator.requires_grad_(True)
        with torch.set_grad_enabled(self.sharing):
            first_fake = self.fast_paint(masked)
        self.update(self.discriminator, self.fast_discriminator_loss(hidden, first_fake.detach()))

        self.discriminator.requires_grad_(False)  # passed through for the image's gradient alone
        real = None
        for number in range(GENE_ITER):
            if real is None or not self.sharing:
                with torch.no_grad():
                    real = self.fast_judge(hidden)
            if self.sharing and number == 0:
                loss, figures = self.fast_objective(first_fake, hidden, real)
            else:
                loss, figures = self.fast_generator_loss(masked, hidden, real)
            self.update(self.generator, loss)
        return figures
