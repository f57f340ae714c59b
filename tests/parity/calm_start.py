"""A starting state from which float32 training can be followed: the calm start.

From the usual initial values two correct float32 programs part within a few steps. Two things cause it:
- a ReLU whose input is within rounding of 0 opens in one program and stays shut in the other. A network has 1e5 to
  1e7 of them per pass, and one such flip moves a gradient by 1e-4 to 1e-2 of its norm;
- Adam's first updates are learning_rate * sign(gradient), nearly: elements whose gradient is rounding noise move by
  the full learning rate in either direction, which turns an error e of the gradient into sqrt(e) of the update.
Here batch-norm scale and shift keep every ReLU input several deviations away from 0 (three quarters of the channels
open, one quarter shut), and Adam's moments and counts are those of a run under way: a relative error of the gradient
stays one of that size in the update. Moving averages start near the batch's values, so that what a step adds to them
is not lost beside their initial 0 and 1. An ordinary state, only an unlikely one.
"""
import torch

from oracle import NETWORKS, Oracle, cut_holes, pixels_from_bytes

UPDATES = {"generator": 40, "discriminator": 30}


def as_float32(tensor):
    """Rounded to float32 values, as a float32 checkpoint stores them."""
    return tensor.float().double()


def network_scale(gradients, network):
    """Root mean square over all gradient elements of a network."""
    own = [g for name, g in gradients.items() if name.startswith(network + ".")]
    return float((sum((g**2).sum() for g in own) / sum(g.numel() for g in own)).sqrt())


def calm(settings, state, image_bytes, offsets, seed=5):
    """Returns (state, m, v), float32 values, from a state, and the batch that sets the scale of the moments."""
    random = torch.Generator().manual_seed(seed)
    def uniform(low, high, shape):
        return as_float32(low + (high - low) * torch.rand(shape, generator=random, dtype=torch.float64))
    state = {name: torch.as_tensor(tensor).double() for name, tensor in state.items()}
    for name in state:
        if name.endswith(".bn.weight"):
            state[name] = uniform(0.05, 0.1, state[name].shape)
        elif name.endswith(".bn.bias"):
            shut = uniform(0, 1, state[name].shape) < 0.25
            state[name] = uniform(0.6, 0.8, state[name].shape) * torch.where(shut, -1.0, 1.0).double()
    probe, gradients, averages = Oracle(settings, state), {}, {}
    probe.adam = lambda network, found: gradients.update(found)  # look, do not move
    probe.move_average = lambda name, batch_value: averages.update({name: batch_value.detach()})
    masked, hidden = cut_holes(pixels_from_bytes(image_bytes), offsets, settings.hole)
    probe.update_discriminator(masked, hidden)
    probe.update_generator(masked, hidden)
    for name, batch_value in averages.items():
        state[name] = as_float32(batch_value * uniform(0.5, 1.5, batch_value.shape))
    floor = {network: 1e-3 * network_scale(gradients, network) for network in NETWORKS}
    m, v = {}, {}
    for name, g in gradients.items():
        scale = max(float((g**2).mean().sqrt()), floor[name.split(".")[0]]) if bool(g.any()) else 0.0
        m[name] = as_float32(scale / 2 * torch.randn(g.shape, generator=random, dtype=torch.float64))
        v[name] = as_float32(scale**2 * uniform(0.5, 1.5, g.shape))
    return state, m, v
