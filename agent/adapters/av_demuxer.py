"""Reads the H.264 of a network stream as it comes, without decoding it, through PyAV (10 and newer)."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from agent.core.errors import CameraError

_OPEN_S, _READ_S = 8.0, 8.0
_ADVICE = "run `sudo apt-get install --no-install-recommends python3-av`"


@dataclass(frozen=True, slots=True)
class StreamUnit:
    """One access unit (Annex B), and when it is shown by the stream's clock; None if the stream does not say."""

    content: bytes
    presentation_ns: int | None


class Packet(Protocol):
    """What PyAV reads."""

    is_keyframe: bool
    pts: int | None

    def __bytes__(self) -> bytes: ...


class AvDemuxer:
    """The video of one stream. Opening it may hang for good, and stop every thread of the process: use a child.

    Sound is neither asked for nor read.
    """

    def __init__(self, address: str, open_s: float = _OPEN_S, read_s: float = _READ_S) -> None:
        """Raises CameraError, without the address, which may hold a password."""
        try:
            self._av: Any = import_module("av")
        except ImportError as error:
            raise CameraError(f"PyAV can't be imported: {_ADVICE}") from error
        self._av.logging.set_level(self._av.logging.PANIC)
        options = {
            "rtsp_transport": "tcp",
            "allowed_media_types": "video",
            "timeout": str(int(read_s * 1e6)),
            "fflags": "nobuffer",
        }
        try:
            self._container = self._av.open(address, options=options, timeout=(open_s, read_s))
        except (self._av.error.FFmpegError, OSError, ValueError) as error:
            raise CameraError(f"the stream can't be opened: {_reason(error)}") from None
        if not self._container.streams.video:
            raise CameraError("the stream has no video")
        self._stream = self._container.streams.video[0]
        context = self._stream.codec_context
        if context.name != "h264":
            raise CameraError(
                f"the stream is {context.name.upper()}, which can't be evidence here: set the camera to H.264"
            )
        # Of its packets too, where each time it would be a new Fraction.
        base = self._stream.time_base
        self._per, self._second = base.numerator * 1_000_000_000, base.denominator
        self.width: int = context.width
        self.height: int = context.height
        self.parameters = bytes(context.extradata or b"")
        """Its parameter sets (Annex B), which may be in the stream too."""

    def units(self) -> Iterator[StreamUnit]:
        """Yield what comes, in decoding order. Raises CameraError when it ends."""
        return map(self.unit, self.packets())

    def packets(self) -> Iterator[Packet]:
        """The same, as it came, which costs less."""
        try:
            for packet in self._container.demux(self._stream):
                if packet.size and not packet.is_corrupt:
                    yield packet
        except (self._av.error.FFmpegError, OSError, ValueError) as error:
            raise CameraError(f"the stream has stopped: {_reason(error)}") from None
        raise CameraError("the stream has ended")

    def unit(self, packet: Packet) -> StreamUnit:
        """Return a packet's access unit."""
        shown = packet.pts
        return StreamUnit(bytes(packet), None if shown is None else shown * self._per // self._second)


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or type(error).__name__).lower()
