"""Follows people from one frame to the next by the picture alone, so that a track stays with them between looks.

A grid of points in the middle of each box is followed by optical flow, forwards and back (the median flow of Kalal,
Mikolajczyk and Matas 2010). Only the small grey picture of the frame before is kept, until the next one (POPIA).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating[Any]]
Box = tuple[float, float, float, float]
"""Left, top, width, height in pixels of the camera's picture."""
FollowPoints = Callable[[Grey, Grey, Floats], Floats]
"""`follow(before, after, points)` returns where points, N x 2 (x, y), of one grey picture are in the next."""

_ACROSS, _DOWN = (0.3, 0.43, 0.57, 0.7), (0.12, 0.24, 0.36, 0.48, 0.6)
"""Shares of a box at which its points lie: head and trunk, as legs swing."""
_RETURNS_PX = 0.5
"""A point that is followed back must end this near to where it began."""
_FEWEST = 6
_AGREE = 0.08
"""Half of the points must be nearer to their median than this share of the box's height, or than `_AGREE_PX`."""
_AGREE_PX = 0.5


class Flow:
    """Tells how far what is in each box has moved since the frame before. One thread."""

    def __init__(self, follow: FollowPoints) -> None:
        self._follow = follow
        self._before: Grey | None = None

    def forget(self) -> None:
        """Drop the frame before: the next one has nothing to do with it."""
        self._before = None

    def shifts(self, grey: Grey, boxes: Sequence[Box], times: float) -> list[tuple[float, float] | None]:
        """Return how far each box has moved, across and down in pixels of the picture; None where that is not sure.

        `boxes` lie where they were in the frame before; the picture is `times` as large as `grey`.
        """
        before, self._before = self._before, grey
        if before is None or before.shape != grey.shape or not boxes:
            return [None] * len(boxes)
        corners = (np.array(boxes) / times).astype(np.float32)
        across = corners[:, 0, None] + corners[:, 2, None] * np.array(_ACROSS, np.float32)
        down = corners[:, 1, None] + corners[:, 3, None] * np.array(_DOWN, np.float32)
        points = np.stack(np.broadcast_arrays(across[:, None, :], down[:, :, None]), axis=-1).reshape(-1, 2)
        there = self._follow(before, grey, points)
        back = self._follow(grey, before, there)
        good = np.abs(back - points).max(axis=1) < _RETURNS_PX
        count = len(_ACROSS) * len(_DOWN)
        good &= ~_hidden(points, np.repeat(np.arange(len(corners)), count), corners)
        moved = (there - points).reshape(-1, count, 2)
        return [
            _agreed(way[sure], float(height), times)
            for way, sure, height in zip(moved, good.reshape(-1, count), corners[:, 3], strict=True)
        ]


def _hidden(points: Floats, owners: npt.NDArray[np.intp], corners: Floats) -> npt.NDArray[np.bool_]:
    """Return which points somebody else's box covers who stands nearer: with feet lower in the picture."""
    low, feet = corners[:, :2], corners[:, :2] + corners[:, 2:]
    within = ((points[:, None] >= low) & (points[:, None] <= feet)).all(axis=2)
    return np.asarray((within & (feet[None, :, 1] > feet[owners, 1, None])).any(axis=1))


def _agreed(ways: Floats, height: float, times: float) -> tuple[float, float] | None:
    if len(ways) < _FEWEST:
        return None
    middle = np.median(ways, axis=0)
    if np.median(np.abs(ways - middle).max(axis=1)) > max(_AGREE * height, _AGREE_PX):
        return None
    return float(middle[0]) * times, float(middle[1]) * times
