"""Follows people from one frame to the next by the picture alone, so that a track stays with them between looks.

A grid of points in the middle of each box is followed by optical flow, forwards and back (the median flow of Kalal,
Mikolajczyk and Matas 2010). Only the small grey picture of the frame before is kept, until the next one (POPIA).
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating[Any]]
Box = tuple[float, float, float, float]
"""Left, top, width, height in pixels of the camera's picture."""
FollowPoints = Callable[[Grey, Grey, Floats], Floats]
"""`follow(before, after, points)` returns where points, N x 2 (x, y), of one grey picture are in the next."""

_GRID = np.array([(x, y) for y in (0.12, 0.24, 0.36, 0.48, 0.6) for x in (0.3, 0.43, 0.57, 0.7)], np.float32)
"""Where in a box its points lie, as shares of its width and height: head and trunk, as legs swing."""
_RETURNS_PX = 0.5
"""A point that is followed back must end this near to where it began."""
_FEWEST = 6
_AGREE = 0.08
"""Half of the points must be nearer to their median than this share of the box's height, or than `_AGREE_PX`."""
_AGREE_PX = 0.5
_LARGE_PX = 60
"""Height of a box in the small picture. The points of a lower one are too near to each other to tell its growth."""
_GROWS = 0.08
"""The most that somebody grows or shrinks from one frame to the next, who walks towards the camera or away."""


class Shift(NamedTuple):
    """How a box has moved from one frame to the next."""

    across: float
    down: float
    """In pixels of the picture: the middle of its lower edge."""
    grown: float
    """Its size, divided by what it was."""


class Flow:
    """Tells how far what is in each box has moved since the frame before. One thread."""

    def __init__(self, follow: FollowPoints) -> None:
        self._follow = follow
        self._before: Grey | None = None

    def forget(self) -> None:
        """Drop the frame before: the next one has nothing to do with it."""
        self._before = None

    def shifts(self, grey: Grey, boxes: Sequence[Box], times: float) -> list[Shift | None]:
        """Return how each box has moved; None where that is not sure.

        `boxes` lie where they were in the frame before; the picture is `times` as large as `grey`.
        """
        before, self._before = self._before, grey
        if before is None or before.shape != grey.shape or not boxes:
            return [None] * len(boxes)
        corners = (np.array(boxes) / times).astype(np.float32)
        grid = corners[:, None, :2] + corners[:, None, 2:] * _GRID
        points = grid.reshape(-1, 2)
        there = self._follow(before, grey, points)
        back = self._follow(grey, before, there)
        good = (np.abs(back - points).max(axis=1) < _RETURNS_PX).reshape(grid.shape[:2]) & ~_hidden(grid, corners)
        ways = there.reshape(grid.shape) - grid
        middles = _medians(ways, good)
        spread = _medians(np.abs(ways - middles[:, None]).max(axis=2, keepdims=True), good)[:, 0]
        sure = (good.sum(axis=1) >= _FEWEST) & (spread <= np.maximum(_AGREE * corners[:, 3], _AGREE_PX))
        grown = np.where(corners[:, 3] >= _LARGE_PX, _grown(grid, ways, good), 1.0)
        # The feet are farther from the middle of the points than the points are, and grow away from it.
        feet = corners[:, 3] - np.where(good, grid[:, :, 1] - corners[:, 1, None], 0).sum(axis=1) / np.maximum(
            good.sum(axis=1), 1
        )
        downs = middles[:, 1] + (grown - 1) * feet
        return [
            Shift(x * times, y * times, by) if known else None
            for x, y, by, known in zip(
                middles[:, 0].tolist(), downs.tolist(), grown.tolist(), sure.tolist(), strict=True
            )
        ]


def _grown(grid: Floats, ways: Floats, good: npt.NDArray[np.bool_]) -> Floats:
    """Return by how much the good points of each box have moved apart: the least squares of their ways."""
    count = np.maximum(good.sum(axis=1), 1)[:, None, None]
    of_good = good[:, :, None]
    apart = np.where(of_good, grid - np.where(of_good, grid, 0).sum(axis=1, keepdims=True) / count, 0)
    there = np.where(of_good, ways, 0)
    grown = 1 + (apart * there).sum(axis=(1, 2)) / np.maximum((apart * apart).sum(axis=(1, 2)), 1e-3)
    return np.asarray(np.clip(grown, 1 - _GROWS, 1 + _GROWS))


def _medians(values: Floats, good: npt.NDArray[np.bool_]) -> Floats:
    """Return the median of each box's good points, boxes x parts; infinity where there are none."""
    ordered = np.sort(np.where(good[:, :, None], values, np.inf), axis=1)
    return np.asarray(ordered[np.arange(len(values)), np.maximum(good.sum(axis=1) - 1, 0) // 2])


def _hidden(grid: Floats, corners: Floats) -> npt.NDArray[np.bool_]:
    """Return which points somebody else's box covers who stands nearer: with feet lower in the picture."""
    low, high = corners[:, :2], corners[:, :2] + corners[:, 2:]
    within = ((grid[:, :, None] >= low) & (grid[:, :, None] <= high)).all(axis=3)
    return np.asarray((within & (high[:, 1] > high[:, 1, None])[:, None]).any(axis=2))
