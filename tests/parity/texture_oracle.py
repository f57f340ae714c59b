"""The adversarial phase of --model harmonic_unet a second time, with PyTorch's autograd in float64.

Written from the headers: train/step/adversary.h, nn/networks/patch_discriminator.h, kernels/linear/spectral_norm.h and the
contracts of the losses. The first phase is that of harmonic_oracle.py, with a whole cosine of its own.
"""
import math

import torch
import torch.nn.functional as F

from harmonic_oracle import BETA2, HarmonicOracle
from oracle import ADAM_EPSILON, LEAK

BASE = 32  # channels of the first layer, of the models small and base
WINDOWS = ((4, 2), (4, 2), (4, 2), (3, 1))  # kernel, stride; all are padded by 1
PAINTER_RATE, PAINTER_BETA1 = 3e-4, 0.5
JUDGE_RATE = 6e-4  # with beta1 0
FEATURES, RATIO_KEEP = 0.5, 0.95


def judge_shapes(settings):
    """The discriminator's tensors by their names in a checkpoint: {name: shape}."""
    shapes, inputs = {}, settings.image_channel + 1
    for k, (kernel, _) in enumerate(WINDOWS):
        outputs = 1 if k == 3 else BASE * 2**k
        shapes[f"discriminator.hidden{k + 1}.weight"] = (outputs, inputs, kernel, kernel)
        shapes[f"discriminator.hidden{k + 1}.bias"] = (outputs,)
        shapes[f"discriminator.hidden{k + 1}.u"] = (outputs,)
        inputs = outputs
    return shapes


def is_running(name):
    return name.endswith(".u")


class Judge:
    """The patch discriminator in training."""

    def __init__(self, settings, tensors, updates):
        def read(form, names):
            return {name: torch.as_tensor(tensors[form.format(name)]).double() for name in names}
        names = judge_shapes(settings)
        trained = [name for name in names if not is_running(name)]
        self.state, self.m, self.v = read("{}", names), read("adam.{}.m", trained), read("adam.{}.v", trained)
        self.updates = updates

    def tensors(self):
        held = (("{}", self.state), ("adam.{}.m", self.m), ("adam.{}.v", self.v))
        return {form.format(name): tensor for form, tensors in held for name, tensor in tensors.items()}

    def normed(self, k):
        """The weight over its norm, and the power method's next vector. Both vectors count as constants."""
        w = self.state[f"discriminator.hidden{k}.weight"]
        matrix = w.flatten(1)
        with torch.no_grad():
            v = F.normalize(matrix.T @ self.state[f"discriminator.hidden{k}.u"], dim=0)
            u = F.normalize(matrix @ v, dim=0)
        return w / (u @ matrix @ v), u

    def forward(self, pictures, mask):
        """[N, S, S, C] and [N, S, S, 1] -> scores [N, S / 8, S / 8], the hidden activations."""
        x, hidden = torch.cat([pictures, mask], dim=3).permute(0, 3, 1, 2), []
        for k, (_, stride) in enumerate(WINDOWS, 1):
            x = F.conv2d(x, self.normed(k)[0], self.state[f"discriminator.hidden{k}.bias"], stride=stride, padding=1)
            if k < 4:
                x = torch.where(x > 0, x, LEAK * x)
                hidden.append(x)
        return x[:, 0], hidden

    def loss(self, true, painted, mask, sees):
        """Of painted and true pictures, and the accuracy."""
        real, fake = self.forward(true, mask)[0], self.forward(painted, mask)[0]
        loss = (torch.relu(1 - real).mean(dim=(1, 2)) + seen_mean(torch.relu(1 + fake), sees)).mean() / 2
        right = (real > 0).double().mean() + (fake <= 0)[sees].double().mean()
        return loss, float(right) / 2

    def update(self, true, painted, mask, sees):
        trained = list(self.m)
        for name in trained:
            self.state[name] = self.state[name].clone().requires_grad_(True)
        loss, accuracy = self.loss(true, painted, mask, sees)
        gradients = torch.autograd.grad(loss, [self.state[name] for name in trained])
        nexts = {f"discriminator.hidden{k}.u": self.normed(k)[1] for k in range(1, 5)}
        self.updates += 1
        rate = JUDGE_RATE * math.sqrt(1 - BETA2**self.updates)
        for name, g in zip(trained, gradients):
            self.m[name] = g
            self.v[name] = BETA2 * self.v[name] + (1 - BETA2) * g**2
            self.state[name] = self.state[name].detach() - rate * g / (self.v[name].sqrt() + ADAM_EPSILON)
        self.state.update(nexts)
        return float(loss.detach()), accuracy


