"""Writes H.264 as MP4 (ISO/IEC 14496-12 and -15), in fragments or as one ordinary file: one video track, no other."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from agent.trust.evidence.parameter_sets import ParameterSets

TIMESCALE = 90_000
_KEY, _NOT_KEY = 0x02000000, 0x01010000
"""Sample flags: depends on no other; depends on others and is no sync sample."""
_STARTS_WITH_KEY = 0x90000000
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def ticks(moment_ns: int) -> int:
    """Return nanoseconds as units of the track's time."""
    return moment_ns * 9 // 100_000


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture, in decoding order. Times are in ticks."""

    size: int
    duration: int
    key: bool
    offset: int = 0
    """How much later than decoded it is shown; negative if pictures are reordered."""


def init_segment(parameters: ParameterSets) -> bytes:
    """Return `ftyp` and `moov` of a fragmented file. Raises UnreadableVideoError."""
    empty = b"".join(_full(kind, bytes(8 if kind == b"stsz" else 4)) for kind in (b"stts", b"stsc", b"stsz", b"stco"))
    extends = _box(b"mvex", _full(b"trex", struct.pack(">5I", 1, 1, 0, 0, 0)))
    return _box(b"ftyp", b"iso6\0\0\0\1iso6mp41avc1") + _movie(parameters, 0, empty, extends)


def fragment(sequence: int, begin: int, samples: Sequence[Sample], media: bytes) -> bytes:
    """Return `moof` and `mdat`. `begin` is the decoding time of the first sample since the file's own beginning."""
    runs = b"".join(
        struct.pack(">3Ii", each.duration, each.size, _KEY if each.key else _NOT_KEY, each.offset) for each in samples
    )
    head = _full(b"mfhd", struct.pack(">I", sequence))
    track = _full(b"tfhd", struct.pack(">I", 1), flags=0x20000)  # default-base-is-moof
    track += _full(b"tfdt", struct.pack(">Q", begin), version=1)
    # trun: data offset, then duration, size, flags and composition offset of each sample
    run = 12 + 8 + len(runs)
    offset = 8 + len(head) + 8 + len(track) + run + 8
    track += _full(b"trun", struct.pack(">II", len(samples), offset) + runs, version=1, flags=0xF01)
    return _box(b"moof", head + _box(b"traf", track)) + _box(b"mdat", media)


def index(begin: int, fragments: Sequence[tuple[int, int, bool]]) -> bytes:
    """Return the `sidx` that stands before these fragments: of each its size in bytes, how many ticks pass until the
    next one, and whether it begins with a key frame. `begin` is when the first one is shown."""
    head = struct.pack(">IIQQHH", 1, TIMESCALE, begin, 0, 0, len(fragments))
    rows = (struct.pack(">III", size, lasts, _STARTS_WITH_KEY if key else 0) for size, lasts, key in fragments)
    return _full(b"sidx", head + b"".join(rows), version=1)


def plain(parameters: ParameterSets, samples: Sequence[Sample], media: bytes) -> bytes:
    """Return an ordinary MP4 with its index in front, which every player opens. Raises UnreadableVideoError.

    A clip's pauses must be in the durations of its samples.
    """
    tables = _full(b"stts", _table(_runs([each.duration for each in samples])))
    shift = -min((each.offset for each in samples), default=0)
    if any(each.offset for each in samples):
        tables += _full(b"ctts", _table(_runs([each.offset + shift for each in samples])))
    tables += _full(b"stss", _table([(number,) for number, each in enumerate(samples, 1) if each.key]))
    tables += _full(b"stsc", _table([(1, len(samples), 1)]))
    tables += _full(b"stsz", struct.pack(">I", 0) + _table([(each.size,) for each in samples]))
    kind = _box(b"ftyp", b"isom\0\0\2\0isomiso2avc1mp41")
    length = sum(each.duration for each in samples)
    # The first picture is shown at 0, however far the others are moved.
    edits = _box(b"edts", _full(b"elst", struct.pack(">IIiI", 1, length, shift, 0x10000))) if shift else b""

    def movie(place: int) -> bytes:
        return _movie(parameters, length, tables + _full(b"stco", struct.pack(">II", 1, place)), b"", edits)

    return kind + movie(len(kind) + len(movie(0)) + 8) + _box(b"mdat", media)


def _movie(parameters: ParameterSets, length: int, tables: bytes, extends: bytes, edits: bytes = b"") -> bytes:
    width, height = parameters.size
    entry = struct.pack(">6xH16xHHII4xH32xHh", 1, width, height, 0x480000, 0x480000, 1, 24, -1)
    entry = _box(b"avc1", entry + _box(b"avcC", parameters.configuration()))
    here = _box(b"dinf", _full(b"dref", struct.pack(">I", 1) + _full(b"url ", b"", flags=1)))
    table = _box(b"stbl", _full(b"stsd", struct.pack(">I", 1) + entry) + tables)
    media = _full(b"mdhd", struct.pack(">4IHH", 0, 0, TIMESCALE, length, 0x55C4, 0))  # language: und
    media += _full(b"hdlr", struct.pack(">I4s12x", 0, b"vide") + b"Video\0")
    media += _box(b"minf", _full(b"vmhd", bytes(8), flags=1) + here + table)
    shown = _MATRIX + struct.pack(">II", width << 16, height << 16)
    track = _full(b"tkhd", struct.pack(">5I8x4H", 0, 0, 1, 0, length, 0, 0, 0, 0) + shown, flags=3)
    head = struct.pack(">4IIH10x", 0, 0, TIMESCALE, length, 0x10000, 0x100) + _MATRIX + bytes(24) + struct.pack(">I", 2)
    return _box(b"moov", _full(b"mvhd", head) + _box(b"trak", track + edits + _box(b"mdia", media)) + extends)


def _runs(values: Sequence[int]) -> list[tuple[int, int]]:
    """Return how often each value comes in a row."""
    runs: list[tuple[int, int]] = []
    for value in values:
        if runs and runs[-1][1] == value:
            runs[-1] = (runs[-1][0] + 1, value)
        else:
            runs.append((1, value))
    return runs


def _table(rows: Sequence[tuple[int, ...]]) -> bytes:
    return struct.pack(">I", len(rows)) + b"".join(struct.pack(f">{len(row)}I", *row) for row in rows)


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def _full(kind: bytes, content: bytes, version: int = 0, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags) + content)
