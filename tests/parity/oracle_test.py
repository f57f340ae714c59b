"""The oracle against itself and against small cases worked out by hand."""
import dataclasses
import math

import numpy as np
import torch

import pictures
from oracle import (NETWORKS, Layer, Oracle, Settings, accuracy, bytes_from_pixels, cross_entropy, cut_holes,
                    initial_state, is_trainable, pixels_from_bytes, tensor_shapes, total_variation)
from report import check, check_close

TINY = Settings(image_size=64, image_channel=3, base_channels=4, bottleneck=10, batch_size=3)


def equal(got, want, what, bound=0.0):
    got, want = torch.as_tensor(got), torch.as_tensor(want)
    check(got.shape == want.shape, f"{what}: shape {tuple(got.shape)}, want {tuple(want.shape)}")
    deviation = float((got.double() - want.double()).abs().max())
    check(deviation <= bound, f"{what}: largest deviation {deviation:.1e} > {bound:.0e}")


def integers(random, *shape):
    return torch.as_tensor(random.integers(-4, 5, shape)).double()


def single_layer(layer, weight, bias):
    """An oracle that has just this layer's tensors."""
    oracle = Oracle(TINY, initial_state(TINY, 1))
    oracle.state = {layer.name + ".weight": weight, layer.name + ".bias": bias}
    return oracle


def network_shapes():
    full = tensor_shapes(Settings(image_channel=3))
    want = {
        "generator.hidden1": (64, 3, 4, 4), "generator.hidden2": (64, 64, 4, 4), "generator.hidden3": (128, 64, 4, 4),
        "generator.hidden4": (256, 128, 4, 4), "generator.hidden5": (512, 256, 4, 4), "generator.hidden6": (4000, 8192),
        "generator.hidden7": (8192, 4000), "generator.hidden8": (512, 256, 4, 4), "generator.hidden9": (256, 128, 4, 4),
        "generator.hidden10": (128, 64, 4, 4), "generator.hidden11": (64, 3, 4, 4), "discriminator.hidden1": (64, 3, 4, 4),
        "discriminator.hidden2": (128, 64, 4, 4), "discriminator.hidden3": (256, 128, 4, 4),
        "discriminator.hidden4": (512, 256, 4, 4), "discriminator.hidden5": (1, 8192)}
    weights = {name[:-len(".weight")]: shape for name, shape in full.items()
               if name.endswith(".weight") and ".bn." not in name}
    check(weights == want, f"size 128: {weights}")
    check(full["generator.hidden7.bn.weight"] == (512,), "the batch norm of the 4 x 4 map is per channel")
    check(full["generator.hidden6.bn.weight"] == (4000,), "the batch norm of the bottleneck is per feature")
    check("generator.hidden11.bn.weight" not in full and "discriminator.hidden5.bn.weight" not in full, "outputs")
    for size, counts in ((64, (9, 4)), (128, (11, 5)), (256, (13, 6))):
        shapes = tensor_shapes(Settings(image_size=size))
        found = tuple(sum(n.startswith(network) and n.endswith(".weight") and ".bn." not in n for n in shapes)
                      for network in NETWORKS)
        check(found == counts, f"size {size}: {found} weight tensors")


def convolution_is_same_padded():
    """Against loops over TensorFlow's definition: out = ceil(in / 2), the padding split with the odd pixel last."""
    random = np.random.default_rng(1)
    layer = Layer("generator.hidden1", "conv", 2, 3, False, "none")
    x, w, b = integers(random, 2, 6, 6, 2), integers(random, 3, 2, 4, 4), integers(random, 3)
    out = math.ceil(6 / 2)
    before = max((out - 1) * 2 + 4 - 6, 0) // 2
    want = torch.zeros(2, out, out, 3, dtype=torch.float64)
    for n, i, j, o, c, p, q in np.ndindex(2, out, out, 3, 2, 4, 4):
        row, column = 2 * i + p - before, 2 * j + q - before
        if 0 <= row < 6 and 0 <= column < 6:
            want[n, i, j, o] += w[o, c, p, q] * x[n, row, column, c]
    equal(single_layer(layer, w, b).apply(layer, x, True), want + b, "convolution")


