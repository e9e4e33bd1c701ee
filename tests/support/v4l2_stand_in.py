"""A class with the face of `cv2.VideoCapture` on a V4L2 device, for machines that have none.

Like OpenCV's, it tells the kernel's monotonic stamp of the buffer as its position, has one size and rate, and crashes
(here: fails) when it is released while another thread is in it.
"""

import threading
import time
from typing import Any

import cv2
import numpy as np

DELAY_NS = 4_000_000
"""How long ago a buffer was filled when it is handed out."""
_SILENCE_S = 0.6
"""OpenCV's own limit for a device that gives nothing; the real one is 10 s."""


class StandInDevice:
    """One opening of the device. Class attributes are its state; `make_device` gives a fresh class."""

    size = (64, 48)
    rate = 100.0
    gone = False
    silent = threading.Event()
    picture: Any = None
    """What it gives instead of pictures of its own."""
    cut_off = 0
    """How many of its first pictures can't be decoded."""
    position_ms: float | None = None
    """What it states instead of the kernel's stamp."""
    opened: "list[StandInDevice]"

    def __init__(self, path: str, backend: int) -> None:
        assert backend == cv2.CAP_V4L2
        self.path = path
        self.wanted: dict[int, float] = {}
        self.released = type(self).gone
        self._busy = threading.Lock()
        self._stamp_ns = 0
        self._count = 0
        type(self).opened.append(self)

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return not self.released

    def set(self, property_id: int, value: float) -> bool:
        self.wanted[property_id] = value
        return True

    def get(self, property_id: int) -> float:
        if property_id == cv2.CAP_PROP_FPS:
            return type(self).rate
        if property_id in {cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT}:
            return type(self).size[property_id == cv2.CAP_PROP_FRAME_HEIGHT]
        assert property_id == cv2.CAP_PROP_POS_MSEC
        position_ms = type(self).position_ms
        return self._stamp_ns / 1e6 if position_ms is None else position_ms

    def grab(self) -> bool:
        with self._busy:
            assert not self.released, "used after its release"
            if type(self).silent.wait(1 / 200):
                threading.Event().wait(_SILENCE_S)
                return False
            if type(self).gone:
                return False
            self._stamp_ns = time.monotonic_ns() - DELAY_NS
            self._count += 1
            return True

    def retrieve(self) -> tuple[bool, Any]:
        with self._busy:
            assert not self.released, "used after its release"
            if self._count <= type(self).cut_off:
                return False, None
            picture = type(self).picture
            if picture is not None:
                return True, picture
            return True, np.full((type(self).size[1], type(self).size[0], 3), self._count % 256, np.uint8)

    def release(self) -> None:
        assert self._busy.acquire(blocking=False), "released while another thread is in it"
        self._busy.release()
        self.released = True


def make_device(**state: Any) -> type[StandInDevice]:
    """A device of its own, to stand for `cv2.VideoCapture`."""
    return type("VideoCapture", (StandInDevice,), {"opened": [], "silent": threading.Event(), **state})
