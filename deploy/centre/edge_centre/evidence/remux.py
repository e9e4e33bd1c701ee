"""Makes of a fragmented MP4 what every player opens: an ordinary one, or one with an index. No picture is changed."""

import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from agent.trust.evidence.mp4_write import Sample, index, plain
from agent.trust.evidence.parameter_sets import ParameterSets, UnreadableVideoError
from agent.trust.evidence.sealed_file import ClipError

_STRANGE = (struct.error, ValueError, IndexError, KeyError, StopIteration, RecursionError, UnreadableVideoError)
"""What the bytes of a film that nobody has signed may lead to."""
_NOT_SYNC = 0x10000
_MOST_INDEXED = 0xFFFF
_INSIDE = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"traf"}
_VISUAL_ENTRY, _TABLE_HEAD = 78, 8
"""What stands before the boxes inside of `avc1`, and of `stsd`."""


class _Box(NamedTuple):
    kind: bytes
    begin: int
    body: int
    end: int


def plain_mp4(film: bytes) -> bytes:
    """Return an ordinary MP4. Raises ClipError for a film that is not one of a recorder."""
    try:
        return _plain(_parameters(film), [_samples(film, each) for each in _fragments(film)])
    except _STRANGE as error:
        raise ClipError("the clip can't be made an ordinary MP4: it is not as a recorder writes it") from error


def indexed(film: bytes) -> bytes:
    """Return a film with an index before its fragments, and every byte as it was: a device does not know the length yet
    when it begins. Without an index a browser that can't jump in the file shows the length of the first seconds. Raises
    ClipError for a film that is not one of a recorder."""
    try:
        begin = next(each for each in _boxes(film, 0, len(film)) if each.kind == b"moov").end
        return film[:begin] + _index(film) + film[begin:]
    except _STRANGE as error:
        raise ClipError("the clip can't be given an index: it is not as a recorder writes it") from error


def without_index(film: bytes) -> tuple[bytes, int, int]:
    """Return a film without the index that stands before its fragments, and where that begins and ends; the same twice
    if it has none."""
    before, end = b"", 0
    try:
        for each in _boxes(film, 0, len(film)):
            if before == b"moov" and each.kind == b"sidx":
                return film[: each.begin] + film[each.end :], each.begin, each.end
            if before == b"moov":
                break
            before, end = each.kind, each.end
    except IndexError:
        pass
    return film, end, end


def _index(film: bytes) -> bytes:
    moofs = list(_fragments(film))
    if not 0 < len(moofs) <= _MOST_INDEXED:
        return b""
    found = [_samples(film, each) for each in moofs]
    ends = [*(each.begin for each in moofs[1:]), len(film)]
    times = [*(begin for begin, *_ in found), found[-1][0] + sum(each.duration for each in found[-1][1])]
    rows = zip(moofs, ends, pairwise(times), found, strict=True)
    return index(times[0], [(end - moof.begin, max(b - a, 0), own[0].key) for moof, end, (a, b), (_, own, _) in rows])


def _fragments(film: bytes) -> Iterator[_Box]:
    return (each for each in _boxes(film, 0, len(film)) if each.kind == b"moof")


def _plain(parameters: ParameterSets, fragments: list[tuple[int, list[Sample], bytes]]) -> bytes:
    samples: list[Sample] = []
    for (begin, own, _), (following, *_) in pairwise([*fragments, (None, [], b"")]):
        # A pause before the next fragment is shown as the last picture of this one.
        lasts = sum(each.duration for each in own)
        if own and begin is not None and following is not None and following > begin + lasts:
            own[-1] = Sample(own[-1].size, own[-1].duration + following - begin - lasts, own[-1].key, own[-1].offset)
        samples += own
    return plain(parameters, samples, b"".join(media for _, _, media in fragments))


def _boxes(film: bytes, begin: int, end: int) -> Iterator[_Box]:
    while begin + 8 <= end:
        size, kind = struct.unpack_from(">I4s", film, begin)
        if size < 8 or begin + size > end:
            raise IndexError
        yield _Box(kind, begin, begin + 8, begin + size)
        begin += size


def _inside(film: bytes, box: _Box) -> dict[bytes, _Box]:
    """Return the boxes in a box, and in those that hold others, by their kinds."""
    found = {}
    for each in _boxes(film, box.body, box.end):
        found[each.kind] = each
        if each.kind in _INSIDE:
            found |= _inside(film, each)
    return found


def _parameters(film: bytes) -> ParameterSets:
    movie = next(each for each in _boxes(film, 0, len(film)) if each.kind == b"moov")
    table = _inside(film, movie)[b"stsd"]
    entry = next(_boxes(film, table.body + _TABLE_HEAD, table.end))
    inside = {each.kind: each for each in _boxes(film, entry.body + _VISUAL_ENTRY, entry.end)}
    at = inside[b"avcC"].body + 5
    lists: list[list[bytes]] = []
    for mask in (31, 255):  # sequence parameter sets, then picture parameter sets
        count, at = film[at] & mask, at + 1
        lists.append([])
        for _ in range(count):
            [length] = struct.unpack_from(">H", film, at)
            lists[-1].append(film[at + 2 : at + 2 + length])
            at += 2 + length
    [[sps], pps] = lists
    return ParameterSets(sps, tuple(pps))


def _samples(film: bytes, moof: _Box) -> tuple[int, list[Sample], bytes]:
    """Return when a fragment begins, its samples and their bytes, as its only `trun` says."""
    inside = _inside(film, moof)
    run, time = inside[b"trun"], inside[b"tfdt"]
    version, flags = film[run.body], int.from_bytes(film[run.body + 1 : run.body + 4])
    if flags & 0x301 != 0x301:  # offset of the data, and duration and size of each sample
        raise IndexError
    [begin] = struct.unpack_from(">Q" if film[time.body] else ">I", film, time.body + 4)
    count, offset = struct.unpack_from(">Ii", film, run.body + 4)
    at = run.body + 12 + (4 if flags & 4 else 0)
    row = 4 * (flags >> 8 & 0xF).bit_count()
    if at + count * row > run.end:  # else each of many runs could have all that follows it read
        raise IndexError
    samples = []
    for number in range(count):
        fields = {}
        for flag, form in ((0x100, ">I"), (0x200, ">I"), (0x400, ">I"), (0x800, ">i" if version else ">I")):
            if flags & flag:
                [fields[flag]] = struct.unpack_from(form, film, at)
                at += 4
        key = not fields[0x400] & _NOT_SYNC if 0x400 in fields else number == 0
        samples.append(Sample(fields[0x200], fields[0x100], key, fields.get(0x800, 0)))
    data, size = moof.begin + offset, sum(each.size for each in samples)
    if not moof.end <= data <= data + size <= _next(film, moof):
        raise IndexError
    return begin, samples, film[data : data + size]


def _next(film: bytes, moof: _Box) -> int:
    """Return where the box behind a fragment's head ends: its media."""
    return next(each.end for each in _boxes(film, moof.end, len(film)))
