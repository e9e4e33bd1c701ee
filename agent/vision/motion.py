"""Finds what has moved: compares small grey pictures with a background that follows within a second."""

import math

import numpy as np
import numpy.typing as npt

from agent.vision.median import median

Grey = npt.NDArray[np.uint8]
Cells = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

CELL_PX = 4
"""Side of a cell in pixels of the small picture."""
_FOLLOWS_S = 0.6
_DIFFERENCE = 14.0
"""Of 255 grey levels. A smaller difference is noise..."""
_NOISE_TIMES = 4.0
"""...and so is one of less than this many standard deviations of the noise..."""
_LEAST_DIFFERENCE = 3.0
"""...or than this, where the picture is dark and small differences count."""
_SAMPLE = 5
"""The noise is measured in every so many rows, between pixels..."""
_APART_PX = 4
"""...so far apart; in a quarter of them nothing moves..."""
_QUARTILE = 0.3186 * math.sqrt(2)
"""...so that the lower quartile of the differences, divided by this, is its standard deviation."""
_NOISE_FOLLOWS_S = 5.0
_WHITE = 250
"""From this level on nobody knows how much light there is."""
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

    def update(self, grey: Grey, boottime_ns: int, steepness: Floats | None = None) -> Cells:
        """Take in the frame captured at `boottime_ns` and return which cells of `grey` (h x w) move, rows x columns.

        `steepness` tells for each of the 256 levels by what factor a difference from it would count more if the picture
        were well lit; None for 1.

        An incomplete cell at the edge is left out. When the light of the whole picture changes, the background gets it
        too; after any other sudden change of the whole picture nothing moves, and the picture is the new background.
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
        noise = _NOISE_TIMES * self._measured_noise(change, step_s)
        moving = self._moving(grey, change, noise, steepness)
        if _is_sudden(moving):
            # If only the light has changed, whoever moves shows in the picture as it was, in the new light.
            change = grey - self._in_the_light_of(grey)
            moving = self._moving(grey, change, noise, steepness)
            if _is_sudden(moving):
                self._background = grey.astype(np.float32)
                return np.zeros_like(moving)
        change *= 1 - math.exp(-step_s / _FOLLOWS_S)
        self._background += change
        return moving

    def _moving(self, grey: Grey, change: Floats, noise: float, steepness: Floats | None) -> Cells:
        if steepness is None:
            differs = np.abs(change) > max(_DIFFERENCE, noise)
        else:
            limits = np.maximum(_DIFFERENCE / steepness, max(noise, _LEAST_DIFFERENCE)).astype(np.float32)
            differs = np.abs(change) > limits[grey]
        rows, columns = grey.shape[0] // CELL_PX, grey.shape[1] // CELL_PX
        # Sums over bytes are several times as fast as over the whole array at once.
        counts = differs.view(np.uint8).reshape(rows, CELL_PX, columns, CELL_PX).sum(axis=1, dtype=np.uint8)
        return np.asarray(counts.sum(axis=2, dtype=np.uint8) >= _CELL_COUNT)

    def _in_the_light_of(self, grey: Grey) -> Floats:
        """Return the background, from now on as light as the picture is in most places."""
        assert self._background is not None
        now, before = grey[::_SAMPLE, ::_SAMPLE], np.maximum(self._background[::_SAMPLE, ::_SAMPLE], 1)
        telling = now < _WHITE
        if telling.any():
            self._background *= median(now[telling] / before[telling])
        return np.minimum(self._background, 255, out=self._background)

    def _measured_noise(self, change: Floats, step_s: float) -> float:
        """Return the standard deviation of the noise: what changes in one place and not just beside it is no light."""
        apart = np.abs(change[::_SAMPLE, _APART_PX:] - change[::_SAMPLE, :-_APART_PX]).ravel()
        quarter = apart.size // 4
        noise = float(np.partition(apart, quarter)[quarter]) / _QUARTILE if apart.size else 0.0
        self._noise += (noise - self._noise) * (1 - math.exp(-step_s / _NOISE_FOLLOWS_S))
        return self._noise


def _is_sudden(moving: Cells) -> bool:
    return bool(np.count_nonzero(moving) > _SUDDEN_SHARE * moving.size)
