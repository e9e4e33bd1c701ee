"""A video file played as if it were a camera, at its own pace."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2

from agent.adapters.opencv_capture import SharedCapture, stated_rate
from agent.adapters.opencv_imaging import bgr
from agent.adapters.opencv_logging import silence_opencv
from agent.core.errors import CameraEndedError, CameraError, CameraSilentError
from agent.ports import Frame

_FALLBACK_FPS = 25.0


class OpenCvFileCamera:
    """A file behind the Camera port: frame n comes n / fps after `open`, and late frames are skipped.

    With `loop` it starts again at its end, forever; without, `read` then raises CameraEndedError. A file that was cut
    off plays up to the cut.
    """

    def __init__(self, path: Path, boottime_ns: Callable[[], int], *, loop: bool = False) -> None:
        self._path = path
        self._boottime_ns = boottime_ns
        self._loop = loop
        self._capture: SharedCapture | None = None
        self._closed = threading.Event()
        self._frames_per_second: float | None = None
        self._period_ns = 1
        self._number = 0
        self._opened_ns = 0

    @property
    def frames_per_second(self) -> float | None:
        """The rate that the file states; None when it states none, or nonsense: it is played at 25. Any thread."""
        return self._frames_per_second

    def open(self) -> None:
        """Open the file and start its clock. Raises CameraError."""
        silence_opencv()
        self._closed.clear()
        capture = self._opened()
        with capture.in_use() as raw:
            self._frames_per_second = stated_rate(raw)
        self._period_ns = round(1e9 / (self._frames_per_second or _FALLBACK_FPS))
        self._number = 0
        self._opened_ns = self._boottime_ns()

    def read(self, timeout_s: float) -> Frame:
        """Wait until the next frame is due. Raises CameraError, CameraSilentError, CameraEndedError."""
        if self._capture is None:
            raise CameraError(f"{self._path} is not open")
        now_ns = self._boottime_ns()
        due = max(self._number + 1, (now_ns - self._opened_ns) // self._period_ns)
        while self._number < due - 1:  # late ones are never decoded to pixels
            self._next(decode=False)
        captured_ns = self._opened_ns + due * self._period_ns
        wait_s = (captured_ns - now_ns) / 1e9
        if self._closed.wait(min(max(wait_s, 0.0), timeout_s)):
            raise CameraError(f"{self._path} was closed")
        if wait_s > timeout_s:
            raise CameraSilentError(f"{self._path} has no frame due within {timeout_s:g} s")
        return Frame(bgr(self._next(decode=True), str(self._path)), captured_ns, self._number)

    def close(self) -> None:
        """Wake `read`, which then fails, and release the file, or leave that to the `open` or `read` under way."""
        self._closed.set()
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.close()

    def _next(self, *, decode: bool) -> Any:
        """Return the next picture, or None without `decode`; with `loop`, the last one is followed by the first."""
        pixels, found = self._grabbed(decode)
        if not found:
            if not self._loop:
                raise CameraEndedError(f"{self._path} has ended after {self._number} frames")
            if self._capture is not None:
                self._capture.close()
            self._opened()  # reopening is the only way back that every container allows
            pixels, found = self._grabbed(decode)
            if not found:
                raise CameraError(f"{self._path} has no readable frame")
        self._number += 1
        return pixels

    def _grabbed(self, decode: bool) -> tuple[Any, bool]:
        capture = self._capture
        if capture is None:
            raise CameraError(f"{self._path} was closed")
        try:
            with capture.in_use() as raw:
                if not raw.grab():
                    return None, False
                return raw.retrieve()[1] if decode else None, True
        except cv2.error as error:
            raise CameraError(f"{self._path} can't be decoded (OpenCV error {error.code})") from error

    def _opened(self) -> SharedCapture:
        if not self._path.is_file():
            raise CameraError(f"{self._path} is not there: check the path in the camera's source")
        raw = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        if not raw.isOpened():
            raise CameraError(f"{self._path} is not a readable video: try it in another program")
        self._capture = capture = SharedCapture(raw, str(self._path))
        if self._closed.is_set():
            self.close()
        return capture
