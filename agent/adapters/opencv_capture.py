"""What every use of OpenCV's `VideoCapture` needs: the rate that a source states, and a safe release."""

import contextlib
import math
import threading
from collections.abc import Iterator
from typing import Any

import cv2

from agent.core.errors import CameraError

_HIGHEST_RATE = 1000
"""A larger figure is the stream's time base and not a rate."""


def stated_rate(capture: Any) -> float | None:
    """Return the frames per second that an open capture states; None when it states none, or nonsense."""
    rate = float(capture.get(cv2.CAP_PROP_FPS))
    return rate if math.isfinite(rate) and 0 < rate < _HIGHEST_RATE else None


class SharedCapture:
    """An open capture that one thread reads and another may close.

    Releasing it while a thread reads crashes the process, and waiting for that thread may take forever: so the last
    thread to use it releases it.
    """

    def __init__(self, capture: Any, name: str) -> None:
        self._capture = capture
        self._name = name
        self._lock = threading.Lock()
        self._closed = False

    @contextlib.contextmanager
    def in_use(self) -> Iterator[Any]:
        """Yield the capture for as long as the block lasts. The reading thread. Raises CameraError."""
        try:
            with self._lock:
                if self._closed:
                    raise CameraError(f"{self._name} was closed")
                yield self._capture
        finally:
            if self._closed:
                self._release_if_free()

    def close(self) -> None:
        """Release the capture, or leave that to the thread that is using it. Never waits; may be called twice."""
        self._closed = True
        self._release_if_free()

    def _release_if_free(self) -> None:
        if self._lock.acquire(blocking=False):
            try:
                with contextlib.suppress(cv2.error):
                    self._capture.release()
            finally:
                self._lock.release()
