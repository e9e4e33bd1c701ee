"""The small grey picture of a frame, which is made once and serves all who look at the whole of it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from agent.ports import Frame
from agent.vision.motion import CELL_PX

Pixels = npt.NDArray[np.uint8]

MOTION_WIDTH_PX = 192
_TIMES = 2
"""Twice the size that motion works on: halving is the cheapest step, and tamper needs the finer edges."""


def motion_size(width: int, height: int) -> tuple[int, int]:
    """Return width and height of the picture that motion works on, of a frame of this size: whole cells."""
    return MOTION_WIDTH_PX, max(round(MOTION_WIDTH_PX / CELL_PX * height / width), 1) * CELL_PX


def with_grey(frame: Frame, small: Callable[[Pixels, int, int], Pixels]) -> Frame:
    """Return the frame with its `grey`; `small(picture, width, height)` makes one unless the source already has."""
    if frame.grey is not None:
        return frame
    columns, rows = motion_size(frame.pixels.shape[1], frame.pixels.shape[0])
    return replace(frame, grey=small(frame.pixels, _TIMES * columns, _TIMES * rows))
