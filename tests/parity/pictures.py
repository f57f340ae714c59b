"""Pictures made from a seed: waves, a disc and grain, so that no two and no two channels are alike."""
import numpy as np


def make(count, size, channels, seed):
    """uint8 [count, size, size, channels]."""
    random = np.random.default_rng(seed)
    row, column = np.mgrid[0:size, 0:size]
    result = np.empty((count, size, size, channels), np.uint8)
    for picture in result:
        for channel in range(channels):
            a, b, phase = random.uniform(-0.3, 0.3, 3)
            wave = 128 + 80 * np.sin(a * row + b * column + 20 * phase) + random.normal(0, 10, (size, size))
            picture[..., channel] = wave.clip(0, 255)
        y, x, radius = random.uniform(0, size, 3)
        picture[(row - y) ** 2 + (column - x) ** 2 < (radius / 3) ** 2] = random.integers(0, 256, channels)
    return result


def without_middle_greys(pictures):
    """Bytes 0..63 and 192..255 only, |pixel| > 0.5: far from a young generator's output, where |difference| has
    its kink."""
    return np.where(pictures < 128, pictures // 2, 128 + pictures // 2).astype(np.uint8)
