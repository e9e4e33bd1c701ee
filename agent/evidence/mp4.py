"""Reads MP4 and fragmented MP4 as far as evidence needs it: the NAL units of the video, with their places in the file.

What a file says about itself is believed nowhere: sizes are held against the file's, and no more is read than it has.
Whatever makes no sense raises Unreadable, with a sentence.
"""

import struct
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, Self

from agent.core.errors import EdgeAgentError
from agent.evidence import h264, h265
from agent.evidence.h264 import Kind, Unit

_LARGEST_TABLES = 64 << 20
"""Bytes of a `moov` or `moof`; ten hours at 30 pictures a second need 20 MB."""
_LARGEST_SAMPLE = 64 << 20
_MOST_BOXES = 500_000
_MOST_CHILDREN = 10_000
_CODECS = {b"avc1": b"avcC", b"avc3": b"avcC", b"hvc1": b"hvcC", b"hev1": b"hvcC"}
_TABLES = (b"stsd", b"stts", b"stsc", b"stsz", b"stz2", b"stco", b"co64")
_VIDEO_ENTRY = 78
"""How many bytes of a visual sample entry come before its boxes."""
_HAS_OFFSET, _FIRST_FLAGS = 0x1, 0x4
_DURATION, _SIZE = 0x100, 0x200
_PER_SAMPLE = (_DURATION, _SIZE, 0x400, 0x800)
"""Flags of `trun`: which of duration, size, flags and composition offset each sample has."""


class Unreadable(EdgeAgentError):  # noqa: N818 - what is so
    """This is no MP4 file that can be read to its end. The text says why."""


class Box(NamedTuple):
    """A box: its type, where it begins in the file, where its content begins, and where it ends."""

    type: bytes
    start: int
    body: int
    end: int


class Sample(NamedTuple):
    """Where a picture lies in the file, and when it is decoded (seconds since the beginning)."""

    offset: int
    size: int
    time: float


@dataclass
class _Track:
    number: int
    timescale: int
    codec: bytes
    length_size: int
    tables: dict[bytes, bytes]
    defaults: tuple[int, int] = (0, 0)
    """Duration and size of a fragment's samples that give none (`trex`)."""


@dataclass
class Mp4:
    """An MP4 file that is open. Not for more than one thread."""

    file: BinaryIO
    size: int
    boxes: list[Box]
    """At the top level."""
    video: _Track
    others: tuple[str, ...] = ()
    """Kinds of the tracks that hold no video, such as `soun`."""

    @classmethod
    def read(cls, file: BinaryIO) -> Self:
        """Read the headers. Raises Unreadable, OSError."""
        size = file.seek(0, 2)
        boxes = list(_top_level(file, size))
        movies = [each for each in boxes if each.type == b"moov"]
        if len(movies) != 1:
            raise Unreadable("it has no moov box" if not movies else "it has more than one moov box")
        movie = _children(_content(file, movies[0]))
        tracks = [_track(content) for kind, content in movie if kind == b"trak"]
        video = [each for each in tracks if isinstance(each, _Track)]
        if len(video) != 1:
            raise Unreadable("it holds no video" if not video else "it holds more than one video track")
        for kind, content in movie:
            if kind == b"mvex":
                for inner, extends in _children(content):
                    if inner == b"trex" and _u32(extends, 4) == video[0].number:
                        video[0].defaults = _u32(extends, 12), _u32(extends, 16)
        return cls(file, size, boxes, video[0], tuple(each for each in tracks if isinstance(each, str)))

    def samples(self) -> Iterator[Sample]:
        """Yield the samples of the video in the order of decoding, one at least. Raises Unreadable."""
        left, time, sample = self.size, 0.0, None
        for sample in self._samples():
            left -= max(sample.size, 1)
            if not 0 <= sample.offset <= sample.offset + sample.size <= self.size:
                raise Unreadable(f"a picture should be at byte {sample.offset}, behind the end of the file")
            if left < 0:
                raise Unreadable("its pictures lie over each other")
            if sample.time < time:
                raise Unreadable(f"its pictures go back in time at byte {sample.offset}")
            time = sample.time
            yield sample
        if sample is None:
            raise Unreadable("its video has no pictures")

    def units(self) -> Iterator[Unit]:
        """Yield the NAL units of the video in the order of decoding. Raises Unreadable, OSError."""
        make = h265.unit if _CODECS[self.video.codec] == b"hvcC" else h264.unit
        for offset, size, time in self.samples():
            if size > _LARGEST_SAMPLE:
                raise Unreadable(f"the picture at byte {offset} has {size} bytes")
            self.file.seek(offset)
            yield from _units(self.file.read(size), self.video.length_size, offset, time, make)

    def _samples(self) -> Iterator[Sample]:
        yield from _in_tables(self.video)
        time = 0
        for box in self.boxes:
            if box.type == b"moof":
                for kind, content in _children(_content(self.file, box)):
                    if kind == b"traf":
                        time = yield from _in_fragment(content, box.start, self.video, time)


