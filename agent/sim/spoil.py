"""Does to a picture what people and weather do to a camera: for trials, tests and benchmarks.

Each function takes H x W x 3 BGR uint8 and returns a new picture of that shape. It spoils the same picture in the same
way every time.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating[Any]]


def covered(pixels: Pixels) -> Pixels:
    """A cloth right before the lens: dim, with hardly any structure but the sensor's noise."""
    height, width = pixels.shape[:2]
    down, across = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
    cloth = 38 - 10 * (down * down + across * across)
    return _clipped(cloth[:, :, None] * np.array([0.9, 1.0, 1.1]) + _noise(pixels, 3))


def sprayed(pixels: Pixels) -> Pixels:
    """Paint on most of the glass: blots out of focus, the scene between them."""
    paint = _blots(*pixels.shape[:2])[:, :, None]
    return _clipped(pixels * (1 - paint) + np.array([60.0, 50.0, 150.0]) * paint)


def defocused(pixels: Pixels) -> Pixels:
    """Lost focus: each point becomes a disc of about a twenty-fifth of the picture's width."""
    return _clipped(_blurred(pixels.astype(np.float32), max(pixels.shape[1] // 100, 1)))


def blinded(pixels: Pixels) -> Pixels:
    """A strong lamp shining into the lens: white, except for the corners, which are veiled."""
    height, width = pixels.shape[:2]
    down, across = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
    glare = 900 * np.exp(-1.2 * (down * down + across * across))
    return _clipped(pixels * 0.5 + glare[:, :, None])


def turned(pixels: Pixels) -> Pixels:
    """The camera points elsewhere: another part of the scene, mirrored, so that nothing is where it was."""
    return np.ascontiguousarray(np.roll(pixels[:, ::-1], pixels.shape[1] // 3, axis=1))


def dark(pixels: Pixels) -> Pixels:
    """Night: a little of the scene is left in the noise."""
    return _clipped(pixels * 0.03 + _noise(pixels, 1))


SPOILS: Mapping[str, Callable[[Pixels], Pixels]] = {
    "covered": covered,
    "sprayed": sprayed,
    "defocused": defocused,
    "blinded": blinded,
    "turned": turned,
    "dark": dark,
}
"""The functions, by the kind of tamper."""


def _noise(pixels: Pixels, levels: float) -> Floats:
    """Return the sensor's noise, which differs from picture to picture."""
    seed = int(pixels[::7, ::5].sum(dtype=np.int64))
    return np.random.default_rng(seed).normal(0, levels, pixels.shape)


def _clipped(pixels: Floats) -> Pixels:
    return np.clip(pixels, 0, 255).astype(np.uint8)


def _blots(height: int, width: int) -> Floats:
    """Return how opaque the paint is at each point, 0 to 1."""
    draw = np.random.default_rng(7)
    down, across = np.arange(height)[:, None] / height, np.arange(width)[None, :] / width
    thickness = np.zeros((height, width))
    for row, column, size in zip(
        draw.uniform(0, 0.8, 9), draw.uniform(0, 1, 9), draw.uniform(0.12, 0.22, 9), strict=True
    ):
        distance = ((down - row) ** 2 + (across - column) ** 2) / size**2
        thickness += 4 * np.exp(-2 * distance)
    return np.clip(thickness, 0, 1)


def _blurred(pixels: Floats, radius: int) -> Floats:
    """Blur: a mean over a square, three times, which comes close to the disc of a lost focus."""
    size = 2 * radius + 1
    for _ in range(3):
        for across in (False, True):
            margin = [(radius + 1, radius), (0, 0)]
            sums = np.pad(pixels, [*(margin[::-1] if across else margin), (0, 0)], mode="edge")
            np.cumsum(sums, axis=int(across), out=sums)
            pixels = sums[:, size:] - sums[:, :-size] if across else sums[size:] - sums[:-size]
            pixels /= size
    return pixels