def seen_mean(values, sees):
    """Of each picture, over the patches that see its hole; 0 without such a patch."""
    return (values * sees).sum(dim=(1, 2)) / sees.sum(dim=(1, 2)).clamp(min=1)


def patches_that_see(mask):
    """Masks [N, S, S, 1] -> bool [N, S / 8, S / 8]: what windows of ones make of a missing pixel."""
    x = mask.permute(0, 3, 1, 2)
    for kernel, stride in WINDOWS:
        x = (F.conv2d(x, torch.ones((1, 1, kernel, kernel), dtype=x.dtype), stride=stride, padding=1) > 0).double()
    return x[:, 0] > 0


class TextureOracle(HarmonicOracle):
    """The state of a run with texture, and the steps of both phases."""

    def __init__(self, settings, tensors, updates, clip_mean, judge_updates, ratio):
        super().__init__(settings, tensors, updates, clip_mean)
        self.judge, self.ratio = Judge(settings, tensors, judge_updates), ratio

    def tensors(self):
        return {**super().tensors(), **self.judge.tensors()}

    def painter_loss(self, true, painted, mask, sees):
        scores, hidden = self.judge.forward(painted, mask)
        features = [(got - want.detach()).abs().mean() for got, want in zip(hidden, self.judge.forward(true, mask)[1])]
        return -seen_mean(scores, sees).mean() + FEATURES * sum(features) / len(features)

    def step(self, image_bytes, masks, done):
        s = self.settings
        progress, begin = done / s.schedule_steps, 1 - s.texture_share
        if progress < begin:
            return self.step_at(image_bytes, masks, progress / begin)
        progress = (progress - begin) / s.texture_share
        learning_rate = PAINTER_RATE * (s.last_rate + (1 - s.last_rate) * (1 + math.cos(math.pi * progress)) / 2)

        self.state = {name: w.clone().requires_grad_(True) for name, w in self.state.items()}
        true, painted, mask = self.paint(image_bytes, masks)
        sees = patches_that_see(mask)
        judge_loss, accuracy = self.judge.update(true, painted.detach(), mask, sees)
        reconstruction = self.loss_of(true, painted, mask)
        adversarial = self.painter_loss(true, painted, mask, sees)
        scale = s.texture * self.ratio
        by_picture = [torch.autograd.grad(loss, painted, retain_graph=True)[0] * mask for loss in (reconstruction, adversarial)]
        ratio = float(by_picture[0].norm() / by_picture[1].norm())
        self.ratio = RATIO_KEEP * self.ratio + (1 - RATIO_KEEP) * ratio if self.ratio else ratio
        loss = reconstruction + scale * adversarial
        gradients = dict(zip(self.state, torch.autograd.grad(loss, list(self.state.values()))))
        self.state = {name: w.detach() for name, w in self.state.items()}
        self.updates += 1
        self.update(gradients, learning_rate, PAINTER_BETA1)
        return {"rec_loss": float(reconstruction.detach()), "adv_gene_loss": float(adversarial.detach()),
                "gene_loss_ori": float(loss.detach()), "adv_disc_loss": judge_loss, "disc_loss_ori": judge_loss,
                "disc_acc": accuracy, "learning_rate_gene": learning_rate, "learning_rate_disc": JUDGE_RATE}
