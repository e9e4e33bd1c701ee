"""Reads MP4 and fragmented MP4 as far as evidence needs it: the NAL units of the video, with their places in the file.

What a file says about itself is believed nowhere: sizes are held against the file's, and no more is read than it has.
Whatever makes no sense raises Unreadable, with a sentence.
"""

import struct
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import pairwise, repeat
from typing import BinaryIO, NamedTuple, Self

from agent.contract.errors import EdgeAgentError
from agent.trust.evidence import h264
from agent.trust.evidence.h264 import Kind, Unit
from edge_centre.evidence import h265

_LARGEST_TABLES = 64 << 20
"""Bytes of a `moov` or `moof`; ten hours at 30 pictures a second need 20 MB."""
_LARGEST_SAMPLE = 64 << 20
_MOST_TINY, _SMALLEST = 50_000, 16
"""So many pieces of a picture may be smaller than so many bytes: no camera makes more, and each takes time."""
_TOO_SMALL = "it has more pieces of pictures than a camera makes for so many bytes"
_MOST_BOXES = 500_000
_MOST_CHILDREN = 10_000
_CODECS = {b"avc1": b"avcC", b"avc3": b"avcC", b"hvc1": b"hvcC", b"hev1": b"hvcC"}
_TABLES = (b"stsd", b"stts", b"stsc", b"stsz", b"stz2", b"stco", b"co64", b"ctts", b"stss")
_VIDEO_ENTRY = 78
"""How many bytes of a visual sample entry come before its boxes."""
_HAS_OFFSET, _FIRST_FLAGS = 0x1, 0x4
_SAYS_WHERE = 0x20001
"""Players take the offsets of a fragment's second part from different places, unless it says from where they count."""
_DURATION, _SIZE, _FLAGS, _SHOWN = 0x100, 0x200, 0x400, 0x800
_NOT_KEY, _HALF, _WHOLE = 0x10000, 1 << 31, 1 << 32
_PER_SAMPLE = (_DURATION, _SIZE, _FLAGS, _SHOWN)
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
    """Where a picture lies in the file, when it is decoded and shown (seconds since the beginning), and for how long;
    and whether the file says that it is a key frame."""

    offset: int
    size: int
    time: float
    shown: float
    lasts: float
    is_key: bool


@dataclass
class _Track:
    number: int
    timescale: int
    codec: bytes
    length_size: int
    tables: dict[bytes, bytes]
    content: bytes
    """Of its `trak`."""
    defaults: tuple[int, int, int] = (0, 0, 0)
    """Duration, size and flags of a fragment's samples that give none (`trex`)."""


