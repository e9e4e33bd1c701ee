"""How high people are in each part of the picture, learned from those who were found."""

import numpy as np

from agent.vision.median import median

_ROWS, _COLUMNS = 6, 8
_RATE = 0.1
"""How far one find moves the height of its part of the picture."""


class SizeMap:
    """Heights in pixels, on a coarse grid. One thread."""

    def __init__(self, width: int, height: int) -> None:
        """`width` and `height` are those of the picture, in pixels."""
        self._width, self._height = width, height
        self._heights = np.full((_ROWS, _COLUMNS), np.nan)
        self._usual: float | None = None

    def learn(self, x: float, y: float, person_px: float) -> None:
        """Learn that a person of this height was found around this point, in pixels."""
        cell = self._cell(x, y)
        known = self._heights[cell]
        self._heights[cell] = person_px if np.isnan(known) else known + _RATE * (person_px - known)
        self._usual = None

    def expected_px(self, x: float, y: float) -> float | None:
        """Return how high a person around this point would be, in pixels; None if nobody was found anywhere yet.

        Where nobody was found so far, it is the median of the other parts.
        """
        known = self._heights[self._cell(x, y)]
        if not np.isnan(known):
            return float(known)
        if self._usual is None and not np.isnan(self._heights).all():
            self._usual = float(median(self._heights[~np.isnan(self._heights)]))
        return self._usual

    def _cell(self, x: float, y: float) -> tuple[int, int]:
        row = min(max(int(y / self._height * _ROWS), 0), _ROWS - 1)
        return row, min(max(int(x / self._width * _COLUMNS), 0), _COLUMNS - 1)
