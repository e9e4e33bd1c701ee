"""Live cameras that OpenCV reads: `/dev/videoN` and RTSP streams."""

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

import cv2

from agent.adapters.opencv_logging import silence_opencv
from agent.core.errors import CameraError, CameraSilentError
from agent.ports import Frame

OPEN_TIMEOUT_MS = 8000
READ_TIMEOUT_MS = 8000
"""FFmpeg's limits are set when a stream is opened. V4L2 has its own, 10 s, in OpenCV."""
_ORDINARY_WIDTH = 640


class OpenCvCamera:
    """A live camera behind the Camera port.

    `name` is what an error text may show; `target` may hold a password and never leaves this object.
    A driver that ignores OpenCV's limits can still hold `read` for longer: the capture loop allows for it.
    """

    def __init__(
        self,
        name: str,
        target: str,
        boottime_ns: Callable[[], int],
        size: tuple[int, int] | None = None,
        frames_per_second: float | None = None,
    ) -> None:
        self._name = name
        self._target = target
        self._boottime_ns = boottime_ns
        self._size = size
        self._frames_per_second = frames_per_second
        self._capture: Any = None
        self._in_use = threading.Lock()  # releasing a capture while another thread reads it crashes
        self._number = 0

    def open(self) -> None:
        """Connect. Raises CameraError."""
        silence_opencv()
        try:
            capture = self._open_stream() if "://" in self._target else self._open_device()
        except cv2.error as error:
            # The library's text may quote the address, so it is not passed on.
            raise CameraError(f"{self._name} can't be opened (OpenCV error {error.code})") from None
        if not capture.isOpened():
            capture.release()
            raise CameraError(f"{self._name} can't be opened: {self._what_to_do()}")
        self._capture = capture
        self._number = 0

    def read(self, timeout_s: float) -> Frame:
        """The next frame that the driver hands out. Raises CameraError, CameraSilentError."""
        with self._in_use:
            capture = self._capture
            if capture is None:
                raise CameraError(f"{self._name} is not open")
            try:
                return self._read(capture, timeout_s)
            finally:
                if self._capture is not capture:
                    _release(capture)

    def close(self) -> None:
        """Release the source, or leave that to the `read` under way."""
        capture, self._capture = self._capture, None
        if capture is not None and self._in_use.acquire(blocking=False):
            try:
                _release(capture)
            finally:
                self._in_use.release()

    def _read(self, capture: Any, timeout_s: float) -> Frame:
        began = time.monotonic()
        grabbed = capture.grab()
        captured_ns = self._boottime_ns()
        good, pixels = capture.retrieve() if grabbed else (False, None)
        if not good or pixels is None:
            waited_s = time.monotonic() - began
            if waited_s >= min(timeout_s, READ_TIMEOUT_MS / 1000) * 0.9:
                raise CameraSilentError(f"{self._name} gave no picture for {waited_s:.0f} s")
            raise CameraError(f"{self._name} has stopped: {self._what_to_do()}")
        self._number += 1
        return Frame(pixels, captured_ns, self._number)

    def _open_stream(self) -> Any:
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS]
        limits += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS]
        # Naming the one backend keeps OpenCV from trying others, which print the address they were given.
        return cv2.VideoCapture(self._target, cv2.CAP_FFMPEG, limits)

    def _open_device(self) -> Any:
        capture = cv2.VideoCapture(self._target, cv2.CAP_V4L2)
        if not capture.isOpened():
            return capture
        if self._size is not None:
            if self._size[0] > _ORDINARY_WIDTH:  # uncompressed, USB 2 carries only a few of those a second
                capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._size[0])
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._size[1])
        if self._frames_per_second is not None:
            capture.set(cv2.CAP_PROP_FPS, self._frames_per_second)
        return capture

    def _what_to_do(self) -> str:
        if "://" in self._target:
            return "check the camera's power and network, and the address, user name and password in its source"
        return "check the cable, that no other program uses it, and that this user is in the group `video`"


def _release(capture: Any) -> None:
    with contextlib.suppress(cv2.error):
        capture.release()
