"""Encodes pictures to H.264 with whatever encoder the system's FFmpeg has, through PyAV (10 and newer)."""

import contextlib
from collections.abc import Sequence
from fractions import Fraction
from importlib import import_module
from typing import Any

from agent.core.errors import EncoderError

ENCODERS = ("h264_v4l2m2m", "libopenh264", "libx264")
"""In the order in which they are tried (docs/decisions/0056-the-encoder.md)."""
_PI = "h264_v4l2m2m"
_LARGEST_OF_PI = 8192 * 16 * 16
"""Pixels. A Pi's hardware spoils what is larger, and pictures whose lines do not all begin at 32 bytes."""
_OPTIONS = {
    "libx264": {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "x264-params": "repeat-headers=1:scenecut=0:threads=1:bframes=0",
    },
    "libopenh264": {"allow_skip_frames": "0"},
}
_TIMESCALE = 90_000
_ADVICE = "run `sudo apt-get install --no-install-recommends python3-av`"


class AvEncoder:
    """An encoder for I420 pictures of one size. One thread.

    Its units begin with parameter sets at each key frame, or at least at the first, and none predicts from a later one.
    """

    def __init__(
        self, width: int, height: int, frames_per_second: float, bit_rate: int, names: Sequence[str] = ENCODERS
    ) -> None:
        """Raises EncoderError if there is no PyAV, or none of these encoders works."""
        self._av = av = _pyav()
        if width % 2 or height % 2:
            raise EncoderError(f"pictures of {width} x {height} can't be encoded: both must be even")
        self._width, self._height = width, height
        reasons = []
        for name in names:
            try:
                self._context = _opened(av, name, width, height, frames_per_second, bit_rate)
            except (av.error.FFmpegError, ValueError, OSError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                reasons.append(f"{name}: {'not known here' if reason == name else reason.lower()}")
            else:
                self.name = name
                break
        else:
            raise EncoderError(f"nothing here encodes {width} x {height} to H.264 ({'; '.join(reasons)})")
        self._times: dict[int, int] = {}
        self._pts = -1

    def encode(self, picture: memoryview, boottime_ns: int) -> list[tuple[bytes, int]]:
        """Take a picture; return access units (Annex B) with their capture times. Raises EncoderError."""
        frame = self._av.VideoFrame(self._width, self._height, "yuv420p")
        place = 0
        for number, plane in enumerate(frame.planes):
            width, height = (self._width, self._height) if number == 0 else (self._width // 2, self._height // 2)
            rows = picture[place : place + width * height]
            place += width * height
            _fill(plane, rows, width, height)
        self._pts = max(boottime_ns * 9 // 100_000, self._pts + 1)
        frame.pts = self._pts
        frame.time_base = Fraction(1, _TIMESCALE)
        self._times[self._pts] = boottime_ns
        try:
            packets = self._context.encode(frame)
        except (self._av.error.FFmpegError, ValueError, OSError) as error:
            raise EncoderError(f"{self.name} can't go on: {getattr(error, 'strerror', None) or error}") from error
        return [(bytes(packet), self._time_of(packet.pts, boottime_ns)) for packet in packets if packet.size]

    def close(self) -> None:
        """Release the encoder."""
        with contextlib.suppress(AttributeError):  # since PyAV 14 it is released with its last reference
            self._context.close()
        del self._context

    def _time_of(self, pts: int | None, newest_ns: int) -> int:
        time_ns = newest_ns if pts is None else self._times.get(pts, newest_ns)
        self._times = {key: value for key, value in self._times.items() if value > time_ns}
        return time_ns


def _opened(av: Any, name: str, width: int, height: int, frames_per_second: float, bit_rate: int) -> Any:
    if name == _PI and (width % 64 or width * height > _LARGEST_OF_PI):
        raise ValueError("it spoils pictures of this size")
    context = av.CodecContext.create(name, "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.framerate = Fraction(frames_per_second).limit_denominator(1001)
    context.time_base = Fraction(1, _TIMESCALE)
    context.bit_rate = bit_rate
    context.gop_size = max(round(frames_per_second), 1)
    context.options = dict(_OPTIONS.get(name, {}))
    context.open()
    return context


def _fill(plane: Any, rows: memoryview, width: int, height: int) -> None:
    if plane.line_size == width:
        plane.update(rows)
        return
    padded = bytearray(plane.buffer_size)
    for row in range(height):
        padded[row * plane.line_size : row * plane.line_size + width] = rows[row * width : (row + 1) * width]
    plane.update(padded)


def _pyav() -> Any:
    try:
        av = import_module("av")
    except ImportError as error:
        raise EncoderError(f"PyAV can't be imported ({error}): {_ADVICE}") from error
    av.logging.set_level(av.logging.PANIC)
    return av
