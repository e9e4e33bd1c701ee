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
_MOST_WAITING = 60
"""Pictures that an encoder may keep to itself."""
_SECOND_NS = 1_000_000_000
_ADVICE = "run `sudo apt-get install --no-install-recommends python3-av`"


class AvEncoder:
    """An encoder for I420 pictures of one size. One thread.

    Its units begin with parameter sets at each key frame, or at least at the first, and none predicts from a later one.
    There is a key frame each second by the pictures' times: a camera is slower than its rate in the dark.
    """

    def __init__(
        self, width: int, height: int, frames_per_second: float, bit_rate: int, names: Sequence[str] = ENCODERS
    ) -> None:
        """Raises EncoderError if there is no PyAV, or none of these encoders works."""
        self._av = _pyav()
        if width % 2 or height % 2:
            raise EncoderError(f"pictures of {width} x {height} can't be encoded: both must be even")
        self._width, self._height = width, height
        self._rates = (frames_per_second, bit_rate)
        self._names = list(names)
        self.trouble = ""
        """Which encoder has failed, and what encodes in its place; empty if none has."""
        self._open()
        self._pts = -1
        self._most = _group(frames_per_second)

    def encode(self, picture: memoryview, boottime_ns: int) -> list[tuple[bytes, int]]:
        """Take a picture; return access units (Annex B) with their capture times. Raises EncoderError."""
        while True:
            try:
                return self._encode(picture, boottime_ns)
            except EncoderError as error:
                if not self._names:
                    raise
                failed = self.name
                self._open()
                self.trouble = f"the encoder {failed} failed ({error}): {self.name} encodes in its place"

    def _encode(self, picture: memoryview, boottime_ns: int) -> list[tuple[bytes, int]]:
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
        if self._is_key(boottime_ns):
            frame.pict_type = self._av.video.frame.PictureType.I
        self._times[self._pts] = boottime_ns
        if len(self._times) > _MOST_WAITING:
            raise EncoderError(f"{self.name} takes pictures and gives nothing")
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

    def _open(self) -> None:
        """Take the first of the encoders that are left."""
        reasons = []
        while self._names:
            name = self._names.pop(0)
            try:
                self._context = _opened(self._av, name, self._width, self._height, *self._rates)
            except (self._av.error.FFmpegError, ValueError, OSError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                reasons.append(f"{name}: {'not known here' if reason == name else reason.lower()}")
            else:
                self.name = name
                self._times: dict[int, int] = {}
                self._keyed_ns: int | None = None
                self._since_key = 0
                return
        raise EncoderError(f"nothing here encodes {self._width} x {self._height} to H.264 ({'; '.join(reasons)})")

    def _is_key(self, boottime_ns: int) -> bool:
        since_ns = None if self._keyed_ns is None else boottime_ns - self._keyed_ns
        self._since_key += 1
        if since_ns is not None and 0 <= since_ns < _SECOND_NS and self._since_key <= self._most:
            return False
        self._keyed_ns, self._since_key = boottime_ns, 1
        return True

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
    context.gop_size = _group(frames_per_second)
    context.options = dict(_OPTIONS.get(name, {}))
    context.open()
    return context


def _group(frames_per_second: float) -> int:
    return max(round(frames_per_second), 1)


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
