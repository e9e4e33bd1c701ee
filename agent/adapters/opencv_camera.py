"""Live cameras that OpenCV reads: a video device or a network stream behind the Camera port."""

import time
from collections.abc import Callable
from typing import Any, Protocol

import cv2

from agent.adapters.opencv_capture import SharedCapture, stated_rate
from agent.adapters.opencv_imaging import bgr
from agent.adapters.opencv_logging import silence_opencv
from agent.core.errors import CameraError, CameraSilentError
from agent.ports import Frame

_BAD_IN_A_ROW = 10
"""A USB camera's first pictures are often cut off; after this many bad ones the camera is opened again."""


class LiveSource(Protocol):
    """What differs between a device and a stream. One thread."""

    @property
    def advice(self) -> str:
        """What a person should check when the source can't be opened."""
        ...

    @property
    def longest_wait_s(self) -> float:
        """The limit after which OpenCV itself gives up waiting for a frame."""
        ...

    def open(self) -> Any:
        """Return a capture, open or not. May raise cv2.error."""
        ...

    def captured_ns(self, capture: Any, arrival_ns: int) -> int:
        """Return when the frame grabbed at `arrival_ns` was captured: no later than that, and after the last one."""
        ...

    def in_rows(self, capture: Any, pixels: Any) -> Any:
        """Return what was retrieved as height x width, or height x width x channels."""
        ...


class OpenCvCamera:
    """A live camera behind the Camera port. `name` is what error texts call it.

    A driver that ignores OpenCV's limits can hold up `read` for longer: the capture loop allows for that.
    """

    def __init__(self, name: str, source: LiveSource, boottime_ns: Callable[[], int]) -> None:
        self._name = name
        self._source = source
        self._boottime_ns = boottime_ns
        self._capture: SharedCapture | None = None
        self._closings = 0
        self._number = 0
        self._frames_per_second: float | None = None

    @property
    def frames_per_second(self) -> float | None:
        """The rate that the source states while it is open; None when it states none, or nonsense. Any thread."""
        return self._frames_per_second

    def open(self) -> None:
        """Connect. Raises CameraError."""
        silence_opencv()
        closings = self._closings
        try:
            raw = self._source.open()
            if not raw.isOpened():
                raise CameraError(f"{self._name} can't be opened: {self._source.advice}")
            self._frames_per_second = stated_rate(raw)
        except cv2.error as error:
            # The library's text may quote the address, so it is not passed on.
            raise CameraError(f"{self._name} can't be opened (OpenCV error {error.code})") from None
        self._number = 0
        self._capture = capture = SharedCapture(raw, self._name)
        if self._closings != closings:
            capture.close()
            raise CameraError(f"{self._name} was closed while it was opened")

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame that the driver hands out. Raises CameraError, CameraSilentError."""
        if self._capture is None:
            raise CameraError(f"{self._name} is not open")
        with self._capture.in_use() as capture:
            try:
                return self._read(capture, timeout_s)
            except cv2.error as error:
                raise CameraError(f"{self._name} has stopped (OpenCV error {error.code})") from None

    def close(self) -> None:
        """Release the source, or leave that to the `open` or `read` under way."""
        self._closings += 1
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.close()

    def _read(self, capture: Any, timeout_s: float) -> Frame:
        began = time.monotonic()
        for _ in range(_BAD_IN_A_ROW):
            if not capture.grab():
                waited_s = time.monotonic() - began
                if waited_s >= min(timeout_s, self._source.longest_wait_s) * 0.9:
                    raise CameraSilentError(f"{self._name} gave no picture for {waited_s:.0f} s")
                raise CameraError(f"{self._name} has stopped: {self._source.advice}")
            captured_ns = self._source.captured_ns(capture, self._boottime_ns())
            self._number += 1
            good, pixels = capture.retrieve()
            if good and pixels is not None and pixels.size:
                return Frame(bgr(self._source.in_rows(capture, pixels), self._name), captured_ns, self._number)
        raise CameraError(f"{self._name} gives empty pictures: {self._source.advice}")
