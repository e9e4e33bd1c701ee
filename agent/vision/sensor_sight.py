"""Finds the people in frames whose sensor has looked for them itself: once a picture, at all of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agent.core.camera.model_manifest import ModelManifest
from agent.core.errors import ModelError
from agent.ports import Detection, Frame, SensorResult
from agent.vision.life import Life
from agent.vision.person_detector import OutputReader
from agent.vision.repair import Repair
from agent.vision.sight import Seen, person_of
from agent.vision.small_grey import motion_size
from agent.vision.tracker import Tracker

Pixels = npt.NDArray[np.uint8]

_PATIENCE_NS = 10_000_000_000
"""A sensor that gives no usable result for this long sees nobody, which must not pass for an empty street."""
_LONGEST_STEP_NS = 1_000_000_000
"""Between two frames no more than this counts: the camera may have been away."""


class SensorReader:
    """Reads people from the results of a sensor that runs the model of this manifest. One thread."""

    def __init__(self, manifest: ModelManifest, directory: Path, score_threshold: float) -> None:
        """`directory` holds the files that the manifest names."""
        self._manifest = manifest
        self._directory = directory
        self._threshold = score_threshold
        self._reader: OutputReader | None = None
        self._shapes: list[tuple[int, ...]] = []

    def read(self, result: SensorResult, width: int, height: int) -> list[Detection]:
        """Return the people in a picture of this size, best score first.

        Raises ModelError when the outputs don't have the form that the manifest promises.
        """
        shapes = [output.shape for output in result.outputs]
        if self._reader is None or shapes != self._shapes:
            self._reader = OutputReader(self._manifest, shapes, self._directory, self._threshold)
            self._shapes = shapes
        left, top, view_width, view_height = result.view
        [found] = self._reader.read([result.outputs], [(view_width * width, view_height * height)])
        moved = (_cut(box, left * width, top * height, width, height) for box in found)
        return [box for box in moved if box.width > 0 and box.height > 0]


class SensorSight:
    """Tracks the people whom the sensor of one camera finds, in frames that come in order. One thread.

    A frame without a result is one that was not looked at: it takes nobody away.
    """

    def __init__(
        self,
        reader: SensorReader,
        small_grey: Callable[[Pixels, int, int], Pixels],
        looked: Callable[[], object],
        *,
        score_threshold: float,
        smallest_person: float = 0.0,
    ) -> None:
        """`reader` must return every box from `FLOOR` on. `looked` is called for each result."""
        self._reader = reader
        self._small_grey = small_grey
        self._looked = looked
        self._tracker = Tracker(score_threshold)
        self._smallest = smallest_person
        self._life = Life(small_grey)
        self._clarity = Repair(None)
        self._size = (0, 0)
        self._last_ns: int | None = None
        self._silent_ns = 0

    def process(self, frame: Frame) -> Seen:
        """Process the next frame. Raises ModelError, also when there has been no usable result for too long."""
        height, width = frame.pixels.shape[:2]
        if self._size != (width, height):
            self._size = (width, height)
            self._tracker.forget()
        grey = self._small_grey(frame.pixels if frame.grey is None else frame.grey, *motion_size(width, height))
        self._clarity.see(grey, frame.pixels, frame.boottime_ns)
        self._tracker.expect(frame.boottime_ns)
        found = self._found(frame, width, height)
        self._tracker.update(found or [], lambda _: found is not None, width, height)
        self._life.process(frame.pixels, self._tracker.tracks, frame.boottime_ns)
        return Seen(
            tuple(person_of(track, width, height) for track in self._tracker.tracks if track.real),
            tuple(found or ()),
            () if found is None else ((0, 0, width, height),),
            self._clarity.clarity,
        )

    def _found(self, frame: Frame, width: int, height: int) -> list[Detection] | None:
        """Return who was found; None if the frame has no usable result."""
        step_ns = 0 if self._last_ns is None else min(frame.boottime_ns - self._last_ns, _LONGEST_STEP_NS)
        self._last_ns = frame.boottime_ns
        trouble = "it gives no result that can be read"
        if frame.result is not None:
            try:
                found = self._reader.read(frame.result, width, height)
            except ModelError as error:  # one of a network that is on its way out may still come
                trouble = str(error)
            else:
                self._looked()
                self._silent_ns = 0
                return [box for box in found if box.height >= self._smallest * height]
        self._silent_ns += step_ns
        if self._silent_ns > _PATIENCE_NS:
            raise ModelError(f"the camera's sensor has given no result for {self._silent_ns / 1e9:.0f} s ({trouble})")
        return None


def _cut(box: Detection, left: float, top: float, width: int, height: int) -> Detection:
    """Return the box moved by `left` and `top`, and cut at the edges of a picture of this size."""
    right, bottom = min(box.left + box.width + left, width), min(box.top + box.height + top, height)
    left, top = max(box.left + left, 0), max(box.top + top, 0)
    return replace(box, left=left, top=top, width=right - left, height=bottom - top)
