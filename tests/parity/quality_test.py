"""PSNR and SSIM against scikit-image, of pictures and of holes of any form; the harmonic fill against a sparse direct
solution."""
import numpy as np
import skimage.data
import skimage.metrics

import laplace
import pictures
from programs import Scratch
from report import check, check_close


def photographs(size, channels):
    """Squares out of the photographs that come with scikit-image, where the distribution ships them."""
    names = ("camera", "brick", "coins") if channels == 1 else ("astronaut", "coffee", "chelsea")
    found = []
    for name in names:
        try:
            picture = getattr(skimage.data, name)()
        except Exception:  # not packaged, and fetching it is not a test's business
            continue
        picture = picture.reshape(*picture.shape[:2], channels)
        for row, column in ((0, 0), (80, 60), (150, 90)):
            found.append(picture[row:row + size, column:column + size])
    return np.array(found, np.uint8).reshape(-1, size, size, channels)


def distorted(truth, seed):
    """One copy per kind of damage: grain of several strengths, a shift of one pixel, a flat colour, inverted."""
    random = np.random.default_rng(seed)
    grain = [(truth + random.normal(0, sigma, truth.shape)).clip(0, 255).astype(np.uint8) for sigma in (1, 5, 40)]
    flat = np.full_like(truth, 0) + truth.mean(axis=(1, 2), keepdims=True).astype(np.uint8)
    one_off = truth.copy()
    one_off[:, 0, 0, 0] ^= 1
    return [*grain, np.roll(truth, 1, axis=2), flat, 255 - truth, one_off]


def reference_figures(truth, fake):
    difference = truth.astype(np.int64) - fake
    return (np.abs(difference).sum(), (difference**2).sum(),
            skimage.metrics.peak_signal_noise_ratio(truth, fake, data_range=255),
            skimage.metrics.structural_similarity(truth, fake, data_range=255, channel_axis=-1))


def quality_agrees(programs, truth):
    worst = 0.0
    for fake in distorted(truth, 11):
        n, size, _, channels = truth.shape
        with Scratch() as scratch:
            out = programs.run("parity_probe", "quality", n, size, channels, scratch.put("a", truth),
                               scratch.put("b", fake))
        lines = out.splitlines()
        check(len(lines) == n, f"{len(lines)} lines for {n} pictures")
        for line, a, b in zip(lines, truth, fake):
            for word, want, what in zip(line.split(), reference_figures(a, b), ("L1", "L2", "PSNR", "SSIM")):
                if what == "SSIM":  # a figure that may be 0: held absolutely
                    check(abs(float(word) - want) <= 1e-6, f"SSIM: got {word}, want {want}")
                    worst = max(worst, abs(float(word) - want))
                else:
                    worst = max(worst, check_close(float(word), float(want), 1e-6, what))
    return f"{n} pictures, 7 kinds of damage, largest deviation {worst:.0e}"


