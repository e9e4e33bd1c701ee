"""What every use of OpenCV's `VideoCapture` needs: the rate that a source states, and a release that is safe."""

import contextlib
import math
import threading
from collections.abc import Iterator
from typing import Any

import cv2

from agent.core.errors import CameraError

_HIGHEST_RATE = 1000
"""What is stated above is the time base of the stream and no rate."""


def stated_rate(capture: Any) -> float | None:
    """The frames a second that an open capture states; None when it states none, or nonsense."""
    rate = float(capture.get(cv2.CAP_PROP_FPS))
    return rate if math.isfinite(rate) and 0 < rate < _HIGHEST_RATE else None


class SharedCapture:
    """An open capture that one thread reads and another may close.

    Releasing it under a thread that reads crashes the process, and waiting for that thread may take for ever: so the
    last to use it releases it.
    """

    def __init__(self, capture: Any, name: str) -> None:
        self._capture = capture
        self._name = name
        self._lock = threading.Lock()
        self._closed = False

    @contextlib.contextmanager
    def in_use(self) -> Iterator[Any]:
        """The capture, for as long as the block lasts. The thread that reads. Raises CameraError."""
        try:
            with self._lock:
                if self._closed:
                    raise CameraError(f"{self._name} was closed")
                yield self._capture
        finally:
            if self._closed:
                self._release_if_free()

    def close(self) -> None:
        """Release the capture, or leave that to the thread that has it in use. Never waits; may be called twice."""
        self._closed = True
        self._release_if_free()

    def _release_if_free(self) -> None:
        if self._lock.acquire(blocking=False):
            try:
                with contextlib.suppress(cv2.error):
                    self._capture.release()
            finally:
                self._lock.release()
