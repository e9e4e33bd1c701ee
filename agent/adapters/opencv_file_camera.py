"""A video file played as if it were a camera, at its own pace."""

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2

from agent.adapters.opencv_logging import silence_opencv
from agent.core.errors import CameraEndedError, CameraError, CameraSilentError
from agent.ports import Frame

_FALLBACK_FPS = 25.0


class OpenCvFileCamera:
    """A file behind the Camera port: frame n comes n / fps after `open`, and frames that are late are skipped.

    With `loop` it starts again at its end, for ever; without, `read` then raises CameraEndedError.
    """

    def __init__(self, path: Path, boottime_ns: Callable[[], int], *, loop: bool = False) -> None:
        self._path = path
        self._boottime_ns = boottime_ns
        self._loop = loop
        self._capture: Any = None
        self._closed = threading.Event()
        self._in_use = threading.Lock()
        self._period_ns = 1
        self._number = 0
        self._opened_ns = 0

    def open(self) -> None:
        """Open the file and start its clock. Raises CameraError."""
        silence_opencv()
        self._closed.clear()
        self._rewind()
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self._period_ns = round(1e9 / (fps if 0 < fps < 1000 else _FALLBACK_FPS))
        self._number = 0
        self._opened_ns = self._boottime_ns()

    def read(self, timeout_s: float) -> Frame:
        """Wait until the next frame is due. Raises CameraError, CameraEndedError."""
        with self._in_use:
            if self._capture is None:
                raise CameraError(f"{self._path} is not open")
            return self._read(timeout_s)

    def close(self) -> None:
        """Wake `read`, which then fails, and release the file."""
        self._closed.set()
        with self._in_use:
            capture, self._capture = self._capture, None
            if capture is not None:
                with contextlib.suppress(cv2.error):
                    capture.release()

    def _read(self, timeout_s: float) -> Frame:
        now_ns = self._boottime_ns()
        due = max(self._number + 1, (now_ns - self._opened_ns) // self._period_ns)
        while self._number < due - 1:  # late: these are never decoded to pixels
            self._grab()
        captured_ns = self._opened_ns + due * self._period_ns
        wait_s = (captured_ns - now_ns) / 1e9
        if self._closed.wait(min(max(wait_s, 0.0), timeout_s)):
            raise CameraError(f"{self._path} was closed")
        if wait_s > timeout_s:
            raise CameraSilentError(f"{self._path} has no frame due within {timeout_s:g} s")
        self._grab()
        good, pixels = self._capture.retrieve()
        if not good:
            raise CameraError(f"{self._path} has a frame that can't be decoded: play it to find the damage")
        return Frame(pixels, captured_ns, self._number)

    def _grab(self) -> None:
        if not self._capture.grab():
            if not self._loop:
                raise CameraEndedError(f"{self._path} has ended after {self._number} frames")
            self._rewind()
            if not self._capture.grab():
                raise CameraError(f"{self._path} holds no frame that can be read")
        self._number += 1

    def _rewind(self) -> None:
        """Opening it again is the one way back that every container allows."""
        if self._capture is not None:
            self._capture.release()
        if not self._path.is_file():
            raise CameraError(f"{self._path} is not there: check the path in the camera's source")
        self._capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            self._capture = None
            raise CameraError(f"{self._path} is no video that can be read: play it with another program")
