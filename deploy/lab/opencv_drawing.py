"""Draws on pictures for people to look at."""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from agent.adapters.opencv_imaging import Pixels

Colour = tuple[int, int, int]
"""Blue, green, red."""
Place = tuple[float, float]
"""Pixels from the upper left corner."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_USUAL_HEIGHT_PX = 576
_GROUND: Colour = (24, 24, 24)
_GOLDEN = 0.618034


def colour_of(number: int) -> Colour:
    """Return a strong colour; neighbouring numbers get the most different ones."""
    hue = round(number * _GOLDEN % 1 * 179)
    blue, green, red = cv2.cvtColor(np.array([[[hue, 190, 255]]], np.uint8), cv2.COLOR_HSV2BGR)[0, 0].tolist()
    return blue, green, red


class Drawing:
    """Draws on a BGR picture, in place; lines and letters grow with its size. One thread."""

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = pixels
        self.scale = max(pixels.shape[0] / _USUAL_HEIGHT_PX, 0.4)
        self._letters = max(0.45 * self.scale, 0.3)

    def rectangle(self, corner: Place, size: Place, colour: Colour, thickness: float = 1.0) -> None:
        """Draw an outline."""
        (x, y), (width, height) = corner, size
        first, second = _point(x, y), _point(x + width, y + height)
        cv2.rectangle(self.pixels, first, second, colour, self._thick(thickness), cv2.LINE_AA)

    def area(self, corners: Sequence[Place], colour: Colour, share: float) -> None:
        """Draw a polygon with its outline, filled with `colour` at an opacity of `share` (0 to 1)."""
        outline = np.rint(np.array(corners)).astype(np.int32)
        filled = self.pixels.copy()
        cv2.fillPoly(filled, [outline], colour)
        cv2.addWeighted(filled, share, self.pixels, 1 - share, 0, dst=self.pixels)
        cv2.polylines(self.pixels, [outline], True, colour, self._thick(1), cv2.LINE_AA)

    def arrow(self, start: Place, end: Place, colour: Colour) -> None:
        """Draw an arrow."""
        length = max(float(np.hypot(end[0] - start[0], end[1] - start[1])), 1.0)
        tip = min(14 * self.scale / length, 0.5)
        cv2.arrowedLine(self.pixels, _point(*start), _point(*end), colour, self._thick(2), cv2.LINE_AA, tipLength=tip)

    def path(self, places: Sequence[Place], colour: Colour) -> None:
        """Draw a path that was walked, oldest place first; older parts are fainter."""
        for number, (start, end) in enumerate(pairwise(places), start=1):
            strength = number / len(places)
            faded = tuple(round(part * strength + 90 * (1 - strength)) for part in colour)
            cv2.line(self.pixels, _point(*start), _point(*end), faded, self._thick(1 + strength), cv2.LINE_AA)

    def text(self, text: str, place: Place, colour: Colour, *, ground: Colour = _GROUND) -> None:
        """Draw text on a background, whose lower left corner is at `place` if the picture has room there."""
        (width, height), below = self._extent(text)
        pad = round(3 * self.scale)
        left = int(np.clip(place[0], 0, max(self.pixels.shape[1] - width - 2 * pad, 0)))
        bottom = int(np.clip(place[1], height + below + 2 * pad, self.pixels.shape[0]))
        top = bottom - height - below - 2 * pad
        field = self.pixels[top:bottom, left : left + width + 2 * pad]
        field[:] = np.rint(field * 0.25 + np.array(ground) * 0.75).astype(np.uint8)
        origin = (left + pad, bottom - pad - below)
        cv2.putText(self.pixels, text, origin, _FONT, self._letters, colour, self._thick(1), cv2.LINE_AA)

    @property
    def line_height(self) -> float:
        """Pixels from one line of text to the next."""
        (_, height), below = self._extent("Ag")
        return float(height + below + 7 * self.scale)

    def _extent(self, text: str) -> tuple[tuple[int, int], int]:
        (width, height), below = cv2.getTextSize(text, _FONT, self._letters, self._thick(1))
        return (int(width), int(height)), int(below)

    def _thick(self, thickness: float) -> int:
        return max(int(thickness * self.scale + 0.5), 1)


def resized(pixels: Pixels, width: int, height: int) -> Pixels:
    """Return a copy scaled to this size."""
    if pixels.shape[:2] == (height, width):
        return pixels.copy()
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _point(x: float, y: float) -> tuple[int, int]:
    return round(x), round(y)