def transposed_is_adjoint():
    """<A x, y> = <x, A' y> with one weight tensor: [out, in] of the convolution is [in, out] of the transposed one."""
    random = np.random.default_rng(2)
    conv = Layer("generator.hidden1", "conv", 2, 3, False, "none")
    transposed = Layer("generator.hidden2", "transposed", 3, 2, False, "none")
    w, zero3, zero2 = integers(random, 3, 2, 4, 4), torch.zeros(3).double(), torch.zeros(2).double()
    x, y = integers(random, 2, 8, 8, 2), integers(random, 2, 4, 4, 3)
    forward = single_layer(conv, w, zero3).apply(conv, x, True)
    backward = single_layer(transposed, w, zero2).apply(transposed, y, True)
    check(backward.shape == x.shape, "a transposed convolution doubles the side")
    check(float((forward * y).sum()) == float((x * backward).sum()), "inner products differ")


def linear_feature_order():
    random = np.random.default_rng(3)
    layer = Layer("discriminator.hidden4", "linear", 4 * 4 * 2, 3, False, "none")
    x, w, b = integers(random, 2, 4, 4, 2), integers(random, 3, 32), integers(random, 3)
    want = torch.zeros(2, 3).double()
    for n, o, r, c, k in np.ndindex(2, 3, 4, 4, 2):
        want[n, o] += w[o, (r * 4 + c) * 2 + k] * x[n, r, c, k]
    equal(single_layer(layer, w, b).apply(layer, x, True), want + b, "linear")
    fold = Layer("generator.hidden6", "linear", 3, 32, False, "none", 4)
    x, w, b = integers(random, 2, 3), integers(random, 32, 3), integers(random, 32)
    got = single_layer(fold, w, b).apply(fold, x, True)
    for r, c, k in np.ndindex(4, 4, 2):
        feature = (r * 4 + c) * 2 + k
        equal(got[:, r, c, k], x @ w[feature] + b[feature], "folded linear")


def batch_norm_and_averages():
    layer = Layer("generator.hidden1", "conv", 1, 1, True, "none")
    oracle = Oracle(TINY, initial_state(TINY, 1))
    oracle.state = {"generator.hidden1.bn.weight": torch.tensor([2.0]).double(),
                    "generator.hidden1.bn.bias": torch.tensor([0.5]).double(),
                    "generator.hidden1.bn.running_mean": torch.tensor([1.0]).double(),
                    "generator.hidden1.bn.running_var": torch.tensor([3.0]).double()}
    x = torch.tensor([1.0, 3.0, 5.0, 7.0]).double().reshape(1, 2, 2, 1)  # mean 4, biased variance 5
    want = 2 * (x - 4) / math.sqrt(5 + 1e-5) + 0.5
    equal(oracle.batch_norm(layer, x, True), want, "normalised", 1e-15)
    check_close(float(oracle.state["generator.hidden1.bn.running_mean"]), 0.9 * 1 + 0.1 * 4, 1e-15, "moving mean")
    check_close(float(oracle.state["generator.hidden1.bn.running_var"]), 0.9 * 3 + 0.1 * 5, 1e-15, "moving variance")
    want = 2 * (x - 1.3) / math.sqrt(3.2 + 1e-5) + 0.5
    equal(oracle.batch_norm(layer, x, False), want, "inference", 1e-14)
    check_close(float(oracle.state["generator.hidden1.bn.running_mean"]), 1.3, 1e-15, "inference moved the mean")


def activations():
    oracle, x = Oracle(TINY, initial_state(TINY, 1)), torch.tensor([-2.0, 0.0, 3.0]).double()
    equal(oracle.activate("relu", x), [0, 0, 3], "relu")
    equal(oracle.activate("leaky", x), torch.tensor([-0.4, 0, 3], dtype=torch.float64), "leaky relu", 1e-16)
    equal(oracle.activate("tanh", x), torch.tanh(x), "tanh")
    equal(oracle.activate("none", x), x, "none")


