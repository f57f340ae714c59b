"""`inpaint_train --mode validate` against the oracle in inference mode, PSNR and SSIM of scikit-image, and the grids;
`inpaint_eval` on holes of any form against the figures' definitions."""
import json
import math
import re

import numpy as np
import skimage.metrics
from PIL import Image

import laplace
import pictures
import safetensors_file
from oracle import Oracle, bytes_from_pixels, cut_holes, pixels_from_bytes
from programs import Scratch
from quality_test import masked_figures
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


def seam_steps(picture, mask):
    """(mean step across the hole's border, mean step beside it); a step goes from a pixel to its right or lower one."""
    across, beside = [], []
    for values, missing in ((picture, mask), (picture.swapaxes(0, 1), mask.T)):
        steps = np.abs(np.diff(values.astype(np.int64), axis=1))
        border = missing[:, :-1] != missing[:, 1:]
        across.append(steps[border])
        # On either side of a border: the next step, where it stays on its side.
        beside.append(steps[:, :-1][border[:, 1:] & ~border[:, :-1]])
        beside.append(steps[:, 1:][border[:, :-1] & ~border[:, 1:]])
    return np.concatenate(across).mean(), np.concatenate(beside).mean()


def hole_figures(truth, painted, mask):
    """What the evaluation says of one picture."""
    _, squared, psnr, ssim, _ = masked_figures(truth, painted, mask)
    energy, true_energy = (masked_figures(picture, picture, mask)[4] for picture in (painted, truth))
    values = np.count_nonzero(mask) * truth.shape[2]
    across, beside = seam_steps(painted, mask)
    return {"l2": squared / values / 255**2 * 100, "psnr": psnr, "ssim": ssim, "energy": energy / values,
            "true_energy": true_energy / values, "across": across, "beside": beside}


def harmonic_bytes(truth, mask):
    filled = laplace.fill(np.where(mask[..., None], np.nan, truth / 127.5 - 1), mask)
    return np.where(mask[..., None] != 0, (filled * 127.5 + 127.5).clip(0, 255).astype(np.uint8), truth)


def summary(found, baseline):
    """The figures over a set of pictures, under their names in scores.json."""
    mean = {name: np.mean([figures[name] for figures in found]) for name in found[0]}
    expected = {("hole", "l2_percent"): mean["l2"], ("hole", "psnr_db"): mean["psnr"], ("hole", "ssim"): mean["ssim"],
                ("seam",): mean["across"] / mean["beside"], ("sharpness",): mean["energy"] / mean["true_energy"]}
    if baseline is not None:
        pairs = list(zip(found, baseline))
        expected["gain_over_harmonic_db",] = np.mean([a["psnr"] - b["psnr"] for a, b in pairs])
        expected["better_than_harmonic_percent",] = 100 * np.mean([a["l2"] < b["l2"] for a, b in pairs])
        expected["ssim_gain_over_harmonic",] = np.mean([a["ssim"] - b["ssim"] for a, b in pairs])
    return expected


def check_summary(entry, expected, tolerance, what):
    for path, want in expected.items():
        got = entry
        for name in path:
            got = got[name]
        check(abs(got["value"] - want) <= tolerance * max(1, abs(want)), f"{what} {path}: got {got['value']}, want {want}")


def evaluation_agrees(programs, form, channels):
    """The fills grey and harmonic: whole set and bins of areas; the holes are those that the program saved."""
    size, count = 32, 12
    truth = pictures.make(count, size, channels, 61)
    with Scratch() as scratch:
        data = scratch.put("set.bin", truth)
        flags = ("--data", data, f"--image_size={size}", f"--image_channel={channels}", "--batch_size=5")
        programs.run("inpaint_eval", *flags, f"--holes={form}", "--min_hole=0.03", "--max_hole=0.6",
                     "--save_holes", scratch.path / "holes", "--out", scratch.path / "scores")
        masks = safetensors_file.read(scratch.path / "holes")[0]["mask"]
        scores = json.loads((scratch.path / "scores" / "scores.json").read_text())
    check(masks.shape == (count, size, size), f"masks of {masks.shape}")
    grey = np.where(masks[..., None] != 0, np.uint8(127), truth)
    harmonic = [harmonic_bytes(picture, mask) for picture, mask in zip(truth, masks)]
    found = {name: [hole_figures(*each) for each in zip(truth, painted, masks)]
             for name, painted in (("grey", grey), ("harmonic", harmonic))}
    bins = {}
    for i, mask in enumerate(masks):
        lower = min(int(np.count_nonzero(mask) * 10 / mask.size), 4)
        bins.setdefault(f"{10 * lower}-{(10 * lower + 10) if lower < 4 else 100}", []).append(i)
    for name, baseline, tolerance in (("harmonic", None, 1e-3), ("grey", found["harmonic"], 1e-3)):
        entry = scores["methods"][name]
        check_summary(entry, summary(found[name], baseline), tolerance, name)
        check(set(entry["by_area"]) == set(bins), f"bins {sorted(entry['by_area'])}, want {sorted(bins)}")
        for title, members in bins.items():
            part = summary([found[name][i] for i in members], baseline and [baseline[i] for i in members])
            check_summary(entry["by_area"][title], part, tolerance, f"{name}, {title} %")
            check(entry["by_area"][title]["hole"]["ssim"]["pictures"] == len(members), f"pictures of {title} %")
    return ", ".join(f"{title} %: {len(members)}" for title, members in sorted(bins.items()))


def run(report, programs):
    report.case("validate: grey, L2", validation_agrees, programs, 1, False)
    report.case("validate: RGB, L1", validation_agrees, programs, 3, True)
    for form, channels in (("square", 1), ("box", 3), ("strokes", 3), ("blobs", 1), ("mixed", 3)):
        report.case(f"evaluate: holes of the form {form}, {channels} channels", evaluation_agrees, programs, form, channels)
