"""Alters what an MP4 says of its pictures, and leaves these as they are."""

import struct
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from io import BytesIO
from typing import Any

from agent.trust.evidence import h264
from agent.trust.evidence.mp4_write import TIMESCALE, Sample, plain
from agent.trust.evidence.parameter_sets import ParameterSets
from edge_centre.evidence.media_signing.film import judged
from edge_centre.evidence.media_signing.keys import Trust
from edge_centre.evidence.media_signing.verdict import Result, Verdict
from edge_centre.evidence.mp4 import Mp4
from edge_centre.evidence.presented import sets_of
from edge_centre.evidence.remux import indexed, plain_mp4
from tests.support.recording import as_file, encoded, pieces_of
from tests.support.signed_media import BEGAN, box, signing
from tests.support.sim_clock import SimClock

Boxes = list[tuple[bytes, Any]]
"""Boxes with their contents; those of boxes that hold others are boxes too."""
_INSIDE = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf"}
_MIRROR = bytes.fromhex("062f0340000980")
"""A display orientation SEI by hand, after D.1.25: mirrored, turned by nothing, until the next one."""
_PAN = bytes.fromhex("060202c0e080")
"""A pan-scan rectangle, after D.1.4."""
FILLER = bytes.fromhex("060304ffffffff80")
"""A message that says nothing, for a constant bit rate."""
_STRAIGHT = (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def boxes(content: bytes) -> Boxes:
    found: Boxes = []
    while content:
        size, kind = struct.unpack_from(">I4s", content)
        found.append((kind, boxes(content[8:size]) if kind in _INSIDE else content[8:size]))
        content = content[size:]
    return found


def written(made: Boxes) -> bytes:
    return b"".join(box(kind, written(inside) if isinstance(inside, list) else inside) for kind, inside in made)


class Container:
    """What was done to an MP4 around its pictures, which stay where and as they are."""

    def __init__(self, film: bytes) -> None:
        self.film = film

    def having(self, *path: bytes, change: Callable[[bytes], bytes]) -> bytes:
        """The film with each box at a path changed; an absent one was empty, and one that becomes empty goes."""
        return self._moved(self._changed(boxes(self.film), path, change))

    def _changed(self, made: Boxes, path: Sequence[bytes], change: Callable[[bytes], bytes]) -> Boxes:
        if len(path) == 1:
            at = next((n for n, (kind, _) in enumerate(made) if kind == path[0]), len(made))
            content = change(made[at][1] if at < len(made) else b"")
            return [*made[:at], *([(path[0], content)] if content else []), *made[at + 1 :]]
        return [(k, self._changed(inside, path[1:], change) if k == path[0] else inside) for k, inside in made]

    def _moved(self, made: Boxes) -> bytes:
        """With the places of its pictures, which have moved with the size of what is before them."""
        step = sum(len(written([each])) for each in made if each[0] == b"moov")
        step -= sum(len(written([each])) for each in boxes(self.film) if each[0] == b"moov")

        def places(table: bytes) -> bytes:
            values = struct.unpack(f">{len(table) // 4}I", table)
            return struct.pack(f">{len(values)}I", *values[:2], *(each + step for each in values[2:]))

        return written(self._changed(made, (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stco"), places))


def _set(at: int, form: str, *values: int) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        packed = struct.pack(form, *values)
        return content[:at] + packed + content[at + len(packed) :]

    return change


def _in_entry(extra: bytes = b"", **changed: tuple[int, int]) -> Callable[[bytes], bytes]:
    """Change the description of the pictures: its size, or a box behind it."""

    def change(table: bytes) -> bytes:
        entry = table[16:] + extra
        if "size" in changed:
            entry = entry[:24] + struct.pack(">HH", *changed["size"]) + entry[28:]
        return table[:8] + box(table[12:16], entry)

    return change


def _edits(*rows: tuple[int, int, int]) -> Callable[[bytes], bytes]:
    table = struct.pack(">II", 0, len(rows)) + b"".join(struct.pack(">IiI", *row) for row in rows)
    return lambda _: box(b"elst", table)


def _runs(*rows: tuple[int, int]) -> Callable[[bytes], bytes]:
    return lambda _: struct.pack(">II", 0, len(rows)) + b"".join(struct.pack(">Ii", *row) for row in rows)


def _calls_itself(kind: bytes) -> bytes:
    return box(b"hdlr", bytes(8), kind, bytes(13))


def _other_track(kind: bytes, entry: bytes = b"", beside: bytes = b"", inside: bytes = b"") -> bytes:
    """A track that calls itself so, and has what is described so in it."""
    media = box(b"mdhd", bytes(12), struct.pack(">III", 90_000, 0, 0)) + _calls_itself(kind)
    described = box(b"stsd", struct.pack(">II", 0, bool(entry)), box(entry, bytes(90), inside) if entry else b"")
    empty = (box(each, bytes(8)) for each in (b"stts", b"stsc", b"stco"))
    table = beside + box(b"stbl", described, *empty, box(b"stsz", bytes(12)))
    return box(b"tkhd", b"\0\0\0\3", bytes(80)) + box(b"mdia", media, box(b"minf", table))


@cache
def film_in_fragments(reordered: int = 0) -> bytes:
    """30 s of a signed film, as a recorder writes it."""
    units = encoded(150, (320, 240), reordered=reordered)
    return as_file(pieces_of(units, SimClock(wall=BEGAN), signing().signer()))


def verdict_on(film: bytes, ca: str | None = None) -> Verdict:
    """The verdict on a file with all that it has a player do; by the authority of `signing` if none is given."""
    return judged(Mp4.read(BytesIO(film)), Trust(signing().ca if ca is None else ca))


def said(found: Verdict) -> str:
    """All that is wrong, or not signed."""
    return "\n".join([*found.changes, *found.beside, *(each.text for each in found.findings)])


_TRACKS = {
    "text over it": (b"sbtl",),
    "pictures that call themselves data": (b"data", b"avc1"),
    "pictures that call themselves sound": (b"soun", b"avc1"),
    "pictures that call themselves sound, then pictures": (b"soun", b"raw ", _calls_itself(b"vide")),
    "the same far inside": (b"soun", b"raw ", box(b"udta", box(b"meta", bytes(4), _calls_itself(b"vide")))),
    "the same in its description": (b"soun", b"mp4a", b"", _calls_itself(b"vide")),
}
_BESIDE = {"other colours", "a title", "bytes hidden", "a second box of media"}
"""What leaves the pictures as they are."""


def unnamed_edits() -> tuple[int, list[str]]:
    """How many edits there are, and which of them the verdict does not name."""
    film = film_in_fragments()
    [sps] = [each.data for each in h264.units(encoded(5, (640, 480))[0][0]) if each.type == 7]
    edits, missed = [*container_edits(plain_mp4(film), sps), *fragment_edits(film)], []
    for what, file, words in edits:
        found = verdict_on(file)
        expected = Result.AUTHENTIC if what in _BESIDE else Result.OTHERWISE
        if words not in said(found) or found.result is not expected:
            missed.append(f"{what}: {found.result.value}: {said(found)}")
    return len(edits), missed


def container_edits(film: bytes, other_sps: bytes) -> Iterator[tuple[str, bytes, str]]:
    """Yield what was done to an ordinary film of 150 pictures at 5 a second (30 s) by a unit of 1/90,000 s, the file,
    and what its verdict must say."""
    made, second = Container(film), 90_000
    track, media, table = (b"moov", b"trak"), (b"moov", b"trak", b"mdia"), (b"moov", b"trak", b"mdia", b"minf", b"stbl")
    edits, entry, head, one = (*track, b"edts"), (*table, b"stsd"), (*track, b"tkhd"), 1 << 16
    held = (1, 5 * 18_000 - 4), (4, 1)
    clap, pasp = box(b"clap", struct.pack(">8I", 100, 1, 100, 1, 0, 1, 0, 1)), box(b"pasp", struct.pack(">II", 4, 1))
    halves = _edits((10 * second, 0, one), (10 * second, 20 * second, one))
    turn, mirror = (0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000), (-0x10000, *_STRAIGHT[1:])
    ends_wrong = bytes(3) + b"\x40wrong"
    hidden = 25 * box(b"abcd", b"x") + box(b"edts", halves(b"")) + ends_wrong
    far = struct.pack(">I4sQ5x", 1, b"abcd", 21) + box(b"edts", halves(b"")) + ends_wrong
    sound = box(b"meta", bytes(4), _calls_itself(b"soun"))
    for what, path, change, words in (
        ("the middle cut out by an edit list", edits, halves, "an edit list shows 2 pieces"),
        ("slowed down by an edit list", edits, _edits((30 * second, 0, 1 << 15)), "an edit list shows"),
        ("the beginning hidden", edits, _edits((20 * second, 10 * second, one)), "an edit list hides the first 10.0 s"),
        ("the end hidden", edits, _edits((20 * second, 0, one)), "an edit list hides the last 10.0 s"),
        ("turned", head, _set(40, ">9i", *turn), "turned by 90 degrees"),
        ("mirrored", head, _set(40, ">9i", *mirror), "mirrored"),
        ("moved off the screen", head, _set(40, ">9i", *_STRAIGHT[:6], 320 << 16, 0, 1 << 30), "matrix"),
        ("the movie mirrored", (b"moov", b"mvhd"), _set(36, ">9i", *mirror), "mirrored"),
        ("the movie's speed", (b"moov", b"mvhd"), _set(20, ">I", 0x20000), "2 times as fast"),
        ("twice as fast", (*media, b"mdhd"), _set(12, ">II", 2 * second, 60 * second), "the file shows in"),
        ("half as fast", (*table, b"stts"), _runs((150, 36_000)), "the file shows in"),
        ("a picture held", (*table, b"stts"), _runs((70, 18_000), (1, 900_000), (79, 18_000)), "the file shows in"),
        ("all but key frames passed over", (*table, b"stts"), _runs(*held * 30), "held: in 29 signed"),
        ("a second passed over", (*table, b"stts"), _runs((50, 18_000), *held, (95, 18_000)), "held: in 1 signed"),
        ("a second held back", (*table, b"stts"), _runs((50, 18_000), *held[::-1], (95, 18_000)), "held: in 1 signed"),
        ("all pictures at once", (*table, b"stts"), _runs((150, 1)), "the file shows in"),
        ("in another order", (*table, b"ctts"), _runs((50, 0), (50, 10 * second), (50, -10 * second)), "another order"),
        ("some shown late", (*table, b"ctts"), _runs((140, 0), (10, 90 * second)), "s later than others"),
        ("cropped", entry, _in_entry(clap), "cropped"),
        ("stretched", entry, _in_entry(pasp), "stretched"),
        ("another size", entry, _in_entry(size=(160, 120)), "its header says 160x120"),
        ("squeezed", head, _set(76, ">II", 80 << 16, 240 << 16), "shown as 80x240"),
        ("other parameter sets", entry, lambda given: with_sps(given, other_sps), "its header says 320x240"),
        ("more parameter sets", entry, lambda given: with_sps(given, other_sps, count=2), "has 2 sequence parameter"),
        ("described twice", entry, lambda given: given[:7] + b"\2" + given[8:] * 2, "described in 2 ways"),
        ("other colours", entry, _in_entry(box(b"colr", b"nclx", bytes(7))), "colours are meant"),
        ("a mode of drawing", (*table[:-1], b"vmhd"), _set(4, ">H", 0x24), "drawn in a mode"),
        ("a title", (b"moov", b"udta"), lambda _: box(b"\xa9nam", b"FAKED"), "titles and other texts: \\xa9nam"),
        ("turned off", head, _set(0, ">I", 0), "turned off"),
        ("text over it", (b"moov", b"text"), lambda _: b"", "drawn over the pictures"),
        ("pictures that call themselves data", (b"moov", b"data"), lambda _: b"", "1 of its tracks may be pictures"),
        ("pictures that call themselves sound", (b"moov", b"soun"), lambda _: b"", "1 of its tracks may be pictures"),
        ("pictures that call themselves sound, then pictures", (b"moov", b"x"), lambda _: b"", "hdlr (vide) in minf"),
        ("the same far inside", (b"moov", b"x"), lambda _: b"", "hdlr (vide) in meta"),
        ("the same in its description", (b"moov", b"x"), lambda _: b"", "1 of its tracks may be pictures"),
        ("pictures that call themselves sound in the end", (*track, b"udta"), lambda _: sound, "hdlr (soun) in meta"),
        ("a track beside its header", (b"trak",), lambda _: _other_track(b"vide"), "trak outside of moov"),
        ("a track among its titles", (b"moov", b"udta"), lambda _: box(b"trak", bytes(8)), "trak in udta"),
        ("an edit list behind others, in a box that ends wrong", (*track, b"udta"), lambda _: hidden, "read in udta"),
        ("an edit list behind a box with a long size", (*track, b"udta"), lambda _: far, "read in udta"),
        ("other places of its pictures", (*table[:-1], b"stco"), lambda _: bytes(8), "stco in minf"),
        ("a compressed header", (b"moov", b"cmov"), lambda _: bytes(8), "cmov in moov"),
        ("a reference to another film", (b"moov", b"rmra"), lambda _: bytes(8), "rmra in moov"),
        ("another length", (b"moov", b"mvhd"), _set(16, ">I", 5 * second), "lasts 5.0 s, and it lasts 30.0 s"),
        ("key frames not marked", (*table, b"stss"), lambda _: struct.pack(">III", 0, 1, 1), "not marked"),
        ("bytes hidden", (b"uuid",), lambda _: bytes(500), "boxes that no player needs: uuid"),
        ("a second box of media", (b"free",), lambda _: bytes(500), "bytes that belong to no picture"),
    ):  # fmt: skip
        file = made.having(*path, change=change)
        if what in _TRACKS:
            other = b"trak", boxes(_other_track(*_TRACKS[what]))
            file = made._moved([(k, [*i, other] if k == b"moov" else i) for k, i in boxes(film)])
        yield what, file, words
    for what, sei in (("mirrored", _MIRROR), ("cropped", _PAN)):
        yield f"{what} by a message among its pictures", with_sei(film, sei), "30 messages among its pictures (SEI)"


def with_sei(film: bytes, sei: bytes, before: float | None = None) -> bytes:
    """An ordinary film with a SEI before each key frame, or before the picture of a time."""
    movie, media, made = Mp4.read(BytesIO(film)), b"", list[Sample]()
    sets = ParameterSets.found([h264.unit(each) for each in sets_of(movie)])
    assert sets is not None
    for each in movie.samples():
        more = len(sei).to_bytes(4) + sei if (each.is_key if before is None else each.time == before) else b""
        media += more + film[each.offset : each.offset + each.size]
        made.append(Sample(len(more) + each.size, round(each.lasts * TIMESCALE), each.is_key, 0))
    return plain(sets, made, media)


def with_sps(table: bytes, sps: bytes, *, count: int = 1) -> bytes:
    """The description of the pictures with another sequence parameter set in place of its own, or as the second."""
    at = table.index(b"avcC") - 4
    size = int.from_bytes(table[at : at + 4])
    record = table[at + 8 : at + size]
    old = int.from_bytes(record[6:8])
    own = record[6 : 8 + old] if count == 2 else b""
    made = box(b"avcC", record[:5] + bytes([0xE0 | count]) + own + len(sps).to_bytes(2) + sps + record[8 + old :])
    entry = table[16:at] + made + table[at + size :]
    return table[:8] + box(table[12:16], entry)


def fragment_edits(film: bytes) -> Iterator[tuple[str, bytes, str]]:
    """The same of a film in fragments."""
    made, run = Container(film), (b"moof", b"traf", b"trun")

    def each(field: int, form: str, value: Callable[[int], int]) -> Callable[[bytes], bytes]:
        """Change a field of each sample: 8 its flags, 12 how much later it is shown."""

        def change(content: bytes) -> bytes:
            altered = bytearray(content)
            for number, at in enumerate(range(12, len(content), 16)):
                struct.pack_into(form, altered, at + field, value(number))
            return bytes(altered)

        return change

    yield "unmarked", made.having(*run, change=each(8, ">I", lambda _: 0x10000)), "30 key frames are not marked"
    yield "reordered", made.having(*run, change=each(12, ">i", lambda at: -40_000 * (at % 2))), "another order"
    with_index = indexed(film)
    at = with_index.index(b"sidx") + 4
    size = int.from_bytes(with_index[at - 8 : at - 4]) - 8
    table = bytearray(with_index[at : at + size])
    for place in range(36, size, 12):  # of each fragment, how long it lasts
        struct.pack_into(">I", table, place, 20_000)
    yield (
        "an index",
        with_index[:at] + table + with_index[at + size :],
        "its index (sidx) gives its pictures other times",
    )
    yield "two indexes", with_index[: at + size] + with_index[at - 8 :], "leads to others, or there are several"
    mirror = _set(40, ">9i", -0x10000, *_STRAIGHT[1:])
    yield "mirrored", made.having(b"moov", b"trak", b"tkhd", change=mirror), "mirrored"


def excerpts(film: bytes) -> Iterator[bytes]:
    """The film with the edit lists that FFmpeg gives an excerpt: it begins behind its key frame, or waits for it."""
    made = Container(film)
    yield made.having(b"moov", b"trak", b"edts", change=_edits((0, 27_000, 1 << 16)))
    yield made.having(b"moov", b"trak", b"edts", change=_edits((63_000, -1, 1 << 16), (0, 0, 1 << 16)))
    yield made.having(b"moov", b"udta", change=lambda _: box(b"\xa9too", b"\0\4\x15\xc7Lavf"))
