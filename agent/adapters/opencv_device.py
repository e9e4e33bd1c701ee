"""Video devices of this machine, `/dev/videoN`, as OpenCV's V4L2 opens them."""

import time
from typing import Any

import cv2

_ORDINARY_WIDTH = 640
_LONGEST_LAG_NS = 2_000_000_000


class OpenCvDevice:
    """A live source of OpenCvCamera. OpenCV has a limit of its own for a device that gives nothing: 10 s."""

    advice = "check the cable, that no other program uses it, and that this user is in the group `video`"
    longest_wait_s = 10.0

    def __init__(self, path: str, size: tuple[int, int] | None = None, frames_per_second: float | None = None) -> None:
        self._path = path
        self._size = size
        self._frames_per_second = frames_per_second
        self._last_ns = 0

    def open(self) -> Any:
        """A capture, open or not."""
        capture = cv2.VideoCapture(self._path, cv2.CAP_V4L2)
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

    def captured_ns(self, capture: Any, arrival_ns: int) -> int:
        """By the kernel's stamp of the buffer, which is CLOCK_MONOTONIC; the arrival where a driver gives another."""
        suspended_ns = arrival_ns - time.monotonic_ns()
        captured_ns = round(capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6) + suspended_ns
        if not 0 <= arrival_ns - captured_ns <= _LONGEST_LAG_NS:
            captured_ns = arrival_ns
        self._last_ns = max(captured_ns, self._last_ns + 1)
        return self._last_ns

    def in_rows(self, capture: Any, pixels: Any) -> Any:
        """OpenCV 4.11 (opencv/opencv#27166) gives the BGR of a device as one row of bytes."""
        width, height = (int(capture.get(each)) for each in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if pixels.shape[0] == 1 and pixels.size == height * width * 3:
            return pixels.reshape(height, width, 3)
        return pixels
