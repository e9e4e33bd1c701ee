"""Pictures and H.264 on their way to a recorder: binary records over one stream socket.

Without pydantic: the child that reads a stream does without it, and so takes 20 MiB less.

A record is its head (kind, flags, capture time, length of the payload) and the payload. The first record is a header;
another one may come later, as a camera's size can change.
"""

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Literal, Self

from agent.core.errors import EdgeAgentError

HEAD = struct.Struct(">BBQI")
_ROW = struct.Struct(">QI")
_KEY, _LATE = 1, 2
IT_IS_SILENT, IT_IS_RECORDED = b"s", b"r"
"""Why a reader of a stream is asked to send what it has: nothing comes any more, or something is recorded."""
CODECS = ("h264", "i420")
LARGEST = 8192
"""Pixels of a side."""
MOST_BYTES = 16 * 1024 * 1024
"""Of a payload: more than a picture of 3840 x 2160."""


class UnitsError(EdgeAgentError):
    """A source sends what no recorder can take."""


class Kind(IntEnum):
    """What a record holds."""

    HEADER = 0
    """A StreamHeader as JSON."""
    UNIT = 1
    """An access unit of H.264, with start codes (Annex B)."""
    PICTURE = 2
    """An I420 picture of the header's size, without padding. Flag 2 says that others were left out before it, since the
    processor was too slow to hand over the one before."""
    TROUBLE = 3
    """Why no pictures come: a line of text for a person."""
    UNITS = 4
    """Access units that make a piece, each behind its capture time and its length. Flag 1 says that the first is a key
    frame, and the time of the head when the next piece begins."""
    SAMPLE = 5
    """An access unit as it is recorded: NAL units, each behind its length (4 bytes). Flag 1 says that it is a key
    frame, with its parameter sets. A recorder gives it away, and takes none."""


@dataclass(frozen=True, slots=True)
class StreamHeader:
    """What follows it."""

    codec: Literal["h264", "i420"]
    camera: str
    width: int
    height: int
    masked: bool
    """Whether every picture shows the privacy masks of the settings."""
    parameters: bytes = b""
    """Parameter sets that the stream itself may lack (Annex B)."""

    def record(self) -> bytes:
        """Return it as a record."""
        content = json.dumps({**asdict(self), "parameters": self.parameters.hex()}).encode()
        return head(Kind.HEADER, len(content)) + content

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Read the payload of a record. Raises UnitsError."""
        try:
            said = json.loads(content)
            header = cls(**{**said, "parameters": bytes.fromhex(said["parameters"])})
        except (ValueError, TypeError, KeyError) as error:
            raise UnitsError("a source sends a header that can't be read") from error
        sizes = (header.width, header.height)
        good = type(header.camera) is str and type(header.masked) is bool and header.codec in CODECS
        if not good or not all(type(side) is int and 2 <= side <= LARGEST for side in sizes):
            raise UnitsError("a source sends a header that makes no sense")
        return header


@dataclass(frozen=True, slots=True)
class RecordHead:
    """What comes before a payload."""

    kind: Kind
    boottime_ns: int
    length: int
    key: bool = False
    late: bool = False

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Read HEAD.size bytes. Raises UnitsError."""
        kind, flags, boottime_ns, length = HEAD.unpack(content)
        try:
            known = Kind(kind)
        except ValueError:
            raise UnitsError(f"a source sends records of kind {kind}, which nobody knows") from None
        if length > MOST_BYTES:
            raise UnitsError(f"a source sends a record of {length} bytes")
        return cls(known, boottime_ns, length, bool(flags & _KEY), bool(flags & _LATE))


def head(kind: Kind, length: int, boottime_ns: int = 0, *, late: bool = False) -> bytes:
    """Return what comes before a payload of this length; `boottime_ns` says when it was captured, `late` is flag 2."""
    return HEAD.pack(kind, _LATE if late else 0, boottime_ns, length)


def sample_record(boottime_ns: int, key: bool, nal_units: bytes) -> bytes:
    """Return the record of an access unit as it is recorded."""
    return HEAD.pack(Kind.SAMPLE, _KEY if key else 0, boottime_ns, len(nal_units)) + nal_units


def units_record(units: Sequence[tuple[int, bytes]], key: bool, end_ns: int) -> bytes:
    """Return the record of access units, each with its capture time. `end_ns` is when the next one was captured, or
    0."""
    parts = [part for time_ns, unit in units for part in (_ROW.pack(time_ns, len(unit)), unit)]
    length = sum(len(part) for part in parts)
    return b"".join((HEAD.pack(Kind.UNITS, _KEY if key else 0, end_ns, length), *parts))


def units_of(content: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Read the payload of such a record. Raises UnitsError."""
    at = 0
    while at < len(content):
        if at + _ROW.size > len(content):
            raise UnitsError("a source sends units that are cut short")
        time_ns, length = _ROW.unpack_from(content, at)
        at += _ROW.size + length
        if at > len(content):
            raise UnitsError("a source sends units that are cut short")
        yield time_ns, content[at - length : at]


def trouble(detail: str) -> bytes:
    """Return the record that says why no pictures come."""
    content = detail.encode()
    return head(Kind.TROUBLE, len(content)) + content
