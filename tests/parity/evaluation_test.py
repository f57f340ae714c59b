"""`inpaint_train --mode validate` against the oracle in inference mode, PSNR and SSIM of scikit-image, and the grids."""
import math
import re

import numpy as np
import skimage.metrics
from PIL import Image

import pictures
from oracle import Oracle, bytes_from_pixels, cut_holes, pixels_from_bytes
from programs import Scratch
from report import check, check_close
from trainer import Trainer, settings_of, start_of

FLAGS = {"image_size": 64, "base_channels": 8, "bottleneck": 32, "batch_size": 7, "block": "center", "seed": 5,
         "precision": "fp64", "learning_rate": 0.002}
STEPS, BATCHES = 12, 2  # enough for moving averages and weights that differ from the initial ones
PRINTED = 1e-8          # the lines have 8 digits behind the point


def grid(images):
    """Row by row, floor(sqrt(N)) wide, cells left over black."""
    n, size, _, channels = images.shape
    columns = math.isqrt(n)
    rows = -(-n // columns)
    cells = np.zeros((rows * columns, size, size, channels), np.uint8)
    cells[:n] = images
    return cells.reshape(rows, columns, size, size, channels).swapaxes(1, 2).reshape(rows * size, columns * size, channels)


def picture(path):
    array = np.asarray(Image.open(path))
    return array.reshape(*array.shape[:2], -1)


def figures_in(line):
    return {name: float(value) for name, value in re.findall(r"(\w+):\s*([-\d.e+]+)", line)}


def expected(oracle, batch, offsets):
    """(printed figures, images, inpainted images, masked images) of one batch."""
    image = pixels_from_bytes(batch)
    losses, fake_image, hidden = oracle.evaluate(image, offsets)
    masked, _ = cut_holes(image, offsets, oracle.settings.hole)
    inpainted = masked.clone()
    for i, (row, column) in enumerate(offsets):
        inpainted[i, row:row + oracle.settings.hole, column:column + oracle.settings.hole] = fake_image[i]
    pairs = list(zip(bytes_from_pixels(hidden).numpy(), bytes_from_pixels(fake_image).numpy()))
    psnr = [skimage.metrics.peak_signal_noise_ratio(a, b, data_range=255) for a, b in pairs]
    ssim = [skimage.metrics.structural_similarity(a, b, data_range=255, channel_axis=-1) for a, b in pairs]
    figures = {"rec_loss": losses["rec_loss"], "gene_loss": losses["adv_gene_loss"], "disc_loss": losses["adv_disc_loss"],
               "disc_acc": losses["disc_acc"], "psnr": np.mean(psnr), "ssim": np.mean(ssim)}
    grids = [grid(bytes_from_pixels(pixels).numpy()) for pixels in (image, inpainted, masked)]
    return {name: float(value) for name, value in figures.items()}, grids


def check_figures(line, want, what):
    got = figures_in(line)
    for name, value in want.items():
        check(name in got, f"{what}: no {name} in {line!r}")
        check_close(got[name], value, 1e-6 + PRINTED / max(abs(value), PRINTED), f"{what}: {name}")


def validation_agrees(programs, channels, use_l1):
    flags = {**FLAGS, "image_channel": channels, "use_l1": use_l1}
    settings = settings_of(flags)
    made = pictures.make((BATCHES + 1) * settings.batch_size, settings.image_size, channels, 51)
    held_out = made[settings.batch_size:]
    offsets = [(settings.hole // 2, settings.hole // 2)] * settings.batch_size
    with Scratch() as scratch:
        trainer = Trainer(programs, scratch, flags, made[:settings.batch_size])
        trained = trainer.run("run", STEPS)
        held_out.tofile(scratch.path / "data" / f"parity{settings.image_size}_validate.bin")
        kept = trained.checkpoint.read_bytes()
        flags_file = scratch.path / "run" / "run.cfg"
        out = programs.run("inpaint_train", "--flags-file", flags_file, "--mode", "validate")
        lines = [line for line in out.splitlines() if "rec_loss" in line]
        check(len(lines) == BATCHES + 1, f"{len(lines)} lines with losses for {BATCHES} batches:\n{out}")
        oracle = Oracle(settings, start_of(settings, trained).state)
        every = []
        for number in range(BATCHES):
            batch = held_out[number * settings.batch_size:(number + 1) * settings.batch_size]
            want, grids = expected(oracle, batch, offsets)
            check_figures(lines[number], want, f"batch {number}")
            every.append(want)
            for kind, wanted in enumerate(grids):
                path = trainer.place("run", "samples") / "validate" / f"{number}_{kind}.png"
                check(np.array_equal(picture(path), wanted), f"{path.name} is not the picture expected")
        means = {name: float(np.mean([figures[name] for figures in every])) for name in every[0]}
        check_figures(lines[-1], means, "means")
        check(trained.checkpoint.read_bytes() == kept, "validation changed the checkpoint")
    return ", ".join(f"{name} {value:.4f}" for name, value in means.items())


def run(report, programs):
    report.case("validate: grey, L2", validation_agrees, programs, 1, False)
    report.case("validate: RGB, L1", validation_agrees, programs, 3, True)
