"""How believable fills are: Frechet and perceptual distances of `inpaint_eval`'s fills, beside OpenCV's. Run by hand:

    tests/parity/run.sh --list          # once: makes .venv/parity
    .venv/parity/bin/pip install "opencv-python-headless<4.11" # later ones want a numpy that SciPy may not take
    .venv/parity/bin/python tests/parity/fill_quality.py PICTURES CHECKPOINT [--size 64] [--work FOLDER]

PICTURES is a data set or a folder, CHECKPOINT a whole-picture model, or `none`. P1: squares of half the side; P2: strokes
over 10 to 40 % of the picture. Prints for every fill its gain over the harmonic fill, SSIM of the hole, sharpness, the two
distances (EfficientNet-Lite0, docs/metrics.md) and their ratios to the harmonic fill's. The distances of OpenCV's fills are
PyTorch's (features_test.py).

`grid` says whether fills show a grid of 2 or 4 pixels: by how much the power spectrum of the square holes rises at the
grid's frequencies above those around, as a share of the power that the true pictures have there; the largest of all. True pictures
have 0.7 themselves (reduced JPEG files); stripes of two grey levels make it 2.6. Powers are geometric means over pictures:
texture that repeats in one of them says nothing.
"""
import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

import features_test
from main import BUILD

PROTOCOLS = {"P1": "square", "P2": "strokes"}


def load(folder):
    return features_test.saved(folder)


def add_opencv_fills(fills):
    """Telea's and Navier-Stokes' fills beside the others; their names."""
    try:
        import cv2
    except ImportError:
        print("no OpenCV: its fills are left out")
        return []
    methods = {"telea": cv2.INPAINT_TELEA, "navier_stokes": cv2.INPAINT_NS}
    for name, method in methods.items():
        (fills / name).mkdir()
        for path in (fills / "truth").iterdir():
            mask = cv2.imread(str(fills / "masks" / path.name), 0)
            picture = cv2.imread(str(path))
            picture[mask > 0] = 0
            cv2.imwrite(str(fills / name / path.name), cv2.inpaint(picture, mask, 3, method))
    return list(methods)


def features(network, folder):
    """(pooled, unit vectors of the compared layers), a few pictures at a time: all maps at once take gigabytes."""
    pooled, vectors, batch = [], [], load(folder)
    for begin in range(0, len(batch), 10):
        means, maps = network(batch[begin:begin + 10])
        pooled.append(means)
        vectors.append([v.astype(np.float32) for v in features_test.unit_vectors(maps)])
    return np.concatenate(pooled), [np.concatenate(parts) for parts in zip(*vectors)]


def opencv_figures(fills, names):
    """{method: (gain, ssim, sharpness, frechet, perceptual)} of fills that inpaint_eval does not know."""
    if not names:
        return {}
    from evaluation_test import hole_figures
    network = features_test.Lite0()
    truth, masks = load(fills / "truth"), load(fills / "masks")[..., 0]
    true_features, result = features(network, fills / "truth"), {}
    figures = lambda name: [hole_figures(*each) for each in zip(truth, load(fills / name), masks)]  # noqa: E731
    harmonic = figures("harmonic")
    for name in names:
        found, (pooled, vectors) = figures(name), features(network, fills / name)
        mean = {key: np.mean([each[key] for each in found]) for key in found[0]}
        distance = sum(((x - y) ** 2).sum(2).mean(1) for x, y in zip(true_features[1], vectors)).mean()
        result[name] = (np.mean([a["psnr"] - b["psnr"] for a, b in zip(found, harmonic)]), mean["ssim"],
                        mean["energy"] / mean["true_energy"], features_test.frechet(true_features[0], pooled), distance)
    return result


def spectrum(pictures, masks):
    """Geometric mean of the power of the square holes, under a window, by frequency."""
    total = 0
    for picture, mask in zip(pictures.astype(np.float64), masks):
        rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
        hole = picture[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
        window = np.hanning(len(hole) + 2)[1:-1]
        hole = (hole - hole.mean((0, 1))) * (window[:, None] * window)[..., None]
        total = total + np.log((np.abs(np.fft.fft2(hole, axes=(0, 1))) ** 2).sum(2) + 1)
    return np.exp(total / len(pictures))


def grid_peak(power, true_power):
    """The largest peak at a frequency of a grid of 2 or 4 pixels."""
    size, peaks = len(power), []
    places = {size // 2, size // 4, size - size // 4, 0}
    for row in places:
        for column in places - ({0} if row == 0 else set()):
            around = [power[(row + i) % size, (column + j) % size] for i in range(-4, 5) for j in range(-4, 5)
                      if max(abs(i), abs(j)) >= 3]
            peaks.append((power[row, column] - np.median(around)) / true_power[row, column])
    return max(peaks)


def own_figures(scores):
    return {name: (entry["gain_over_harmonic_db"]["value"] or 0, entry["hole"]["ssim"]["value"], entry["sharpness"]["value"],
                   entry["frechet_distance"]["value"], entry["perceptual_distance"]["value"])
            for name, entry in scores["methods"].items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures")
    parser.add_argument("checkpoint")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--programs", type=Path, default=BUILD)
    parser.add_argument("--work", type=Path, default=Path("fill_quality"), help="a new folder (%(default)s)")
    options = parser.parse_args()
    options.work.mkdir(parents=True)
    network = options.work / "lite0.safetensors"
    sys.argv = ["", str(network)]
    features_test.converter.main()
    for protocol, holes in PROTOCOLS.items():
        fills, out = options.work / f"{protocol}_fills", options.work / f"{protocol}_scores"
        command = [options.programs / "inpaint_eval", "--data", options.pictures, f"--image_size={options.size}",
                   "--image_channel=3", f"--holes={holes}", "--patches", "--features", network, "--out", out,
                   "--save_fills", fills, "--device=cpu"]
        if options.checkpoint != "none":
            command += ["--checkpoint", options.checkpoint]
        subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL)
        figures = own_figures(json.loads((out / "scores.json").read_text()))
        figures.update(opencv_figures(fills, add_opencv_fills(fills)))
        _, _, _, frechet, perceptual = figures["harmonic"]
        masks = load(fills / "masks")[..., 0]
        true_power = spectrum(load(fills / "truth"), masks) if protocol == "P1" else None
        print(f"\n| {protocol} ({holes}) | gain dB | SSIM | sharpness | Frechet | ratio | perceptual | ratio | grid |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
        for name, (gain, ssim, sharpness, its_frechet, its_perceptual) in figures.items():
            grid = ""
            if protocol == "P1":
                grid = f"{grid_peak(spectrum(load(fills / name), masks), true_power):.3f}"
            print(f"| {name} | {gain:+.2f} | {ssim:.3f} | {sharpness:.2f} | {its_frechet:.1f} | {its_frechet / frechet:.3f} "
                  f"| {its_perceptual:.3f} | {its_perceptual / perceptual:.3f} | {grid} |", flush=True)
        shutil.rmtree(fills)


if __name__ == "__main__":
    main()