@dataclass
class Mp4:
    """An MP4 file that is open. Not for more than one thread."""

    file: BinaryIO
    size: int
    boxes: list[Box]
    """At the top level."""
    movie: bytes
    """The content of its `moov`."""
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
        content = _content(file, movies[0])
        movie = children(content)
        tracks = [_track(inner) for kind, inner in movie if kind == b"trak"]
        video = [each for each in tracks if isinstance(each, _Track)]
        if len(video) != 1:
            raise Unreadable("it holds no video" if not video else "it holds more than one video track")
        extends = [inner for each, inner in children(only(content, b"mvex")) if each == b"trex"]
        own = [each for each in extends if u32(each, 4) == video[0].number]
        if len(own) > 1:
            raise Unreadable("it gives the pictures of its fragments two defaults")
        for each in own:
            video[0].defaults = u32(each, 12), u32(each, 16), u32(each, 20)
        return cls(file, size, boxes, content, video[0], tuple(each for each in tracks if isinstance(each, str)))

    @property
    def is_h265(self) -> bool:
        """Whether its video is of H.265, and not of H.264."""
        return _CODECS[self.video.codec] == b"hvcC"

    @property
    def is_fragmented(self) -> bool:
        """Whether pictures are in fragments behind the headers."""
        return any(each.type == b"moof" for each in self.boxes)

    def content(self, box: Box) -> bytes:
        """Return what is in a box that is no `mdat`. Raises Unreadable, OSError."""
        return _content(self.file, box)

    def samples(self) -> Iterator[Sample]:
        """Yield the samples of the video in the order of decoding, one at least. Raises Unreadable."""
        left, time, sample = self.size + _MOST_TINY * _SMALLEST, 0.0, None
        for sample in self._samples():
            left -= max(sample.size, _SMALLEST)
            if not 0 <= sample.offset <= sample.offset + sample.size <= self.size:
                raise Unreadable(f"a picture should be at byte {sample.offset}, behind the end of the file")
            if left < 0:
                raise Unreadable("its pictures lie over each other" if sample.size > _SMALLEST else _TOO_SMALL)
            if sample.time < time:
                raise Unreadable(f"its pictures go back in time at byte {sample.offset}")
            time = sample.time
            yield sample
        if sample is None:
            raise Unreadable("its video has no pictures")

    def pictures(self) -> Iterator[tuple[Sample, Unit]]:
        """Yield the NAL units of the video in the order of decoding, and their samples. Raises what `units` raises."""
        make = h265.unit if self.is_h265 else h264.unit
        left = _MOST_TINY + self.size // _SMALLEST
        for sample in self.samples():
            if sample.size > _LARGEST_SAMPLE:
                raise Unreadable(f"the picture at byte {sample.offset} has {sample.size} bytes")
            self.file.seek(sample.offset)
            content = self.file.read(sample.size)
            for unit in _units(content, self.video.length_size, sample.offset, sample.time, make):
                left -= 1
                if left < 0:
                    raise Unreadable(_TOO_SMALL)
                yield sample, unit

    def units(self) -> Iterator[Unit]:
        """Yield the NAL units of the video in the order of decoding. Raises Unreadable, OSError."""
        for _, unit in self.pictures():
            yield unit

    def _samples(self) -> Iterator[Sample]:
        yield from _in_tables(self.video)
        time = 0
        for box in self.boxes:
            if box.type == b"moof":
                parts = [inner for kind, inner in children(_content(self.file, box)) if kind == b"traf"]
                for content in parts:
                    if content is not parts[0] and not u32(only(content, b"tfhd"), 0) & _SAYS_WHERE:
                        raise Unreadable(f"the fragment at byte {box.start} leaves open where its pictures begin")
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
        if at == 0 and head[4:8] not in (b"ftyp", b"moov", b"styp", b"free", b"mdat", b"wide", b"skip"):
            raise Unreadable("it is not an MP4 file")
        if len(head) < 8:
            raise Unreadable(f"it ends in the middle of a box, at byte {size}")
        length, kind = struct.unpack_from(">I4s", head)
        body = at + 8
        if length == 1:
            length, body = int.from_bytes(head[8:16]), at + 16
        elif length == 0:
            length = size - at
        if length < body - at:
            raise Unreadable(f"the box at byte {at} says that it has {length} bytes")
        if at + length > size:
            raise Unreadable(
                f"the box {named(kind)} at byte {at} should have {length} bytes, but the file ends {at + length - size}"
                " bytes earlier: the file is cut short"
            )
        yield Box(kind, at, body, at + length)
        at += length
    raise Unreadable("it has too many boxes")


def _content(file: BinaryIO, box: Box) -> bytes:
    if box.end - box.body > _LARGEST_TABLES:
        raise Unreadable(f"the box {named(box.type)} at byte {box.start} has {box.end - box.body} bytes")
    file.seek(box.body)
    return file.read(box.end - box.body)


def children(content: bytes) -> list[tuple[bytes, bytes]]:
    """Return the types and contents of the boxes in a box. Raises Unreadable."""
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
            raise Unreadable(f"the box {named(kind)} in its headers says that it has {length} bytes")
        found.append((kind, content[begin : at + length]))
        at += length
    return found


def only(content: bytes, *path: bytes) -> bytes:
    """Return the content of a box in boxes; empty if it is not there. Two of a kind are refused: a player might take
    the other one."""
    for kind in path:
        found = [inner for each, inner in children(content) if each == kind]
        if len(found) > 1:
            raise Unreadable(f"it has two {named(kind)} boxes where one must be")
        content = found[0] if found else b""
    return content