def small_losses():
    check_close(float(cross_entropy(torch.tensor(0.0).double(), 1.0)), math.log(2), 1e-15, "entropy of 0")
    x = torch.tensor([1000.0, -1000.0]).double()
    equal(cross_entropy(x, 1.0), [0, 1000], "entropy of large logits, label 1")
    equal(cross_entropy(x, 0.0), [1000, 0], "entropy of large logits, label 0")
    x = torch.tensor(0.7, dtype=torch.float64)
    sigmoid = 1 / (1 + math.exp(-0.7))
    check_close(float(cross_entropy(x, 1.0)), -math.log(sigmoid), 1e-14, "entropy against 1")
    check_close(float(cross_entropy(x, 0.0)), -math.log(1 - sigmoid), 1e-14, "entropy against 0")
    image = torch.tensor([[0.0, 1.0], [3.0, 7.0]]).double().reshape(1, 2, 2, 1)
    both = torch.cat([image, 2 * image]).repeat(1, 1, 1, 2)  # rows 3 + 6, columns 1 + 4; two channels; mean of 1x, 2x
    check_close(float(total_variation(both)), 14 * 2 * 1.5, 1e-15, "total variation")
    # Scores: real 1, 0 (counts as fake: wrong), fake 0 (right), 2 (wrong).
    check_close(float(accuracy(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 2.0]))), 0.5, 1e-15, "accuracy")
    hidden, fake_image = torch.zeros(2, 2, 2, 1).double(), torch.full((2, 2, 2, 1), -0.5).double()
    scores = torch.zeros(2).double()
    for use_l1, want in ((False, 0.25), (True, 0.5)):
        settings = dataclasses.replace(TINY, use_l1=use_l1, lamb_rec=2.0, lamb_adv=3.0, lamb_tv=5.0)
        figures = Oracle(settings, initial_state(TINY, 1)).losses(hidden, fake_image, scores, scores)
        check_close(float(figures["rec_loss"]), want, 1e-15, "reconstruction")
        check_close(float(figures["gene_loss_ori"]), 2 * want + 3 * math.log(2), 1e-15, "generator's loss")
        check_close(float(figures["disc_loss_ori"]), 3 * math.log(2), 1e-15, "discriminator's loss")


def holes_and_pixels():
    image = torch.arange(2 * 4 * 4).double().reshape(2, 4, 4, 1) + 1
    masked, hidden = cut_holes(image, [(0, 2), (1, 0)], 2)
    equal(hidden[:, :, :, 0], [[[3, 4], [7, 8]], [[21, 22], [25, 26]]], "hidden image")
    check(bool((masked[0, :2, 2:] == 0).all() and (masked[1, 1:3, :2] == 0).all()), "the block is 0")
    check(float(masked.sum() + hidden.sum()) == float(image.sum()), "everything else stays")
    all_bytes = torch.arange(256).to(torch.uint8)
    pixels = pixels_from_bytes(all_bytes)
    check(float(pixels[0]) == -1 and float(pixels[255]) == 1, "range")
    equal(bytes_from_pixels(pixels + 0.5 / 127.5), all_bytes, "bytes of pixels half a step up")
    equal(bytes_from_pixels(torch.tensor([-3.0, 3.0])), [0, 255], "clamped")


