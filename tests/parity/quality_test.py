"""PSNR and SSIM against scikit-image, the harmonic fill against a sparse direct solution."""
import numpy as np
import scipy.sparse
import scipy.sparse.linalg
import skimage.data
import skimage.metrics

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


def solve_laplace(picture, row, column, hole):
    """The hole of one channel: every pixel the mean of its neighbours inside the picture."""
    size = picture.shape[0]
    index = {(r, c): i for i, (r, c) in enumerate(np.ndindex(hole, hole))}
    matrix, right = scipy.sparse.lil_matrix((hole**2, hole**2)), np.zeros(hole**2)
    for (r, c), i in index.items():
        for dr, dc in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            at = (row + r + dr, column + c + dc)
            if not (0 <= at[0] < size and 0 <= at[1] < size):
                continue
            matrix[i, i] += 1
            if (r + dr, c + dc) in index:
                matrix[i, index[r + dr, c + dc]] -= 1
            else:
                right[i] += picture[at]
    return scipy.sparse.linalg.spsolve(matrix.tocsc(), right).reshape(hole, hole)


def harmonic_agrees(programs, size, channels):
    hole = size // 2
    last = size - hole
    offsets = np.array([(hole // 2, hole // 2), (0, 0), (last, last), (0, last), (last, 0), (1, last - 1), (0, 3),
                        (5, 0)], np.int32)
    truth = pictures.make(len(offsets), size, channels, 14) / 127.5 - 1
    masked = truth.copy()
    for picture, (row, column) in zip(masked, offsets):
        picture[row:row + hole, column:column + hole] = np.nan  # what stands in the hole must not be read
    with Scratch() as scratch:
        programs.run("parity_probe", "harmonic", len(offsets), size, channels, hole, scratch.put("masked", masked),
                     scratch.put("offsets", offsets), scratch.path / "out")
        filled = scratch.get("out", np.float64, (len(offsets), hole, hole, channels))
    worst = 0.0
    for picture, fill, (row, column) in zip(masked, filled, offsets):
        for channel in range(channels):
            want = solve_laplace(picture[..., channel], row, column, hole)
            worst = max(worst, float(np.abs(fill[..., channel] - want).max()))
    check(worst <= 1e-5, f"largest deviation {worst:.1e}")
    return f"{len(offsets)} holes, largest deviation {worst:.0e}"


def run(report, programs):
    random = np.random.default_rng(10)
    for channels in (1, 3):
        noise = random.integers(0, 256, (5, 64, 64, channels), np.uint8)
        report.case(f"quality: random pictures, {channels} channels", quality_agrees, programs, noise)
        report.case(f"quality: smallest size, {channels} channels", quality_agrees, programs, noise[:, :7, :7])
        report.case(f"quality: photographs, {channels} channels", photographs_agree, programs, 128, channels)
    report.case("quality: perfect pictures", perfect_pictures, programs)
    for size, channels in ((16, 1), (64, 3), (128, 1)):
        report.case(f"harmonic fill: size {size}, {channels} channels", harmonic_agrees, programs, size, channels)
