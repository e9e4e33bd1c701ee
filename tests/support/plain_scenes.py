"""Drawn scenes in which things come and go although nobody has touched the camera, and paint that is sprayed on it.

A drawing returns the picture of a second, 384x288 BGR, with the noise of a sensor: no two are the same.
"""

from collections.abc import Callable, Iterator
from itertools import count

import cv2
import numpy as np
import numpy.typing as npt

from tests.support.tampered_video import FRAMES_PER_SECOND, SECOND, Pixels, Spoil, clipped

Drawing = Callable[[float], Pixels]
_WIDTH, _HEIGHT = 384, 288
_NOISE = 2.0


def drawn(drawing: Drawing, seconds: float, spoil: Spoil | None = None) -> Iterator[tuple[Pixels, int]]:
    """Return its pictures with their stamps."""
    draw = np.random.default_rng(3)
    for number in range(round(seconds * FRAMES_PER_SECOND)):
        at_s = number / FRAMES_PER_SECOND
        pixels = drawing(at_s)
        if spoil is not None:
            pixels = spoil(pixels, at_s)
        yield clipped(pixels + draw.normal(0, _NOISE, pixels.shape)), number * (SECOND // FRAMES_PER_SECOND)


def bottles(at_s: float, *, of: int = 6, taken_every_s: float = 3.0, width: int = 40) -> Pixels:
    """Bottles before a plain wall; from second 8 on one after the other is taken, until none is left."""
    pixels = _wall()
    left = of - max(int((at_s - 8) / taken_every_s) + 1, 0)
    for number in range(max(left, 0)):
        _bottle(pixels, (2 * number + 1) * _WIDTH // (2 * of), width)
    return pixels


def big_bottles(at_s: float) -> Pixels:
    """The same, close by: they hide half of the wall."""
    return bottles(at_s, of=5, taken_every_s=2.0, width=60)


def one_thing(at_s: float) -> Pixels:
    """A bottle alone, which is exchanged for another one in another place."""
    pixels = _wall()
    _bottle(pixels, 120 if at_s < 10 else 260, 70)
    return pixels


def belt(at_s: float) -> Pixels:
    """Bolts on a belt that begins and ends at the picture's edges. It runs empty after half a minute."""
    pixels = _wall(level=90)
    pixels[:40], pixels[-40:] = 60, 150
    for row in range(3):
        for number in range(40):
            x = int(at_s * 60 - number * 90 + row * 37)
            if number * 1.5 < 30 and -20 <= x < _WIDTH + 20:
                cv2.circle(pixels, (x, 80 + row * 64), 16, (200, 205, 210), -1)
                cv2.rectangle(pixels, (x, 74 + row * 64), (x + 40, 86 + row * 64), (40, 45, 50), -1)
    return pixels


def blinds(at_s: float) -> Pixels:
    """Blinds and things before them, in a camera that sinks by a pixel. Their period is twelve of the rows examined."""
    sinks = int(at_s >= 20)
    rows = (np.arange(_HEIGHT) + 1.2 * sinks) * 240 / _HEIGHT
    pixels = np.full((_HEIGHT, _WIDTH, 3), 105, np.uint8)
    pixels[rows % 12 < 9] = 150
    for left, top, right, bottom, level in ((48, 72, 108, 240, 60), (240, 48, 336, 96, 200), (270, 180, 360, 264, 75)):
        pixels[top - sinks : bottom - sinks, left:right] = level
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 0.6), np.uint8)


def passer_by(at_s: float) -> Pixels:
    """A plain wall with a lamp and a socket, and somebody who walks past, close to the camera, again and again."""
    pixels = _wall()
    _fixtures(pixels)
    x = int((at_s % 12) * 80 - 150)
    cv2.rectangle(pixels, (x, 90), (x + 110, _HEIGHT), (60, 70, 110), -1)
    cv2.rectangle(pixels, (x + 30, 130), (x + 80, 150), (200, 200, 60), -1)
    cv2.circle(pixels, (x + 55, 60), 36, (120, 150, 190), -1)
    return pixels


def sun(at_s: float) -> Pixels:
    """A plain wall on which the sun suddenly falls, over half of it."""
    pixels = _wall(level=110)
    _fixtures(pixels)
    lit = np.zeros((_HEIGHT, _WIDTH, 1), np.uint8)
    if at_s >= 10:
        shift = int(at_s)
        cv2.fillPoly(lit, [np.array([[60 + shift, 0], [340 + shift, 0], [240 + shift, 288], [-40 + shift, 288]])], 1)
    return clipped(pixels * (1 + 0.8 * lit))