def _track(content: bytes) -> _Track | str:
    """Return a video track; of another one its kind."""
    media = only(content, b"mdia")
    kind = only(media, b"hdlr")[8:12]
    if kind != b"vide":
        return named(kind)
    inside = only(media, b"minf")
    places = children(only(inside, b"dinf", b"dref")[8:])
    if any(not each[3:4] or not each[3] & 1 for _, each in places):
        raise Unreadable("its pictures lie in another file")
    samples = only(inside, b"stbl")
    tables = {each: only(samples, each) for each in _TABLES}
    if tables[b"stz2"] or (tables[b"stco"] and tables[b"co64"]):
        raise Unreadable("its tables are of a kind that is not known here")
    codec, length_size = _described(children(tables[b"stsd"][8:]))
    header, number = only(media, b"mdhd"), only(content, b"tkhd")
    timescale = u32(header, 20 if header[:1] == b"\1" else 12)
    if timescale == 0:
        raise Unreadable("its video has no clock")
    return _Track(u32(number, 20 if number[:1] == b"\1" else 12), timescale, codec, length_size, tables, content)


def _described(entries: list[tuple[bytes, bytes]]) -> tuple[bytes, int]:
    """Return the codec, and how many bytes the length of a NAL unit has."""
    found = set()
    for codec, entry in entries:
        if codec not in _CODECS:
            raise Unreadable(f"its video is neither H.264 nor H.265, but {named(codec)}")
        configuration = only(entry[_VIDEO_ENTRY:], _CODECS[codec])
        place = 4 if _CODECS[codec] == b"avcC" else 21
        is_stream = configuration[:1] != b"\1" if place == 4 else configuration[:2] == b"\0\0"
        if len(configuration) <= place or is_stream:  # as FFmpeg reads it: start codes count then, and not lengths
            raise Unreadable("its video is not described")
        found.add((codec, (configuration[place] & 3) + 1))
    if len(found) != 1:
        raise Unreadable("its video is described in more than one way" if found else "its video is not described")
    return found.pop()


def _in_tables(track: _Track) -> Iterator[Sample]:
    """Yield the samples that the tables of `moov` name."""
    wide = not track.tables[b"stco"]
    chunks = track.tables[b"co64" if wide else b"stco"]
    runs, times, sizes = track.tables[b"stsc"], _runs(track.tables[b"stts"]), _sizes(track.tables[b"stsz"])
    moves, keys = _runs(track.tables[b"ctts"], signed=True), _keys(track.tables[b"stss"])
    time, run, per_chunk = 0, 0, 0
    firsts = [u32(runs, 8 + 12 * each) for each in range(_count(runs, 12, 4))]
    if firsts[:1] not in ([], [1]) or any(a >= b for a, b in pairwise(firsts)):
        raise Unreadable("the table of its chunks is out of order")
    for chunk in range(_count(chunks, 8 if wide else 4, 4)):
        if run < len(firsts) and firsts[run] <= chunk + 1:
            per_chunk, run = u32(runs, 12 + 12 * run), run + 1
        at = int.from_bytes(chunks[8 + 8 * chunk : 16 + 8 * chunk]) if wide else u32(chunks, 8 + 4 * chunk)
        for _ in range(per_chunk):
            size = next(sizes, None)
            if size is None:
                return
            lasts, scale = next(times, 0), track.timescale
            yield Sample(at, size, time / scale, (time + next(moves, 0)) / scale, lasts / scale, next(keys, False))
            at += size
            time += lasts
    if next(sizes, None) is not None:
        raise Unreadable("its tables name pictures that are nowhere in the file")


def _sizes(table: bytes) -> Iterator[int]:
    if not table:
        return
    same = u32(table, 4)
    if same:
        for _ in range(u32(table, 8)):
            yield same
    else:
        for index in range(_count(table, 4, 8)):
            yield u32(table, 12 + 4 * index)


