"""What a SEI of ONVIF Media Signing holds, read and written: a row of fields, each with tag, length and value.

Numbers are big-endian, as the reference implementation and ONVIF's test files have them; the text of the standard says
little-endian.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from agent.trust.evidence.h264 import Unit, escape, unescape

UUID = bytes.fromhex("005bc93f2d715e95ada4796f90877a6f")
_USER_DATA = 5
_CERTIFICATES_ONLY, _ESCAPED_BEFORE = 0x80, 0x40
_GENERAL, _HASHES, _SIGNATURE, _CRYPTO, _VENDOR, _CHAIN = 1, 2, 3, 4, 5, 6
_STOP = b"\x80"
_FIELD = struct.Struct(">BH")
_ROOM = 72
"""For a signature by a key of the curve P-256, in DER."""
_SEARCHED = 4096
"""In which bytes of a SEI its UUID is looked for; what is before it is as long as the SEI's length makes it."""
ALGORITHMS = {
    bytes.fromhex("0609608648016503040201"): "sha256",
    bytes.fromhex("0609608648016503040202"): "sha384",
    bytes.fromhex("0609608648016503040203"): "sha512",
}
"""By object identifier in DER, as the stream has it."""
SECOND = 10**7
"""In 100 ns."""
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_UNIX = 116_444_736_000_000_000
"""1970, in 100 ns since 1601."""
_OLDEST = _UNIX + 946_684_800 * 10**7
"""2000, in 100 ns since 1601: a recording was made later."""
_MOST_CHAINS = 4
"""In a SEI that counts: there are two kinds, and each is tried against the signature."""
MOST_HASHES = 1500
"""In a SEI that we write."""
_LONGEST_LIST = 2047
"""Hashes of 32 bytes that a field has room for. A longer list is left out, and the hash of them all remains."""


class Malformed(ValueError):  # noqa: N818 - what is so
    """A SEI has the name of ONVIF Media Signing, and is not as the standard says."""


@dataclass(frozen=True, slots=True)
class General:
    """What a SEI says of the GOP that it covers, or of a part of one."""

    counter: int
    start: int
    """Of its first picture, in 100 ns since 1601, UTC."""
    end: int
    count: int
    """How many NAL units it covers."""
    gop_hash: bytes
    linked: bytes
    """The hash of the first NAL unit that the SEI before covers; zeros if there was none."""
    partial: bool = False
    """The GOP goes on after the part that is covered."""


@dataclass(frozen=True, slots=True)
class Document:
    """A SEI of ONVIF Media Signing."""

    content: bytes
    """What the signature is over."""
    whole: bytes
    """What is hashed for the next SEI if this one has no signature."""
    certificates_only: bool
    general: General | None
    hashes: tuple[bytes, ...] | None
    algorithm: str | None
    chains: tuple[bytes, ...]
    """Certificates in PEM, the signer's first; the user's chain before the manufacturer's."""
    signature: bytes | None
    fill: bytes = b""
    """What fills the room behind the signature."""
    vendor: tuple[str, ...] = ()
    """Version, serial number and manufacturer, as the signer says."""


def time_of(ticks: int) -> datetime | None:
    """Return a moment that a SEI gives; None if it can't be one of a recording."""
    if ticks < _OLDEST:
        return None
    try:
        return _EPOCH + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return None


def ticks_of(unix_ns: int) -> int:
    """Return a moment as a SEI gives it."""
    return unix_ns // 100 + _UNIX


def parse(unit: Unit) -> Document | None:
    """Read a SEI; None if it is not one of ONVIF Media Signing. Raises Malformed."""
    if UUID not in unit.data[:_SEARCHED]:
        return None
    at, size = unit.header + 1, 0
    while at < min(len(unit.data), _SEARCHED):
        size, at = size + unit.data[at], at + 1
        if unit.data[at - 1] != 0xFF:
            break
    # Some signers escape nothing: then the NAL unit is exactly as long as its fields, with a stop byte.
    escaped = len(unit.data.rstrip(b"\0")) > at + size + 1
    data = unescape(unit.data) if escaped else unit.data
    if unit.data[unit.header] != _USER_DATA or data[at : at + 16] != UUID or len(data) < at + 17:
        raise Malformed("its header was altered")
    if data[at + size :].rstrip(b"\0") != _STOP:
        raise Malformed("its length is not what it says")
    flags, begin = data[at + 16], at + 17
    fields = list(_fields(data, begin, at + size))
    behind = fields[-1][1] if fields and fields[-1][0] == _SIGNATURE else None
    if any(tag == _SIGNATURE for tag, _, _ in fields[:-1]):
        raise Malformed("a field follows its signature")
    if flags & _ESCAPED_BEFORE:
        whole = unit.data.rstrip(b"\0")
        content = whole if behind is None else _escaped_as_far(whole, data, behind)
    else:
        whole = data[: at + size + 1]
        content = data[:behind]
    return _document(flags, [(tag, value) for tag, _, value in fields], content, whole)


