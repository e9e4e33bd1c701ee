"""Finds what has moved: compares small grey pictures with a background that follows within a second."""

import math

import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]
Cells = npt.NDArray[np.bool_]

CELL_PX = 4
"""Side of a cell in pixels of the small picture."""
_FOLLOWS_S = 0.6
_DIFFERENCE = 14.0
"""Of 255 grey levels. A smaller difference is noise..."""
_NOISE_TIMES = 5.0
"""...and so is one of less than this many standard deviations of the noise..."""
_LEAST_DIFFERENCE = 3.0
"""...or than this, where the picture is dark and small differences count."""
_SAMPLE = 5
"""The noise is measured on every so many pixels across and down; in a quarter of them nothing moves..."""
_QUARTILE = 0.3186
"""...so that the lower quartile of the differences, divided by this, is its standard deviation."""
_NOISE_FOLLOWS_S = 5.0
_CELL_COUNT = 3
"""This many pixels of a cell must differ."""
_SUDDEN_SHARE = 0.6
"""If a larger share of cells moves at once, the light has changed or the camera was turned: nobody moves like that."""


class Motion:
    """Tells which cells of the picture move. One thread."""

    def __init__(self) -> None:
        self._background: npt.NDArray[np.float32] | None = None
        self._last_ns = 0
        self._noise = 0.0

    def update(self, grey: Grey, boottime_ns: int, steepness: npt.NDArray[np.float32] | None = None) -> Cells:
        """Take in the frame captured at `boottime_ns` and return which cells of `grey` (h x w) move, rows x columns.

        `steepness` tells for each of the 256 levels by what factor a difference from it would count more if the picture
        were well lit; None for 1.

        An incomplete cell at the edge is left out. After a sudden change of the whole picture nothing moves, and the
        picture is the new background.
        """
        rows, columns = grey.shape[0] // CELL_PX, grey.shape[1] // CELL_PX
        grey = grey[: rows * CELL_PX, : columns * CELL_PX]
        if self._background is None or self._background.shape != grey.shape:
            self._background = grey.astype(np.float32)
            self._last_ns = boottime_ns
            return np.zeros((rows, columns), bool)
        step_s = max(boottime_ns - self._last_ns, 0) / 1e9
        self._last_ns = boottime_ns
        change = grey - self._background
        size = np.abs(change)
        noise = _NOISE_TIMES * self._measured_noise(size, step_s)
        if steepness is None:
            differs = size > max(_DIFFERENCE, noise)
        else:
            differs = size > np.maximum(_DIFFERENCE / steepness, max(noise, _LEAST_DIFFERENCE)).astype(np.float32)[grey]
        # Sums over bytes are several times as fast as over the whole array at once.
        counts = differs.view(np.uint8).reshape(rows, CELL_PX, columns, CELL_PX).sum(axis=1, dtype=np.uint8)
        moving: Cells = counts.sum(axis=2, dtype=np.uint8) >= _CELL_COUNT
        if np.count_nonzero(moving) > _SUDDEN_SHARE * moving.size:
            self._background = grey.astype(np.float32)
            return np.zeros_like(moving)
        change *= 1 - math.exp(-step_s / _FOLLOWS_S)
        self._background += change
        return moving

    def _measured_noise(self, size: npt.NDArray[np.float32], step_s: float) -> float:
        sample = size[::_SAMPLE, ::_SAMPLE].ravel()
        quarter = sample.size // 4
        noise = float(np.partition(sample, quarter)[quarter]) / _QUARTILE
        self._noise += (noise - self._noise) * (1 - math.exp(-step_s / _NOISE_FOLLOWS_S))
        return self._noise