def _runs(table: bytes, *, signed: bool = False) -> Iterator[int]:
    """Yield the values of a table that says how often each comes in a row."""
    for index in range(_count(table, 8, 4)):
        at = 12 + 8 * index
        yield from repeat(int.from_bytes(table[at : at + 4], signed=signed), u32(table, at - 4))


def _keys(table: bytes) -> Iterator[bool]:
    """Yield of each sample whether the table of key frames has it; without one all are."""
    if not table:
        yield from repeat(True)
    before = 0
    for index in range(_count(table, 4, 4)):
        number = u32(table, 8 + 4 * index)
        if number <= before:
            raise Unreadable("its table of key frames is out of order")
        yield from repeat(False, number - before - 1)
        yield True
        before = number


def _in_fragment(fragment: bytes, start: int, track: _Track, time: int) -> Generator[Sample, None, int]:
    """Yield the samples of a `traf`, whose `moof` begins at `start`; return the time after its last one."""
    header, decode = only(fragment, b"tfhd"), only(fragment, b"tfdt")
    if u32(header, 4) != track.number:
        return time
    base, *defaults = _fragment_defaults(header, start, track)
    offset, is_first = base, True
    if decode:
        time = int.from_bytes(decode[4:12]) if decode[:1] == b"\1" else u32(decode, 4)
    for kind, content in children(fragment):
        if kind != b"trun":
            continue
        if u32(content, 0) & _HAS_OFFSET:
            offset = base + int.from_bytes(content[8:12], signed=True)
        elif not is_first:  # for FFmpeg it begins at `base`, by the standard behind the run before
            raise Unreadable(f"the fragment at byte {start} leaves open where its pictures begin")
        is_first = False
        for lasts, size, marks, moved in _in_run(content, defaults):
            shown = time + (moved + _HALF) % _WHOLE - _HALF
            scale = track.timescale
            yield Sample(offset, size, time / scale, shown / scale, lasts / scale, not marks & _NOT_KEY)
            offset += size
            time += lasts
    return time


def _in_run(content: bytes, defaults: list[int]) -> Iterator[tuple[int, ...]]:
    """Yield duration, size, flags and composition offset of each sample of a `trun`."""
    flags = u32(content, 0)
    at = 12 if flags & _HAS_OFFSET else 8
    first = u32(content, at) if flags & _FIRST_FLAGS else None
    at += 4 if flags & _FIRST_FLAGS else 0
    for _ in range(u32(content, 4)):
        each = dict(zip(_PER_SAMPLE, (*defaults, 0), strict=True))
        if first is not None:
            each[_FLAGS], first = first, None
        for flag in _PER_SAMPLE:
            if flags & flag:
                each[flag], at = u32(content, at), at + 4
        yield tuple(each.values())


def _fragment_defaults(header: bytes, start: int, track: _Track) -> tuple[int, int, int, int]:
    """Return from where a fragment's offsets count, and the duration, size and flags of samples that give none."""
    flags, at, base = u32(header, 0), 8, start
    if flags & 0x1:
        base, at = int.from_bytes(header[at : at + 8]), at + 8
    at += 4 if flags & 0x2 else 0
    duration, size, kind = track.defaults
    if flags & 0x8:
        duration, at = u32(header, at), at + 4
    if flags & 0x10:
        size, at = u32(header, at), at + 4
    if flags & 0x20:
        kind = u32(header, at)
    return base, duration, size, kind


def u32(content: bytes, at: int) -> int:
    """Return the number of 32 bits at a place. Raises Unreadable."""
    if at + 4 > len(content):
        raise Unreadable("one of its tables is cut short")
    return int.from_bytes(content[at : at + 4])


def _count(table: bytes, entry: int, at: int) -> int:
    """Return how many entries a table has; at most as many as fit into it. An absent table has none."""
    if not table:
        return 0
    count = u32(table, at)
    if count > (len(table) - at - 4) // entry:
        raise Unreadable(f"a table says that it has {count} entries, and is shorter")
    return count


def named(kind: bytes) -> str:
    """Return the type of a box for people."""
    return ascii(kind.decode("latin-1"))[1:-1]
