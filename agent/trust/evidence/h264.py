"""NAL units of H.264: how they lie in a stream, what kind each is, and the bytes that keep start codes out of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

_START = re.compile(rb"\x00\x00\x01")
_TO_ESCAPE = re.compile(rb"\x00\x00(?=[\x00-\x03])")
_PICTURES = {1, 2, 3, 4, 5, 19, 20, 21}
_PARAMETERS = {7, 8, 13, 15}
_IDR, _SEI, _DELIMITER = 5, 6, 9
_HEAD = 64
"""Bytes of a slice that are enough for the beginning of its header."""


class Kind(Enum):
    """What a NAL unit holds."""

    PICTURE = "picture"
    SEI = "SEI"
    PARAMETERS = "parameter sets"
    DELIMITER = "delimiter"
    OTHER = "other"
    BROKEN = "broken"
    """Bytes of a sample that can't be told apart into NAL units."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One NAL unit, and where it comes from."""

    data: bytes
    """From its header to its last byte, without start code or length."""
    kind: Kind
    type: int
    """Its `nal_unit_type`."""
    starts_picture: bool = False
    """It is the first slice of a picture."""
    starts_gop: bool = False
    """It is the first slice of a picture that needs none before it (IDR)."""
    header: int = 1
    """How many bytes its header has."""
    offset: int = 0
    """Of its first byte, in the file or the access unit that it was read from."""
    time: float = 0.0
    """Seconds since the beginning of the file."""


def unit(data: bytes, offset: int = 0, time: float = 0.0) -> Unit:
    """Return a NAL unit with what its header says."""
    if not data or data[0] & 0x80:
        return broken(data, offset, time)
    number = data[0] & 0x1F
    if number in _PICTURES:
        # The slice header begins with first_mb_in_slice; 0 is coded as one bit that is set.
        starts = number in (1, 2, _IDR) and len(data) > 1 and bool(data[1] & 0x80)
        return Unit(data, Kind.PICTURE, number, starts, starts and number == _IDR, 1, offset, time)
    kinds = {_SEI: Kind.SEI, _DELIMITER: Kind.DELIMITER}
    kind = Kind.PARAMETERS if number in _PARAMETERS else kinds.get(number, Kind.OTHER)
    return Unit(data, kind, number, offset=offset, time=time)


def broken(data: bytes, offset: int, time: float) -> Unit:
    """Return bytes that are no NAL unit."""
    return Unit(data, Kind.BROKEN, -1, offset=offset, time=time)


def units(access_unit: bytes) -> list[Unit]:
    """Return the NAL units of a byte stream (Annex B). What comes before the first start code is left out."""
    return list(_split(access_unit))


def first_picture(access_unit: bytes | memoryview) -> Unit | None:
    """Return the beginning of the first slice of a byte stream; None if it has none. It reads no further than that."""
    for found in _START.finditer(access_unit):
        begin = found.end()
        if begin < len(access_unit) and access_unit[begin] & 0x1F in _PICTURES:
            return unit(bytes(access_unit[begin : begin + _HEAD]), begin)
    return None


def begins_group(access_unit: bytes | memoryview) -> bool:
    """Whether its picture needs none before it."""
    first = first_picture(access_unit)
    return first is not None and first.starts_gop


def _split(stream: bytes) -> Iterator[Unit]:
    starts = [found.end() for found in _START.finditer(stream)]
    for start, following in pairwise([*starts, len(stream) + 3]):
        data = stream[start : following - 3].rstrip(b"\0")  # zeros before a start code belong to no unit
        if data:
            yield unit(data, start)


def escape(payload: bytes) -> bytes:
    """Return `payload` with the bytes (emulation prevention) that keep it from looking like a start code."""
    return _TO_ESCAPE.sub(b"\0\0\3", payload)


def unescape(data: bytes) -> bytes:
    """Undo `escape`."""
    return data.replace(b"\0\0\3", b"\0\0")