def adam_by_hand():
    """Two updates of one weight at learning rate 0.1, worked out in 40 digits outside of this program."""
    name = "generator.hidden1.bias"
    plain = {"m": [0.05, -0.075], "v": [0.001, 0.0049],
             "w": [0.9000000316227666017, 0.9622700076347796507]}
    clipped = {"m": [0.05, -4.975], "v": [0.00001, 0.10000999], "w": [0.9000003162267660200, 0.9937816733295643186]}
    for settings, want, gradients in ((TINY, plain, (0.1, -0.2)),
                                      (dataclasses.replace(TINY, weight_clip=True), clipped, (0.1, -20.0))):
        oracle = Oracle(dataclasses.replace(settings, learning_rate=0.1), initial_state(TINY, 1))
        oracle.state[name] = torch.ones(1).double()
        oracle.m[name], oracle.v[name] = torch.zeros(1).double(), torch.zeros(1).double()
        for t, gradient in enumerate(gradients):
            oracle.adam("generator", {name: torch.tensor([gradient], dtype=torch.float64)})
            check_close(float(oracle.m[name]), want["m"][t], 1e-13, f"m after update {t + 1}")
            check_close(float(oracle.v[name]), want["v"][t], 1e-12, f"v after update {t + 1}")
            check_close(float(oracle.state[name]), want["w"][t], 1e-14, f"weight after update {t + 1}")
    check(oracle.clipped == 1, "one element was clipped")
    check_close(oracle.learning_rate("discriminator"), 0.01, 1e-15, "the clipped discriminator's learning rate")


def a_batch(settings, seed=7):
    image = pictures.make(settings.batch_size, settings.image_size, settings.image_channel, seed)
    offsets = np.random.default_rng(seed).integers(0, settings.hole + 1, (settings.batch_size, 2))
    return pixels_from_bytes(image), offsets


def gradients_by_differences(use_l1):
    """Directional derivatives of the whole objective, all trainable tensors at once."""
    # Large total variation and decay's own share, so that each term is seen.
    settings = dataclasses.replace(TINY, use_l1=use_l1, lamb_adv=0.3, lamb_tv=1e-3)
    image, offsets = a_batch(settings)
    masked, hidden = cut_holes(image, offsets, settings.hole)
    worst = 0.0
    for network, update in (("generator", "update_generator"), ("discriminator", "update_discriminator")):
        oracle, found = Oracle(settings, initial_state(settings, 2)), {}
        oracle.adam = lambda network, gradients: found.update(gradients)
        getattr(oracle, update)(masked, hidden)
        random = torch.Generator().manual_seed(3)
        direction = {n: torch.randn(w.shape, generator=random).double() for n, w in found.items()}

        def objective(step):
            moved = Oracle(settings, {n: w + step * direction[n] if n in direction else w
                                      for n, w in oracle.state.items()})
            with torch.no_grad():
                fake_image = moved.forward("generator", masked)
                real, fake = moved.forward("discriminator", hidden), moved.forward("discriminator", fake_image)
                figures = moved.losses(hidden, fake_image, real, fake)
            own = figures["gene_loss_ori" if network == "generator" else "disc_loss_ori"]
            return float(own + moved.weight_decay(network))
        h = 1e-8  # small against the distance of most inputs to their kink; rounding leaves about 1e-16 / h
        difference = (objective(h) - objective(-h)) / (2 * h)
        exact = sum(float((found[n] * direction[n]).sum()) for n in found)
        worst = max(worst, check_close(exact, difference, 1e-6, network))
    return f"deviation {worst:.0e}"


def decay_is_shared():
    """Without losses the gradient is decay alone: 1e-5 / (number of weight tensors) * w, biases and norms 0."""
    settings = dataclasses.replace(TINY, lamb_rec=0.0, lamb_adv=0.0, lamb_tv=0.0)
    image, offsets = a_batch(settings)
    masked, hidden = cut_holes(image, offsets, settings.hole)
    oracle, found = Oracle(settings, initial_state(settings, 2)), {}
    oracle.adam = lambda network, gradients: found.update(gradients)
    oracle.update_discriminator(masked, hidden)
    oracle.update_generator(masked, hidden)
    check(found.keys() == oracle.m.keys(), "every trainable tensor has a gradient")
    for name, g in found.items():
        is_weight = name.endswith(".weight") and ".bn." not in name
        count = 9 if name.startswith("generator") else 4
        equal(g, 1e-5 / count * oracle.state[name] if is_weight else torch.zeros_like(g), name, 1e-22)


