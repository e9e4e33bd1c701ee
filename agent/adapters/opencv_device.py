"""Video devices of this machine, `/dev/videoN`, through OpenCV's V4L2."""

import os
import time
from pathlib import Path
from typing import Any

import cv2

from agent.adapters.account import own_name, why_denied

_ORDINARY_WIDTH = 640
_LONGEST_LAG_NS = 2_000_000_000


class OpenCvDevice:
    """A live source for OpenCvCamera. OpenCV itself gives up on a silent device after 10 s."""

    longest_wait_s = 10.0

    def __init__(self, path: str, size: tuple[int, int] | None = None, frames_per_second: float | None = None) -> None:
        self._path = path
        self._size = size
        self._frames_per_second = frames_per_second
        self._last_ns = 0

    @property
    def advice(self) -> str:
        """What keeps this process from the device's node, which OpenCV doesn't say, and what to do about it."""
        try:
            os.close(os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC))
        except FileNotFoundError:
            return "it is not there: check cable and power"
        except PermissionError:
            return "; ".join(why_denied(Path(self._path), own_name()))
        except OSError as error:
            return f"{(error.strerror or str(error)).lower()}: check cable and power, and see `dmesg`"
        return "check cable and power, and that no other program uses it"

    def open(self) -> Any:
        """Return a capture, open or not."""
        capture = cv2.VideoCapture(self._path, cv2.CAP_V4L2)
        if not capture.isOpened():
            return capture
        if self._size is not None:
            if self._size[0] > _ORDINARY_WIDTH:  # USB 2 carries only a few uncompressed ones a second
                capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._size[0])
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._size[1])
        if self._frames_per_second is not None:
            capture.set(cv2.CAP_PROP_FPS, self._frames_per_second)
        return capture

    def captured_ns(self, capture: Any, arrival_ns: int) -> int:
        """Return the capture time, from the kernel's stamp of the buffer (CLOCK_MONOTONIC).

        It is the arrival time if the driver stamps in another way.
        """
        suspended_ns = arrival_ns - time.monotonic_ns()
        captured_ns = round(capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6) + suspended_ns
        if not 0 <= arrival_ns - captured_ns <= _LONGEST_LAG_NS:
            captured_ns = arrival_ns
        self._last_ns = max(captured_ns, self._last_ns + 1)
        return self._last_ns

    def in_rows(self, capture: Any, pixels: Any) -> Any:
        """Put the bytes in rows: OpenCV 4.11 (opencv/opencv#27166) gives a device's BGR as one row of bytes."""
        width, height = (int(capture.get(each)) for each in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if pixels.shape[0] == 1 and pixels.size == height * width * 3:
            return pixels.reshape(height, width, 3)
        return pixels