def _units(
    sample: bytes, length_size: int, offset: int, time: float, make: Callable[[bytes, int, float], Unit]
) -> Iterator[Unit]:
    at = 0
    while at < len(sample):
        length = int.from_bytes(sample[at : at + length_size])
        begin = at + length_size
        if length == 0 or begin + length > len(sample):
            yield Unit(sample[at:], Kind.BROKEN, -1, offset=offset + at, time=time)
            return
        at = begin + length
        yield make(sample[begin:at], offset + begin, time)


def _top_level(file: BinaryIO, size: int) -> Iterator[Box]:
    at = 0
    for _ in range(_MOST_BOXES):
        if at == size:
            return
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            raise Unreadable(f"it ends in the middle of a box, at byte {size}")
        length, kind = struct.unpack_from(">I4s", head)
        body = at + 8
        if at == 0 and kind not in (b"ftyp", b"moov", b"styp", b"free", b"mdat", b"wide", b"skip"):
            raise Unreadable("it is no MP4 file")
        if length == 1:
            length, body = int.from_bytes(head[8:16]), at + 16
        elif length == 0:
            length = size - at
        if length < body - at:
            raise Unreadable(f"the box at byte {at} says that it has {length} bytes")
        if at + length > size:
            raise Unreadable(
                f"the box {_name(kind)} at byte {at} should have {length} bytes, but the file ends {at + length - size}"
                " bytes earlier: the file is cut short"
            )
        yield Box(kind, at, body, at + length)
        at += length
    raise Unreadable("it has too many boxes")


def _content(file: BinaryIO, box: Box) -> bytes:
    if box.end - box.body > _LARGEST_TABLES:
        raise Unreadable(f"the box {_name(box.type)} at byte {box.start} has {box.end - box.body} bytes")
    file.seek(box.body)
    return file.read(box.end - box.body)


def _children(content: bytes) -> list[tuple[bytes, bytes]]:
    found: list[tuple[bytes, bytes]] = []
    at = 0
    while at + 8 <= len(content):
        if len(found) == _MOST_CHILDREN:
            raise Unreadable("it has too many boxes")
        length, kind = struct.unpack_from(">I4s", content, at)
        begin = at + 8
        if length == 1 and at + 16 <= len(content):
            length, begin = int.from_bytes(content[begin : begin + 8]), begin + 8
        length = length or len(content) - at
        if length < begin - at or at + length > len(content):
            raise Unreadable(f"the box {_name(kind)} in its headers says that it has {length} bytes")
        found.append((kind, content[begin : at + length]))
        at += length
    return found


def _only(content: bytes, *path: bytes) -> bytes:
    """Return the content of a box in boxes; empty if it is not there. Two of a kind are refused: a player might take
    the other one."""
    for kind in path:
        found = [inner for each, inner in _children(content) if each == kind]
        if len(found) > 1:
            raise Unreadable(f"it has two {_name(kind)} boxes where one must be")
        content = found[0] if found else b""
    return content


def _track(content: bytes) -> _Track | str:
    """Return a video track; of another one its kind."""
    media = _only(content, b"mdia")
    kind = _only(media, b"hdlr")[8:12]
    if kind != b"vide":
        return _name(kind)
    inside = _only(media, b"minf")
    places = _children(_only(inside, b"dinf", b"dref")[8:])
    if any(not each[3:4] or not each[3] & 1 for _, each in places):
        raise Unreadable("its pictures lie in another file")
    samples = _only(inside, b"stbl")
    tables = {each: _only(samples, each) for each in _TABLES}
    if tables[b"stz2"] or (tables[b"stco"] and tables[b"co64"]):
        raise Unreadable("its tables are of a kind that is not known here")
    codec, length_size = _described(_children(tables[b"stsd"][8:]))
    header, number = _only(media, b"mdhd"), _only(content, b"tkhd")
    timescale = _u32(header, 20 if header[:1] == b"\1" else 12)
    if timescale == 0:
        raise Unreadable("its video has no clock")
    return _Track(_u32(number, 20 if number[:1] == b"\1" else 12), timescale, codec, length_size, tables)