def door(at_s: float) -> Pixels:
    """A door with panels opens: behind it there is a dark room."""
    pixels = _wall(level=170)
    _fixtures(pixels)
    if at_s < 10:
        cv2.rectangle(pixels, (150, 40), (250, _HEIGHT), (90, 110, 140), -1)
        for top in (60, 140, 220):
            cv2.rectangle(pixels, (165, top), (235, top + 55), (40, 50, 70), 4)
    else:
        cv2.rectangle(pixels, (150, 40), (250, _HEIGHT), (30, 30, 30), -1)
    return pixels


def van(at_s: float) -> Pixels:
    """A van that stood before a plain yard drives away within 3 s."""
    pixels = _wall(level=120)
    pixels[:60] = 185
    x = 70 + int(max(at_s - 10, 0) ** 2 * 60)
    if x < _WIDTH:
        cv2.rectangle(pixels, (x, 70), (x + 240, 230), (215, 215, 220), -1)
        for left in (20, 90, 160):
            cv2.rectangle(pixels, (x + left, 90), (x + left + 50, 135), (50, 50, 50), -1)
        cv2.rectangle(pixels, (x, 160), (x + 240, 185), (40, 60, 170), -1)
        for left in (50, 190):
            cv2.circle(pixels, (x + left, 230), 26, (30, 30, 30), -1)
    return pixels


def table(at_s: float) -> Pixels:
    """Seen from above: hands lay fruit on a table and take it away."""
    pixels = _wall(level=200)
    cv2.rectangle(pixels, (20, 20), (90, 90), (80, 60, 60), 6)
    lain = [(130, 90), (220, 80), (310, 110), (150, 200), (240, 210)]
    step, within_s = divmod(at_s, 4)
    shown = int(step) % 10
    for number in range(shown if shown <= 5 else 10 - shown):
        cv2.circle(pixels, lain[number], 42, (40, 40 + 30 * number, 190), -1)
        cv2.circle(pixels, lain[number], 20, (20, 90, 220), 4)
    if within_s < 2:
        reach = int(within_s * 150)
        cv2.rectangle(pixels, (170, _HEIGHT - reach), (230, _HEIGHT), (120, 150, 200), -1)
    return pixels


NEGATIVES: tuple[Drawing, ...] = (bottles, big_bottles, one_thing, belt, blinds, passer_by, sun, door, van, table)


def spray(pixels: Pixels, at_s: float, *, within_s: float = 2.0, share: float = 0.85, level: int = 70) -> Pixels:
    """Paint on the glass, `at_s` after the can was first pressed: blobs out of focus grow over `share` of the view."""
    height, width = pixels.shape[:2]
    thickness = _spread(height, width)
    grown = np.quantile(thickness, 1 - share * min(max(at_s / within_s, 0.02), 1))
    opaque = np.clip((thickness - grown) * 12 + 0.5, 0, 1)[:, :, None]
    return clipped(pixels * (1 - opaque) + np.array([level, level - 10, level + 40]) * opaque)


def _spread(height: int, width: int) -> npt.NDArray[np.float64]:
    draw = np.random.default_rng(11)
    down, across = np.arange(height)[:, None] / height, np.arange(width)[None, :] / width
    thickness = np.zeros((height, width))
    for row, column in draw.uniform(0.1, 0.9, (7, 2)):
        thickness += np.exp(-((down - row) ** 2 + (across - column) ** 2) / 0.05)
    return np.asarray(thickness / thickness.max())


def _wall(level: int = 150) -> Pixels:
    """A wall that is a little darker towards one side."""
    shade = np.linspace(level - 8, level + 8, _WIDTH)[None, :, None]
    return clipped(np.broadcast_to(shade, (_HEIGHT, _WIDTH, 3)))


def _bottle(pixels: Pixels, x: int, width: int) -> None:
    bottom = _HEIGHT - 30
    cv2.rectangle(pixels, (x - width // 2, bottom - 3 * width), (x + width // 2, bottom), (40, 80, 50), -1)
    cv2.rectangle(pixels, (x - width // 5, bottom - 4 * width), (x + width // 5, bottom - 3 * width), (40, 80, 50), -1)
    cv2.rectangle(pixels, (x - width // 2, bottom - 2 * width), (x + width // 2, bottom - width), (220, 220, 230), -1)
    for stripe in range(3):
        top = bottom - 2 * width + 8 + stripe * width // 4
        cv2.rectangle(pixels, (x - width // 3, top), (x + width // 3, top + 4), (30, 30, 160), -1)


def _fixtures(pixels: Pixels) -> None:
    """What a plain wall has: a lamp, a socket, a notice and a skirting board."""
    for (x, y), place in zip(((40, 50), (330, 60), (60, 200), (320, 200)), count()):
        cv2.rectangle(pixels, (x - 24, y - 20), (x + 24, y + 20), (60 + 40 * place, 60, 60), -1)
        cv2.rectangle(pixels, (x - 12, y - 8), (x + 12, y + 8), (230, 230, 230), 3)
    cv2.rectangle(pixels, (0, 262), (_WIDTH, 270), (70, 80, 90), -1)