def fixed_fields(chain: bytes, vendor: tuple[str, ...]) -> bytes:
    """Return the fields that are the same in each SEI of a stream: hashes by SHA-256, the device, its certificates."""
    algorithm = next(oid for oid, name in ALGORITHMS.items() if name == "sha256")
    strings = [text.encode()[:255] for text in vendor]
    return b"".join(
        (
            _field(_CRYPTO, bytes([1, len(algorithm)]) + algorithm + bytes(3)),
            _field(_VENDOR, b"\1" + b"".join(bytes([len(each)]) + each for each in strings)),
            _field(_CHAIN, b"\1\0" + chain),
        )
    )


def build(general: General, hashes: Sequence[bytes], fixed: bytes, sign: Callable[[bytes], bytes] | None) -> bytes:
    """Return the NAL unit (H.264) of a SEI. `sign` returns a signature in DER of at most 72 bytes; without it the SEI
    has none, and a later one must list its hash."""
    partial = bytes([general.partial])
    # Version 2 of the field; version 1.0.0 of the standard.
    said = b"\2\1\0\0" + partial + struct.pack(">QQIH", general.start, general.end, general.counter, general.count)
    fields = b"".join(
        (
            b"\0",  # what is signed has no emulation prevention
            fixed,
            _field(_GENERAL, said + general.gop_hash + general.linked),
            _field(_HASHES, b"\1" + b"".join(hashes)) if len(hashes) <= _LONGEST_LIST else b"",
        )
    )
    size = len(UUID) + len(fields) + (_FIELD.size + 3 + _ROOM if sign else 0)
    content = bytes([6, _USER_DATA]) + b"\xff" * (size // 255) + bytes([size % 255]) + UUID + fields
    if sign is not None:
        signature = sign(content)
        content += _field(_SIGNATURE, b"\1" + len(signature).to_bytes(2) + signature.ljust(_ROOM, b"\1"))
    return escape(content + _STOP)


def _field(tag: int, value: bytes) -> bytes:
    return _FIELD.pack(tag, len(value)) + value


def _escaped_as_far(escaped: bytes, data: bytes, end: int) -> bytes:
    """Return the beginning of `escaped` that stands for `data[:end]`."""
    return escaped if escaped == data else escape(data[:end])


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield tag, place and value of each."""
    while at < end:
        if at + _FIELD.size > end:
            raise Malformed("a field is cut short")
        tag, length = _FIELD.unpack_from(data, at)
        begin = at + _FIELD.size
        if begin + length > end:
            raise Malformed("a field is longer than the rest")
        yield tag, at, data[begin : begin + length]
        at = begin + length


def _document(flags: int, fields: list[tuple[int, bytes]], content: bytes, whole: bytes) -> Document:
    if not all(value for _, value in fields):
        raise Malformed("a field is empty")
    by_tag = dict(fields)
    chains = [value for tag, value in fields if tag == _CHAIN]
    chains.sort(key=lambda value: value[1:2] != b"\1")  # those of the user's own key first
    general = _general(by_tag[_GENERAL]) if _GENERAL in by_tag else None
    only = bool(flags & _CERTIFICATES_ONLY)
    if general is None and not only:
        raise Malformed("it does not say what it covers")
    signature, fill = _signature(by_tag[_SIGNATURE]) if _SIGNATURE in by_tag else (None, b"")
    return Document(
        content,
        whole,
        only,
        general,
        _listed(by_tag[_HASHES][1:], len(general.linked)) if general and _HASHES in by_tag else None,
        _algorithm(by_tag[_CRYPTO]) if _CRYPTO in by_tag else None,
        tuple(value[2:] for value in chains[:_MOST_CHAINS]),
        signature,
        fill,
        tuple(_strings(by_tag.get(_VENDOR, b"")[1:])),
    )


def _signature(value: bytes) -> tuple[bytes, bytes]:
    size = int.from_bytes(value[1:3])
    signature, fill = value[3 : 3 + size], value[3 + size :]
    if value[0] != 1 or len(value) < 3 + size:
        raise Malformed("its signature is cut short")
    return signature, fill


def _algorithm(value: bytes) -> str:
    found = ALGORITHMS.get(value[2 : 2 + int.from_bytes(value[1:2])])
    if found is None:
        raise Malformed("it was hashed in a way that is not known here")
    return found


def _general(value: bytes) -> General:
    version, partial, start = value[0], value[4:5] == b"\1", int.from_bytes(value[5:13])
    at = {1: 13, 2: 21}.get(version)
    if at is None or len(value) < at + 6 or (len(value) - at - 6) % 2:
        raise Malformed("it is of a version that is not known here")
    end = int.from_bytes(value[13:21]) if version == 2 else start
    counter, count = struct.unpack_from(">IH", value, at)
    both = value[at + 6 :]
    half = len(both) // 2
    return General(counter, start, end, count, both[:half], both[half:], partial)


def _listed(hashes: bytes, size: int) -> tuple[bytes, ...]:
    if not size or len(hashes) % size:
        raise Malformed("its list of hashes is cut short")
    return tuple(hashes[at : at + size] for at in range(0, len(hashes), size))


def _strings(value: bytes) -> Iterator[str]:
    at = 0
    while at < len(value):
        yield value[at + 1 : at + 1 + value[at]].decode("utf-8", "replace")
        at += 1 + value[at]