def _described(entries: list[tuple[bytes, bytes]]) -> tuple[bytes, int]:
    """Return the codec, and how many bytes the length of a NAL unit has."""
    found = set()
    for codec, entry in entries:
        if codec not in _CODECS:
            raise Unreadable(f"its video is neither H.264 nor H.265, but {_name(codec)}")
        configuration = _only(entry[_VIDEO_ENTRY:], _CODECS[codec])
        place = 4 if _CODECS[codec] == b"avcC" else 21
        if len(configuration) <= place:
            raise Unreadable("its video is not described")
        found.add((codec, (configuration[place] & 3) + 1))
    if len(found) != 1:
        raise Unreadable("its video is described in more than one way" if found else "its video is not described")
    return found.pop()


def _in_tables(track: _Track) -> Iterator[Sample]:
    """Yield the samples that the tables of `moov` name."""
    wide = not track.tables[b"stco"]
    chunks = track.tables[b"co64" if wide else b"stco"]
    runs, times, sizes = track.tables[b"stsc"], _durations(track.tables[b"stts"]), _sizes(track.tables[b"stsz"])
    time, run, per_chunk = 0, 0, 0
    for chunk in range(_count(chunks, 8 if wide else 4, 4)):
        if run < _count(runs, 12, 4) and _u32(runs, 8 + 12 * run) <= chunk + 1:
            per_chunk, run = _u32(runs, 12 + 12 * run), run + 1
        at = int.from_bytes(chunks[8 + 8 * chunk : 16 + 8 * chunk]) if wide else _u32(chunks, 8 + 4 * chunk)
        for _ in range(per_chunk):
            size = next(sizes, None)
            if size is None:
                return
            yield Sample(at, size, time / track.timescale)
            at += size
            time += next(times, 0)
    if next(sizes, None) is not None:
        raise Unreadable("its tables name pictures that are nowhere in the file")


def _sizes(table: bytes) -> Iterator[int]:
    if not table:
        return
    same = _u32(table, 4)
    if same:
        for _ in range(_u32(table, 8)):
            yield same
    else:
        for index in range(_count(table, 4, 8)):
            yield _u32(table, 12 + 4 * index)


def _durations(table: bytes) -> Iterator[int]:
    for index in range(_count(table, 8, 4)):
        for _ in range(_u32(table, 8 + 8 * index)):
            yield _u32(table, 12 + 8 * index)


def _in_fragment(fragment: bytes, start: int, track: _Track, time: int) -> Generator[Sample, None, int]:
    """Yield the samples of a `traf`, whose `moof` begins at `start`; return the time after its last one."""
    header, decode = _only(fragment, b"tfhd"), _only(fragment, b"tfdt")
    if _u32(header, 4) != track.number:
        return time
    base, duration, size = _fragment_defaults(header, start, track)
    offset = base
    if decode:
        time = int.from_bytes(decode[4:12]) if decode[:1] == b"\1" else _u32(decode, 4)
    for kind, content in _children(fragment):
        if kind != b"trun":
            continue
        flags, at = _u32(content, 0), 8
        if flags & _HAS_OFFSET:
            offset, at = base + int.from_bytes(content[at : at + 4], signed=True), at + 4
        at += 4 if flags & _FIRST_FLAGS else 0
        for _ in range(_u32(content, 4)):
            each = {_DURATION: duration, _SIZE: size}
            for flag in _PER_SAMPLE:
                if flags & flag:
                    each[flag], at = _u32(content, at), at + 4
            yield Sample(offset, each[_SIZE], time / track.timescale)
            offset += each[_SIZE]
            time += each[_DURATION]
    return time


def _fragment_defaults(header: bytes, start: int, track: _Track) -> tuple[int, int, int]:
    """Return from where a fragment's offsets count, and the duration and size of samples that give none."""
    flags, at, base = _u32(header, 0), 8, start
    if flags & 0x1:
        base, at = int.from_bytes(header[at : at + 8]), at + 8
    at += 4 if flags & 0x2 else 0
    duration, size = track.defaults
    if flags & 0x8:
        duration, at = _u32(header, at), at + 4
    if flags & 0x10:
        size = _u32(header, at)
    return base, duration, size


def _u32(content: bytes, at: int) -> int:
    if at + 4 > len(content):
        raise Unreadable("one of its tables is cut short")
    return int.from_bytes(content[at : at + 4])


def _count(table: bytes, entry: int, at: int) -> int:
    """Return how many entries a table has; at most as many as fit into it. An absent table has none."""
    if not table:
        return 0
    count = _u32(table, at)
    if count > (len(table) - at - 4) // entry:
        raise Unreadable(f"a table says that it has {count} entries, and is shorter")
    return count


def _name(kind: bytes) -> str:
    return ascii(kind.decode("latin-1"))[1:-1]
