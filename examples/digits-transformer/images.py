"""From a picture to what the model was trained on: 64 numbers from 0 (paper) to 16 (ink)."""

import numpy as np


def features(picture):
    """`picture`: rows of grey values, 0 black to 255 white; square, its side a multiple of 8."""
    pixels = np.asarray(picture, dtype=float)
    side = len(pixels)
    if pixels.shape != (side, side) or side % 8:
        raise ValueError(f"a picture is a square of rows with a side of 8, 16, 24 …, not {pixels.shape}")
    blocks = pixels.reshape(8, side // 8, 8, side // 8).mean(axis=(1, 3))
    return np.round((255 - blocks) / 255 * 16, 3).ravel().tolist()
