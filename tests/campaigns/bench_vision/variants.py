"""Worse light, worse lenses and other mounts, made of a good video by a script: one table.

A variant is a function of a picture and the number of its frame, from 1. Its chance is seeded with that number, so that
every run, machine and tree sees the same pictures. The columns are those of IEC 62676-6: what the object does, what the
scenario is, and what stresses the analytics.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from tests.campaigns.bench_vision.ground_truth import Box

Pixels = npt.NDArray[np.uint8]
Size = tuple[int, int]
"""Width, height."""
WALKING, STREET = "walking, groups that cross", "street, camera at 8 m"
_DARK_GAMMA = 3.6
"""Brings the mean of the PETS video to 30 %."""
_NIGHT_LIGHT, _NIGHT_NOISE = 0.25, 16.0
_BLUR = 2.0
_JPEG_QUALITY = 15
_SHAKE_PX = 3.0
_DROPS = 450
_PUMP_FRAMES = 30
_LAMP_FRAMES = 45
_LENS_ANGLE = 1.0
"""Radians from the axis to the picture's corner."""


def _same_box(box: Box, _size: Size) -> Box:
    return box


@dataclass(frozen=True, slots=True)
class Variant:
    """One row: `box(box, size)` maps a box of a picture of that size, which only a change of geometry moves."""

    make: Callable[[Pixels, int], Pixels]
    stress: str
    box: Callable[[Box, Size], Box] = _same_box
    activity: str = WALKING
    scenario: str = STREET
    hardly_able_to_see: bool = False
    """Whether the camera ought to report that it is hardly able to see."""


def _chance(number: int, salt: int) -> np.random.Generator:
    return np.random.default_rng([salt, number])


def _bytes(picture: npt.NDArray[np.generic]) -> Pixels:
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def day(pixels: Pixels, _number: int) -> Pixels:
    """The video as it is."""
    return pixels


def dark(pixels: Pixels, _number: int) -> Pixels:
    """A gamma, as of a camera whose exposure is wrong: 30 % of the mean is left."""
    table = np.round(255 * (np.arange(256) / 255) ** _DARK_GAMMA).astype(np.uint8)
    return np.asarray(cv2.LUT(pixels, table), np.uint8)


def night25(pixels: Pixels, number: int) -> Pixels:
    """A quarter of the light, and a sensor's noise."""
    noise = np.zeros(pixels.shape, np.int16)
    cv2.setRNGSeed(number)  # OpenCV's numbers by chance take a third of the time of numpy's
    cv2.randn(noise, (0, 0, 0), (_NIGHT_NOISE,) * 3)
    return np.asarray(cv2.addWeighted(pixels, _NIGHT_LIGHT, noise, 1, 0, dtype=cv2.CV_8U), np.uint8)


def rain(pixels: Pixels, number: int) -> Pixels:
    """Bright slanting streaks, elsewhere in each frame, behind a thin veil."""
    height, width = pixels.shape[:2]
    chance = _chance(number, 3)
    streaks = np.zeros((height, width), np.uint8)
    places = chance.integers((0, -20), (width, height), (_DROPS, 2))
    lengths = chance.integers(10, 28, _DROPS)
    for (x, y), length in zip(places.tolist(), lengths.tolist(), strict=True):
        cv2.line(streaks, (x, y), (x - length // 5, y + length), 110, 1, cv2.LINE_AA)
    wet = cv2.GaussianBlur(streaks, (3, 3), 0)[:, :, None].astype(np.float32)
    return _bytes(0.8 * pixels.astype(np.float32) + 36 + wet)


def blur(pixels: Pixels, _number: int) -> Pixels:
    """A lens out of focus."""
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), _BLUR), np.uint8)


