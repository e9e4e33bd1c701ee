"""What an MP4 has a player do with its pictures: turn, crop, stretch, hide, hurry, retitle. No signature covers that.

An excerpt that was cut at key frames, as by `ffmpeg -ss`, may have an edit list that leaves out the pictures between
the key frame and the moment that was asked for.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from operator import itemgetter

from agent.trust.evidence.h264 import Kind, Unit, unescape
from agent.trust.evidence.parameter_sets import ParameterSets, UnreadableVideoError, is_b
from edge_centre.evidence.mp4 import Mp4, Sample, Unreadable, children, named, only, u32

_ONE = 0x10000
_STRAIGHT = (_ONE, 0, 0, 0, _ONE, 0, 0, 0, 0x40000000)
_TURNS: dict[tuple[int, ...], str] = {
    (0, 1, -1, 0): "turned by 90 degrees",
    (-1, 0, 0, -1): "turned by 180 degrees",
    (0, -1, 1, 0): "turned by 270 degrees",
    (-1, 0, 0, 1): "mirrored",
    (1, 0, 0, -1): "mirrored, upside down",
}
_CLOSE_S = 1.0
"""What is shown may be as much earlier or later than decoded, and a length so wrong."""
_BLOCK = 16
"""Pixels: no camera needs to crop more of its coded picture."""
_SPS, _PPS = 7, 8
_STEERING = {2, 19, 22, 23, 45, 47, 142, 147}
"""Payload types of SEIs that have a player crop, turn, mirror, filter or recolour pictures; of H.264 and H.265."""
_MOST_MESSAGES = 100
"""In one SEI; a camera sends two or three."""
_DRAWN = {"text", "sbtl", "subt", "clcp", "subp"}
"""Kinds of tracks that players draw over the pictures."""
_UNSEEN = {
    b"soun": {b"mp4a", b"alaw", b"ulaw", b"samr", b"sawb", b"Opus", b"fLaC", b"ac-3", b"ec-3", b"alac", b".mp3"}
    | {b"lpcm", b"ipcm", b"fpcm", b"twos", b"sowt", b"raw ", b"in24", b"in32", b"fl32", b"fl64"},
    b"meta": {b"mett", b"metx", b"urim", b"mebx"},
    b"tmcd": {b"tmcd"},
    b"hint": {b"rtp ", b"srtp", b"rrtp"},
}
"""What may be in tracks of which no player shows anything. Some players take others for pictures, whatever the kind of
track: they go by what is in it."""
_SHOWN = {b"vide", b"auxv", b"pict", b"soun", b"m1a ", b"text", b"sbtl", b"subt", b"clcp", b"subp"}
"""Kinds of tracks. FFmpeg takes a track for what the last `hdlr` before its description says, wherever that stands."""
_PLACES = {
    b"": {b"moov", b"moof", b"sidx"},
    b"moov": {b"mvhd", b"trak", b"mvex"},
    b"mvex": {b"trex"},
    b"trak": {b"tkhd", b"mdia", b"edts"},
    b"edts": {b"elst"},
    b"mdia": {b"mdhd", b"hdlr", b"minf"},
    b"minf": {b"hdlr", b"dinf", b"stbl"},
    b"dinf": {b"dref"},
    b"stbl": {b"stsd", b"stts", b"ctts", b"stsc", b"stsz", b"stz2", b"stco", b"co64", b"stss"},
    b"moof": {b"traf"},
    b"traf": {b"tfhd", b"tfdt", b"trun"},
    b"meta": {b"hdlr"},
}
"""Which boxes lead a player to its pictures, by the box that they belong into."""
_NOWHERE = {b"cmov", b"rmra", b"iloc", b"iinf"}
"""These lead there too: a header that is compressed, or names other films, and pictures that are no film."""
_LEADING = _NOWHERE.union(*_PLACES.values())
_HOLDING = {*_PLACES, b"udta", b"tref", b"gmhd", b"wave", b"ilst", b"mfra", b"sinf", b"schi"} - {b""}
_DEEPEST = 10
_NO_SENSE = b"????"
"""Stands for bytes that are no boxes: nobody can tell which boxes a player that is not strict sees in them."""
_IN_ENTRY = {b"btrt", b"fiel", b"pasp", b"clap", b"colr"}
_IN_TRACK = {b"tkhd", b"mdia", b"edts", b"udta", b"meta", b"tref"}
_BOXES = {b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"sidx", b"ssix", b"mfra", b"free", b"skip", b"wide", b"prft"}
_EMPTY = 64
"""Bytes of a box that is there to be overlooked, at most."""
_BY_A_WRITER = b"\xa9too"
_MOST_TITLES = 20


@dataclass(frozen=True)
class Presented:
    """Clauses. `changes` are what a player shows otherwise; `beside` is what else nobody has signed."""

    changes: tuple[str, ...]
    beside: tuple[str, ...]


class Watch:
    """Sees the samples of a film go by. Not for more than one thread."""

    def __init__(self, movie: Mp4) -> None:
        self._movie = movie
        self._sample: Sample | None = None
        self._strange = self._steered = 0
        self._first_s = self._end_s = self._second_key_s = 0.0
        self._early_s, self._late_s, self._newest_s = 0.0, 0.0, float("-inf")
        self._count = self._unmarked = self._bytes = self._keys = 0
        self._is_back = self._is_reordered = False
        self._known = sets_of(movie)
        self._index, self._is_led_on = _index_of(movie)
        self._off_index = 0

    def add(self, sample: Sample, unit: Unit) -> None:
        """See the next NAL unit, in the order of decoding."""
        if sample is not self._sample:
            self._sample = sample
            self._begin(sample)
        if unit.starts_gop:
            self._unmarked += not sample.is_key
            self._keys += 1
            self._second_key_s = sample.time if self._keys <= 2 else self._second_key_s
        if self._is_back and unit.kind is Kind.PICTURE:
            self._is_reordered |= not is_b(unit)
        if unit.kind is Kind.SEI:
            self._steered += not _STEERING.isdisjoint(_messages(unit))
        if unit.kind is Kind.PARAMETERS and self._known and unit.type in {_SPS, _PPS}:
            self._strange += unit.data not in self._known

    def _begin(self, sample: Sample) -> None:
        moved_s = sample.shown - sample.time
        if not self._count:
            self._first_s, self._early_s, self._late_s = sample.time, moved_s, moved_s
        self._early_s, self._late_s = min(self._early_s, moved_s), max(self._late_s, moved_s)
        self._is_back = sample.shown < self._newest_s and not self._movie.is_h265
        self._newest_s = max(self._newest_s, sample.shown)
        at = bisect_right(self._index, sample.offset, key=itemgetter(0)) - 1
        if at >= 0 and sample.offset < self._index[at][1]:
            begin_s, end_s = self._index[at][2:]
            self._off_index += not begin_s - _CLOSE_S <= sample.time <= end_s + _CLOSE_S
        self._count, self._bytes, self._end_s = self._count + 1, self._bytes + sample.size, sample.time + sample.lasts

    def seen(self) -> Presented:
        """Return what a player is told. Raises Unreadable."""
        try:
            return Presented(tuple(dict.fromkeys(self._changes())), tuple(dict.fromkeys(self._beside())))
        except (struct.error, IndexError) as error:
            raise Unreadable("one of its headers is cut short") from error

    def _changes(self) -> Iterator[str]:
        movie, track = self._movie.movie, self._movie.video.content
        yield from self._edits()
        yield from _movie_head(only(movie, b"mvhd"))
        yield from _track_head(only(track, b"tkhd"))
        yield from self._lengths()
        yield from self._indexed()
        entries = children(self._movie.video.tables[b"stsd"][8:])
        if len(entries) > 1:
            yield f"its pictures are described in {len(entries)} ways: a player may take the wrong one"
        for _, entry in entries:
            yield from self._described(entry)
        if only(track, b"mdia", b"minf", b"vmhd")[4:12].strip(b"\0"):
            yield "it is drawn in a mode of its own (vmhd), with other colours"
        strange = [named(kind) for kind, _ in children(track) if kind not in _IN_TRACK]
        if strange:
            yield f"its track has boxes that may change how it is drawn: {', '.join(sorted({*strange})[:_MOST_TITLES])}"
        yield from self._others()
        if self._strange:
            yield f"{self._strange} parameter sets among its pictures are not those of its header"
        if self._steered:
            yield f"{self._steered} messages among its pictures (SEI) may have a player crop, turn or recolour them"
        if self._is_reordered:
            yield "its pictures are shown in another order than they were recorded"
        if (apart_s := self._late_s - self._early_s) > _CLOSE_S:
            yield f"some pictures are shown {apart_s:.1f} s later than others, by offsets of their own"
        if self._unmarked:
            yield f"{self._unmarked} key frames are not marked as such: a player may pass over them"

    def _others(self) -> Iterator[str]:
        """Say what may have a player show other pictures than those of the video track."""
        if misplaced := sorted({*self._misplaced()}):
            text = ", ".join(misplaced[:_MOST_TITLES])
            yield f"some boxes are not where they belong, and a player may find other pictures by them: {text}"
        tracks = [inner for kind, inner in children(self._movie.movie) if kind == b"trak"]
        others = [each for each in tracks if _kind(each) not in _DRAWN]
        if unsigned := sum(not _is_unseen(each) for each in others if each != self._movie.video.content):
            yield f"{unsigned} of its tracks may be pictures that nobody has signed, in place of these or over them"
        drawn = sum(each in _DRAWN for each in self._movie.others)
        if drawn:
            yield f"{drawn} of its tracks {'is' if drawn == 1 else 'are'} text that is drawn over the pictures"

    def _misplaced(self) -> Iterator[str]:
        """Yield which boxes stand in which, where only a player that is not strict finds them."""
        for box in self._movie.boxes:
            if box.type in _LEADING and box.type not in _PLACES[b""]:
                yield f"{named(box.type)} outside of moov"
            elif box.type in _HOLDING:
                yield from _misplaced(box.type, self._movie.content(box))

    def _edits(self) -> Iterator[str]:
        """An edit list may begin with nothing, and leave out pictures of the first GOP."""
        table, shown = only(self._movie.video.content, b"edts", b"elst"), list[tuple[float, float, int]]()
        movie_scale = _timescale(only(self._movie.movie, b"mvhd"))
        wide = table[:1] == b"\1"
        for at in range(8, 8 + u32(table, 4) * (20 if wide else 12) if table else 8, 20 if wide else 12):
            lasts, begin, rate = struct.unpack_from(">QqI" if wide else ">IiI", table, at)
            if begin >= 0:
                shown.append((lasts / movie_scale, begin / self._movie.video.timescale, rate))
        if not shown:
            return
        begin_s = shown[0][1] - max(self._early_s, 0.0)
        if len(shown) > 1 or shown[0][2] != _ONE:
            yield f"an edit list shows {len(shown)} pieces of it, in an order and at a speed of its own"
        elif self._keys > 1 and begin_s > self._second_key_s - self._first_s + _CLOSE_S / 2:
            yield f"an edit list hides the first {begin_s:.1f} s"
        left = self._end_s - self._first_s - max(begin_s, 0.0) - sum(each[0] for each in shown)
        if shown[-1][0] and left > _CLOSE_S and len(shown) == 1:
            yield f"an edit list hides the last {left:.1f} s"

    def _indexed(self) -> Iterator[str]:
        if self._off_index:
            yield "its index (sidx) gives its pictures other times: a player may show another length, or skip some"
        if self._is_led_on:
            yield "its index (sidx) leads to others, or there are several: a player may show another length"

    def _lengths(self) -> Iterator[str]:
        """A length of 0 is none that is given. With an edit list the movie and the track have that of the edits."""
        movie, track = self._movie.movie, self._movie.video.content
        media, begin_s = only(track, b"mdia", b"mdhd"), 0.0 if self._movie.is_fragmented else self._first_s
        length_s = self._end_s - begin_s
        heads = [("film", only(movie, b"mvhd"), 16, 24, _timescale(only(movie, b"mvhd")))]
        heads.append(("track", only(track, b"tkhd"), 20, 28, _timescale(only(movie, b"mvhd"))))
        heads.append(("medium", media, 16, 24, _timescale(media)))
        has_edits = bool(only(track, b"edts"))
        for what, head, at, wide_at, scale in heads:
            wide = head[:1] == b"\1"
            said = int.from_bytes(head[wide_at : wide_at + 8]) if wide else u32(head, at)
            if said in {0, 0xFFFFFFFF, 2**64 - 1} or (has_edits and what != "medium"):
                continue
            if self._movie.is_fragmented and said / scale < length_s and what == "medium":
                continue  # that of the samples in its tables
            if abs(said / scale - length_s) > _CLOSE_S + length_s / 50:
                yield f"it says that the {what} lasts {said / scale:.1f} s, and it lasts {length_s:.1f} s"

    def _described(self, entry: bytes) -> Iterator[str]:
        width, height = struct.unpack_from(">HH", entry, 24)
        inside = dict(children(entry[78:]))
        if b"clap" in inside:
            yield "it is cropped (clap)"
        across, down = struct.unpack_from(">II", inside[b"pasp"]) if b"pasp" in inside else (1, 1)
        coded, margins = _size(self._known)
        if (count := sum(each[:1] != b"" and each[0] & 31 == _SPS for each in self._known)) > 1:
            yield f"its header has {count} sequence parameter sets: a player may take the wrong one"
        if across != down and coded:
            yield f"it is stretched ({across} to {down}, pasp)"
        if coded and (width, height) != coded:
            yield f"its header says {width}x{height} pixels, and its pictures have {coded[0]}x{coded[1]}"
        if max(margins) >= _BLOCK:
            yield f"its parameter sets crop {max(margins)} pixels of it"
        head = only(self._movie.video.content, b"tkhd")
        shown = [each >> 16 for each in struct.unpack_from(">II", head, len(head) - 8)]
        if (
            all(shown)
            and width
            and height
            and abs(shown[0] * height * down - shown[1] * width * across)
            > (2 * max(shown[0], shown[1]) * max(across, down))
        ):
            yield f"it is shown as {shown[0]}x{shown[1]}, and its header says {width}x{height}"
        own = b"hvcC" if self._movie.is_h265 else b"avcC"
        strange = sorted(named(kind) for kind in inside if kind not in _IN_ENTRY | {own})
        if strange:
            yield f"its description has boxes that may change how it is drawn: {', '.join(strange[:_MOST_TITLES])}"

    def _beside(self) -> Iterator[str]:
        movie, track = self._movie.movie, self._movie.video.content
        titles = [*_titles(movie), *_titles(track)]
        if titles:
            yield f"titles and other texts: {', '.join(titles[:_MOST_TITLES])}"
        entries = children(self._movie.video.tables[b"stsd"][8:])
        if any(kind == b"colr" for _, entry in entries for kind, _ in children(entry[78:])):
            yield "how its colours are meant (colr)"
        boxes = self._movie.boxes
        strange = sorted({named(each.type) for each in boxes if each.type not in _BOXES})
        if strange:
            yield f"boxes that no player needs: {', '.join(strange[:_MOST_TITLES])}"
        unused = sum(each.end - each.body for each in boxes if each.type in {b"free", b"skip", b"wide"})
        media = sum(each.end - each.body for each in boxes if each.type == b"mdat")
        hidden = media - self._bytes if not self._movie.others else 0
        if hidden + unused > _EMPTY:
            yield f"{hidden + unused} bytes that belong to no picture"


def _messages(unit: Unit) -> Iterator[int]:
    """Yield the payload types of a SEI; of one with too many one that steers players."""
    data, at = unescape(unit.data), unit.header
    for _ in range(_MOST_MESSAGES):
        if at >= len(data) - 1:  # its last byte ends it
            return
        kind, at = _sum_of(data, at)
        size, at = _sum_of(data, at)
        yield kind
        at += size
    yield max(_STEERING)


def _sum_of(data: bytes, at: int) -> tuple[int, int]:
    """Return a number that is written as bytes to be added, as long as they are 255, and where it ends."""
    end = at
    while end < len(data) and data[end] == 0xFF:
        end += 1
    return 0xFF * (end - at) + (data[end] if end < len(data) else 0), end + 1


def _misplaced(parent: bytes, content: bytes, depth: int = 0) -> Iterator[str]:
    if depth == _DEEPEST:
        yield f"{named(parent)} far inside"
        return
    for kind, inside in _inside(parent, content):
        if kind == _NO_SENSE:
            yield f"what nobody can read in {named(parent)}"
        elif kind in _LEADING and kind not in _PLACES.get(parent, ()):
            yield f"{named(kind)} in {named(parent)}"
        elif kind == b"hdlr" and parent != b"mdia" and inside[8:12] in _SHOWN:
            yield f"hdlr ({named(inside[8:12])}) in {named(parent)}"
        else:
            yield from _misplaced(kind, inside, depth + 1)


def _inside(kind: bytes, content: bytes) -> list[tuple[bytes, bytes]]:
    """Return the boxes in one that holds others; some writers begin `meta` without a version."""
    if kind not in _HOLDING:
        return []
    return _leniently(content[4:] if kind == b"meta" and content[:4] == bytes(4) else content)


def _kind(track: bytes) -> str:
    return named(only(track, b"mdia", b"hdlr")[8:12])


def _is_unseen(track: bytes) -> bool:
    """Whether no player shows anything of a track."""
    known = _UNSEEN.get(only(track, b"mdia", b"hdlr")[8:12], set())
    described = only(track, b"mdia", b"minf", b"stbl", b"stsd")[8:]
    return b"hdlr" not in described and all(kind in known for kind, _ in children(described))


def _index_of(movie: Mp4) -> tuple[list[tuple[int, int, float, float]], bool]:
    """Return which bytes an index says to be of which seconds, and whether it leads to other indexes."""
    boxes = [each for each in movie.boxes if each.type == b"sidx"]
    found: list[tuple[int, int, float, float]] = []
    for box in boxes[:1]:
        table = movie.content(box)
        wide = table[:1] == b"\1"
        if len(table) < (32 if wide else 24):
            raise Unreadable("its index is cut short")
        scale, time, first = struct.unpack_from(">IQQ" if wide else ">III", table, 8)
        at = box.end + first
        for place in range(32 if wide else 24, len(table) - 11, 12):
            size, lasts = struct.unpack_from(">II", table, place)
            if size >> 31:
                return [], True
            found.append((at, at + size, time / (scale or 1), (time + lasts) / (scale or 1)))
            at, time = at + size, time + lasts
    return found, len(boxes) > 1


def sets_of(movie: Mp4) -> dict[bytes, None]:
    """Return the parameter sets of H.264 that the header has, the SPS first."""
    found: dict[bytes, None] = {}
    if movie.is_h265:
        return found
    for _, entry in children(movie.video.tables[b"stsd"][8:]):
        configuration = only(entry[78:], b"avcC")
        at = 5
        for mask in (31, 255):
            count, at = configuration[at] & mask if at < len(configuration) else 0, at + 1
            for _ in range(count):
                length = int.from_bytes(configuration[at : at + 2])
                found[configuration[at + 2 : at + 2 + length]] = None
                at += 2 + length
    return found


def _size(known: dict[bytes, None]) -> tuple[tuple[int, int] | None, tuple[int, int]]:
    """Return the size of the pictures, None if nobody knows; and how many pixels are cropped across and down."""
    sps = next((each for each in known if each and each[0] & 31 == _SPS), None)
    if sps is None:
        return None, (0, 0)
    sets = ParameterSets(sps, (b"\x68",))
    try:
        size, margins = sets.size, sets.cropped
    except UnreadableVideoError:
        return None, (0, 0)
    return size, margins


def _timescale(head: bytes) -> int:
    return max(u32(head, 20 if head[:1] == b"\1" else 12), 1) if head else 1


def _movie_head(head: bytes) -> Iterator[str]:
    at = 32 if head[:1] == b"\1" else 20
    rate = u32(head, at)
    if rate not in {0, _ONE}:
        yield f"it is played {rate / _ONE:g} times as fast"
    yield from _turned(head[at + 16 : at + 52])


def _track_head(head: bytes) -> Iterator[str]:
    if not head[3] & 1:
        yield "its track is turned off"
    yield from _turned(head[-44:-8])


def _turned(content: bytes) -> Iterator[str]:
    matrix = struct.unpack(">9i", content)
    if matrix == _STRAIGHT or not any(matrix):
        return
    linear = matrix[0], matrix[1], matrix[3], matrix[4]
    turn = _TURNS.get(tuple((each > 0) - (each < 0) for each in linear))
    if turn and {abs(each) for each in linear} == {0, _ONE}:
        yield f"it is {turn}"
    else:
        yield "it is moved, turned or stretched (matrix)"


def _titles(content: bytes) -> Iterator[str]:
    """Yield the names of texts about a film, or a track, but for that of the program that has written it."""
    for kind, inside in children(content):
        if kind == b"meta":
            yield from _of_meta(inside)
        if kind == b"udta":
            for each, body in _leniently(inside):
                if each == b"meta":
                    yield from _of_meta(body)
                elif each != _BY_A_WRITER and body.strip(b"\0"):
                    yield named(each)


def _of_meta(content: bytes) -> Iterator[str]:
    inside = _leniently(content[4:] if content[:4] == bytes(4) else content)
    for kind, body in inside:
        if kind == b"ilst":
            yield from (named(each) for each, _ in _leniently(body) if each != _BY_A_WRITER)
        elif kind not in {b"hdlr", b"free"}:
            yield named(kind)


def _leniently(content: bytes) -> list[tuple[bytes, bytes]]:
    """Return the boxes in a box that may end with zeros; one that makes no sense as a box without a name."""
    for each in (content, content[:-4] if content[-4:] == bytes(4) else content):
        with suppress(Unreadable):
            return children(each)
    return [(_NO_SENSE, content)]
