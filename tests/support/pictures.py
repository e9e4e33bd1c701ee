"""Still pictures in grey levels with plenty of edges, and what bad light and bad lenses make of them."""

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


def checks(width: int = 768, height: int = 576, side: int = 48) -> Pixels:
    """Squares of levels from 40 to 200, as sharp as a lens makes them."""
    levels = np.random.default_rng(3).integers(40, 200, (-(-height // side), -(-width // side)), np.uint8)
    return blurred(np.kron(levels, np.ones((side, side), np.uint8))[:height, :width], 0.5)


def blurred(picture: Pixels, sigma_px: float) -> Pixels:
    """Out of focus by so many pixels."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px), np.uint8)


def dimmed(picture: Pixels, share: float, noise: float = 0.0) -> Pixels:
    """With this share of the light, and the noise of a sensor: its standard deviation, in grey levels."""
    chance = np.random.default_rng(4).normal(0, noise, picture.shape) if noise else 0.0
    return np.asarray(np.clip(picture * share + chance, 0, 255), np.uint8)