def compression(pixels: Pixels, _number: int) -> Pixels:
    """As much as a thin line leaves of a picture."""
    good, data = cv2.imencode(".jpg", pixels, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))
    assert good
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def vibration(pixels: Pixels, number: int) -> Pixels:
    """A mast that shakes: a few pixels in any direction, elsewhere in each frame."""
    height, width = pixels.shape[:2]
    x, y = _chance(number, 5).normal(0, _SHAKE_PX, 2).round()
    shift = np.array([[1, 0, x], [0, 1, y]], np.float32)
    return np.asarray(cv2.warpAffine(pixels, shift, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def headlights(pixels: Pixels, number: int) -> Pixels:
    """Dusk, and a car whose lamps sweep through the picture: two discs, their glow, and a glare over everything."""
    height, width = pixels.shape[:2]
    share = (number % _LAMP_FRAMES) / _LAMP_FRAMES
    middle, level = (1.3 * share - 0.15) * width, (0.45 + 0.25 * share) * height
    small = np.zeros((height // 4, width // 4), np.float32)
    for side in (-0.035, 0.035):
        cv2.circle(small, (round((middle + side * width) / 4), round(level / 4)), max(width // 180, 1), 1.0, -1)
    glow = sum(gain * cv2.GaussianBlur(small, (0, 0), sigma) for sigma, gain in ((2, 300.0), (8, 900.0), (40, 3500.0)))
    light = cv2.resize(np.asarray(glow, np.float32), (width, height))
    return _bytes(0.4 * pixels.astype(np.float32) + light[:, :, None])


def pumping(pixels: Pixels, number: int) -> Pixels:
    """An exposure control that swings: between 45 % and 155 % of the light in three seconds."""
    return _bytes(pixels.astype(np.float32) * (1 + 0.55 * np.sin(2 * np.pi * number / _PUMP_FRAMES)))


def infrared(pixels: Pixels, number: int) -> Pixels:
    """Grey, lit by lamps beside the lens: bright where it is near, black where it is far, with some noise."""
    height, width = pixels.shape[:2]
    grey = np.asarray(cv2.createCLAHE(2.0, (8, 8)).apply(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)), np.float32)
    down, across = np.linspace(0, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
    lit = 0.25 + 1.25 * down**1.2 * (1 - 0.4 * across**2)
    noise = np.zeros((height, width), np.float32)
    cv2.setRNGSeed(number)
    cv2.randn(noise, 0, 4.0)
    return np.repeat(_bytes(grey * lit + noise)[:, :, None], 3, axis=2)


def _scaled(factor: float) -> tuple[Callable[[Pixels, int], Pixels], Callable[[Box, Size], Box]]:
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC

    def make(pixels: Pixels, _number: int) -> Pixels:
        return np.asarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=method), np.uint8)

    def box(box: Box, _size: Size) -> Box:
        left, top, width, height = box
        return left * factor, top * factor, width * factor, height * factor

    return make, box


def rotated(pixels: Pixels, _number: int) -> Pixels:
    """A camera that lies on its side."""
    return np.asarray(cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE), np.uint8)


def _rotated_box(box: Box, size: Size) -> Box:
    left, top, width, height = box
    return size[1] - top - height, left, height, width


@cache
def _lens(width: int, height: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """For each pixel of the fisheye picture, where it comes from."""
    corner = float(np.hypot(width, height)) / 2
    across, down = np.meshgrid(np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2)
    radius = np.maximum(np.hypot(across, down), 1e-6)
    grown = np.tan(radius / corner * _LENS_ANGLE) / np.tan(_LENS_ANGLE) * corner / radius
    return (
        (across * grown + (width - 1) / 2).astype(np.float32),
        (down * grown + (height - 1) / 2).astype(np.float32),
    )


def fisheye(pixels: Pixels, _number: int) -> Pixels:
    """An equidistant wide lens with the same corners: large in the middle, bent at the edge."""
    height, width = pixels.shape[:2]
    return np.asarray(cv2.remap(pixels, *_lens(width, height), cv2.INTER_LINEAR), np.uint8)


def _fisheye_box(box: Box, size: Size) -> Box:
    """The upright box about the outline of an ellipse in the old one: its corners hold nothing of a person."""
    left, top, width, height = box
    corner = float(np.hypot(*size)) / 2
    turns = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    x = left + width / 2 * (1 + np.cos(turns)) - (size[0] - 1) / 2
    y = top + height / 2 * (1 + np.sin(turns)) - (size[1] - 1) / 2
    radius = np.maximum(np.hypot(x, y), 1e-6)
    shrunk = np.arctan(radius / corner * np.tan(_LENS_ANGLE)) / _LENS_ANGLE * corner / radius
    x, y = x * shrunk + (size[0] - 1) / 2, y * shrunk + (size[1] - 1) / 2
    return float(x.min()), float(y.min()), float(np.ptp(x)), float(np.ptp(y))


_HALF, _DOUBLE = _scaled(0.5), _scaled(2.0)
VARIANTS: dict[str, Variant] = {
    "day": Variant(day, "none"),
    "dark": Variant(dark, "low light: gamma, 30 % of the mean"),
    "night25": Variant(night25, "low light: 25 %, noise of 16 levels", hardly_able_to_see=True),
    "rain": Variant(rain, "precipitation: 450 streaks a frame, veil"),
    "blur": Variant(blur, "defocus: by 2 px", hardly_able_to_see=True),
    "compression": Variant(compression, "coding: JPEG of quality 15"),
    "vibration": Variant(vibration, "mount: shakes by 3 px a frame"),
    "headlights": Variant(headlights, "glare: two lamps sweep in 4.5 s, 40 % light"),
    "pumping": Variant(pumping, "exposure: swings by 55 % in 3 s"),
    "infrared": Variant(infrared, "illumination: grey, lit from the camera"),
    "half": Variant(_HALF[0], "resolution: half", _HALF[1]),
    "double": Variant(_DOUBLE[0], "resolution: double, enlarged", _DOUBLE[1]),
    "fisheye": Variant(fisheye, "lens: equidistant, 115° corner to corner", _fisheye_box),
    "rotated": Variant(rotated, "mount: turned by 90°", _rotated_box, hardly_able_to_see=True),
}
