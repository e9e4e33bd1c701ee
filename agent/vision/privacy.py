"""Privacy masks on frames: what lies under a mask is gone before anything can look at it."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from agent.core.camera.masks import LEVEL
from agent.core.polygon import Point
from agent.ports import Frame

Paint = Callable[[npt.NDArray[np.uint8], Sequence[Point], int, int], None]


class PrivacyMask:
    """Covers these polygons, fractions of the picture, in frames of any size. Any thread.

    `paint(pixels, polygon, level, margin)` draws in place and raises CameraError.
    """

    def __init__(self, polygons: Sequence[Sequence[Point]], paint: Paint) -> None:
        self._polygons = tuple(polygons)
        self._paint = paint

    def cover(self, frame: Frame) -> Frame:
        """Return the frame with its masks drawn. When it raises CameraError, the frame must go no further.

        It draws in place unless the frame is read-only: a copy costs more than the drawing.
        """
        if not self._polygons:
            return frame
        # A pixel of the smaller grey picture may hold a share of what its neighbour shows.
        grey = None if frame.grey is None else self._covered(frame.grey, margin=1)
        # A sensor that looks by itself has seen what is covered here.
        return replace(frame, pixels=self._covered(frame.pixels, margin=0), grey=grey, result=None)

    def _covered(self, pixels: npt.NDArray[np.uint8], margin: int) -> npt.NDArray[np.uint8]:
        covered = pixels if pixels.flags.writeable else pixels.copy()
        for polygon in self._polygons:  # one at a time: where two overlap, a common fill would leave a hole
            self._paint(covered, polygon, LEVEL, margin)
        return covered
