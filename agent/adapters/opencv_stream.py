"""Network streams through OpenCV's FFmpeg: RTSP, video only, over TCP."""

import os
from typing import Any

import cv2

from agent.core.camera.stream_clock import StreamClock

OPEN_TIMEOUT_MS = 8000
READ_TIMEOUT_MS = 8000
_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_VIDEO_ALONE = "allowed_media_types;video"
_TCP = "rtsp_transport;tcp"


class OpenCvStream:
    """A live source for OpenCvCamera; `address` may hold a password and never leaves this object."""

    advice = "check the camera's power and network, and the address, user name and password in its source"

    def __init__(self, address: str, open_timeout_ms: int = OPEN_TIMEOUT_MS, read_timeout_ms: int = READ_TIMEOUT_MS):
        self._address = address
        self._limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, open_timeout_ms]
        self._limits += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, read_timeout_ms]
        self.longest_wait_s = read_timeout_ms / 1000
        self._clock = StreamClock()

    def open(self) -> Any:
        """Return a capture, open or not. Takes at most the limit, unless name resolution hangs."""
        _never_open_audio()
        self._clock = StreamClock()
        # Naming one backend keeps OpenCV from trying others, which print the address.
        return cv2.VideoCapture(self._address, cv2.CAP_FFMPEG, self._limits)

    def captured_ns(self, capture: Any, arrival_ns: int) -> int:
        """Return the capture time, from the stream's own presentation times; see StreamClock."""
        return self._clock.stamp(round(capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6), arrival_ns)

    def in_rows(self, capture: Any, pixels: Any) -> Any:  # noqa: ARG002
        """Return the pixels as they are: a stream's come in rows."""
        return pixels


def _never_open_audio() -> None:
    """Tell FFmpeg to set up video only: otherwise it sets up every stream that a camera offers, its sound too.

    OpenCV takes these options from the environment only. Options that a person has set stay; TCP is the default because
    UDP loses packets.
    """
    options = os.environ.get(_OPTIONS, _TCP)
    if "allowed_media_types;" not in options:
        options = f"{options}|{_VIDEO_ALONE}" if options else _VIDEO_ALONE
    os.environ[_OPTIONS] = options