def who_moves_what():
    """The state each update may touch, and a bias in front of a batch norm that never moves."""
    image, offsets = a_batch(TINY)
    masked, hidden = cut_holes(image, offsets, TINY.hole)
    idle_biases = {f"generator.hidden{i}.bias" for i in (1, 2, 3, 4, 5, 7, 8)}  # 6 makes the 4 x 4 map, 9 has no norm
    idle_biases |= {f"discriminator.hidden{i}.bias" for i in (1, 2, 3)}
    for update, mover, moving in (("update_discriminator", "discriminator", NETWORKS),
                                  ("update_generator", "generator", NETWORKS)):
        oracle = Oracle(TINY, initial_state(TINY, 4))
        before = {name: tensor.clone() for name, tensor in oracle.state.items()}
        getattr(oracle, update)(masked, hidden)
        for name, tensor in oracle.state.items():
            network, moved = name.split(".")[0], not torch.equal(tensor, before[name])
            idle_bias = name in idle_biases
            allowed = network in moving if not is_trainable(name) else network == mover and not idle_bias
            check(moved == allowed, f"{update}: {name} {'moved' if moved else 'did not move'}")
        check(oracle.updates == {n: int(n == mover) for n in NETWORKS}, "update counts")
    kept = {name: tensor.clone() for name, tensor in oracle.tensors().items()}
    oracle.evaluate(image, offsets)
    check(all(torch.equal(tensor, kept[name]) for name, tensor in oracle.tensors().items()), "evaluate() left traces")


def averages_of_a_step():
    """Moving means after one step equal those of the passes the description lists, in order."""
    settings = dataclasses.replace(TINY, gene_iter=2, disc_iter=1, learning_rate=0.0)
    image, offsets = a_batch(settings)
    masked, hidden = cut_holes(image, offsets, settings.hole)
    oracle = Oracle(settings, initial_state(settings, 5))
    passes = Oracle(settings, initial_state(settings, 5))
    oracle.step(image, offsets)
    with torch.no_grad():
        for _ in range(3):  # disc_iter + gene_iter, all alike when the weights stand still
            fake_image = passes.forward("generator", masked)
            passes.forward("discriminator", hidden)
            passes.forward("discriminator", fake_image)
    for name in passes.state:
        equal(oracle.state[name], passes.state[name], name, 1e-14)


def initial_values():
    state = initial_state(Settings(image_size=64, base_channels=16, bottleneck=100), 6)
    conv, linear = state["generator.hidden3.weight"], state["generator.hidden5.weight"]
    check(0.039 < float(conv.abs().max()) <= 0.04, "convolution weights are cut at two deviations")
    check_close(float(conv.std()), 0.02 * 0.8796, 0.02, "deviation of the cut normal")
    check_close(float(linear.std()), 0.02, 0.02, "deviation of linear weights")
    check(float(linear.abs().max()) > 0.06, "linear weights are not cut")


def run(report):
    report.case("oracle: network shapes", network_shapes)
    report.case("oracle: convolution is SAME padded", convolution_is_same_padded)
    report.case("oracle: transposed convolution is the adjoint", transposed_is_adjoint)
    report.case("oracle: linear layers and feature order", linear_feature_order)
    report.case("oracle: batch norm and moving averages", batch_norm_and_averages)
    report.case("oracle: activations", activations)
    report.case("oracle: small losses", small_losses)
    report.case("oracle: holes and pixels", holes_and_pixels)
    report.case("oracle: Adam by hand", adam_by_hand)
    report.case("oracle: gradients by differences, L2", gradients_by_differences, False)
    report.case("oracle: gradients by differences, L1", gradients_by_differences, True)
    report.case("oracle: weight decay", decay_is_shared)
    report.case("oracle: who moves what", who_moves_what)
    report.case("oracle: moving averages of a step", averages_of_a_step)
    report.case("oracle: initial values", initial_values)