def holes(n, size, seed):
    """Masks of several forms: a square, strokes, specks, a frame that no window has in its centre, one corner."""
    random = np.random.default_rng(seed)
    masks = np.zeros((n, size, size), np.uint8)
    for i, mask in enumerate(masks):
        if i % 5 == 0:
            row, column = random.integers(0, size - size // 2 + 1, 2)
            mask[row:row + size // 2, column:column + size // 2] = 1
        elif i % 5 == 1:
            for _ in range(3):
                row, column, reach = random.integers(0, size), random.integers(0, size), int(random.integers(1, size))
                mask[row:row + 2, :reach] = 1
                mask[:reach, column:column + 2] = 1
        elif i % 5 == 2:
            mask[random.random((size, size)) < 0.05] = 1
            mask[size // 2, size // 2] = 1
        elif i % 5 == 3:
            mask[:3] = mask[:, -2:] = 1
        else:
            mask[-1, 0] = 1
    return masks


def masked_ssim(truth, fake, mask):
    """scikit-image's map averaged over the missing pixels that are the centre of a window inside the picture."""
    _, ssim_map = skimage.metrics.structural_similarity(truth, fake, data_range=255, channel_axis=-1, full=True)
    inside = ssim_map[3:-3, 3:-3]
    centres = mask[3:-3, 3:-3] != 0
    if not centres.any():  # windows that contain a missing pixel
        windows = np.lib.stride_tricks.sliding_window_view(mask, (7, 7))
        centres = windows.any(axis=(2, 3))
    return inside[centres].mean()


def masked_figures(truth, fake, mask):
    difference = (truth.astype(np.int64) - fake)[mask != 0]
    wide = truth.astype(np.int64)
    down, right = np.diff(wide, axis=0)**2, np.diff(wide, axis=1)**2
    energy = down[mask[:-1] != 0].sum() + right[mask[:, :-1] != 0].sum()
    psnr = 10 * np.log10(255**2 / (difference**2).mean()) if difference.any() else None
    return np.abs(difference).sum(), (difference**2).sum(), psnr, masked_ssim(truth, fake, mask), energy


def masked_quality_agrees(programs, truth):
    n, size, _, channels = truth.shape
    worst, compared = 0.0, 0
    for seed, fake in enumerate(distorted(truth, 11)):
        masks = np.roll(holes(n, size, 15 + seed), seed, axis=0)
        with Scratch() as scratch:
            out = programs.run("parity_probe", "quality", n, size, channels, scratch.put("a", truth),
                               scratch.put("b", fake), scratch.put("mask", masks))
        lines = out.splitlines()
        check(len(lines) == n, f"{len(lines)} lines for {n} pictures")
        for line, a, b, mask in zip(lines, truth, fake, masks):
            names = ("L1", "L2", "PSNR", "SSIM", "gradient energy")
            for word, want, what in zip(line.split(), masked_figures(a, b, mask), names, strict=True):
                compared += 1
                if want is None:
                    check(word == "-", f"{what} of a perfect hole: {word}")
                elif what == "SSIM":  # a figure that may be 0: held absolutely
                    check(abs(float(word) - want) <= 1e-6, f"SSIM: got {word}, want {want}")
                    worst = max(worst, abs(float(word) - want))
                elif want == 0:
                    check(float(word) == 0, f"{what}: got {word}, want 0")
                else:
                    worst = max(worst, check_close(float(word), float(want), 1e-6, what))
    return f"{n} pictures with holes of five forms, {compared} figures, largest deviation {worst:.0e}"


def photographs_agree(programs, size, channels):
    truth = photographs(size, channels)
    if len(truth) == 0:  # Ubuntu's scikit-image may come without
        truth = pictures.make(4, size, channels, 13)
        return "no photographs at hand, drawn pictures instead: " + quality_agrees(programs, truth)
    return quality_agrees(programs, truth)


def perfect_pictures(programs):
    truth = pictures.make(2, 16, 3, 12)
    with Scratch() as scratch:
        out = programs.run("parity_probe", "quality", 2, 16, 3, scratch.put("a", truth), scratch.put("b", truth))
    check(out == "0 0 - 1\n" * 2, f"identical pictures: {out!r}")


def harmonic_agrees(programs, size, channels):
    masks = np.concatenate([holes(10, size, 17), np.zeros((4, size, size), np.uint8)])
    hole = size // 2
    for mask, (row, column) in zip(masks[10:], ((0, 0), (size - hole, size - hole), (0, 3), (5, 0))):
        mask[row:row + hole, column:column + hole] = 1
    truth = pictures.make(len(masks), size, channels, 14) / 127.5 - 1
    given = truth.copy()
    given[masks != 0] = np.nan  # what stands in the hole must not be read
    with Scratch() as scratch:
        programs.run("parity_probe", "harmonic", len(masks), size, channels, scratch.put("mask", masks),
                     scratch.put("pictures", given), scratch.path / "out")
        filled = scratch.get("out", np.float64, given.shape)
    worst = 0.0
    for picture, mask, fill in zip(truth, masks, filled):
        worst = max(worst, float(np.abs(fill - laplace.fill(picture, mask)).max()))
    check(worst <= 2e-9, f"largest deviation {worst:.1e}")
    return f"{len(masks)} holes, largest deviation {worst:.0e}"


def run(report, programs):
    random = np.random.default_rng(10)
    for channels in (1, 3):
        noise = random.integers(0, 256, (5, 64, 64, channels), np.uint8)
        report.case(f"quality: random pictures, {channels} channels", quality_agrees, programs, noise)
        report.case(f"quality: smallest size, {channels} channels", quality_agrees, programs, noise[:, :7, :7])
        report.case(f"quality of holes: random pictures, {channels} channels", masked_quality_agrees, programs, noise)
        drawn = pictures.make(5, 64, channels, 16)
        report.case(f"quality of holes: drawn pictures, {channels} channels", masked_quality_agrees, programs, drawn)
        report.case(f"quality: photographs, {channels} channels", photographs_agree, programs, 128, channels)
    report.case("quality: perfect pictures", perfect_pictures, programs)
    for size, channels in ((16, 1), (64, 3), (128, 1)):
        report.case(f"harmonic fill: size {size}, {channels} channels", harmonic_agrees, programs, size, channels)
