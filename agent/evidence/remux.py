"""Makes an ordinary MP4 of a fragmented one, which every player opens: the same pictures, none of them changed."""

import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from agent.evidence.mp4_write import Sample, plain
from agent.evidence.parameter_sets import ParameterSets, UnreadableVideoError
from agent.evidence.sealed_file import ClipError

_STRANGE = (struct.error, ValueError, IndexError, KeyError, StopIteration, RecursionError, UnreadableVideoError)
"""What the bytes of a film that nobody has signed may lead to."""
_NOT_SYNC = 0x10000
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
        parameters = _parameters(film)
        fragments = [_samples(film, each) for each in _boxes(film, 0, len(film)) if each.kind == b"moof"]
        return _plain(parameters, fragments)
    except _STRANGE as error:
        raise ClipError("the clip can't be made an ordinary MP4: it is not as a recorder writes it") from error


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
    samples = []
    for number in range(count):
        fields = {}
        for flag, form in ((0x100, ">I"), (0x200, ">I"), (0x400, ">I"), (0x800, ">i" if version else ">I")):
            if flags & flag:
                [fields[flag]] = struct.unpack_from(form, film, at)
                at += 4
        key = not fields[0x400] & _NOT_SYNC if 0x400 in fields else number == 0
        samples.append(Sample(fields[0x200], fields[0x100], key, fields.get(0x800, 0)))
    data = moof.begin + offset
    return begin, samples, film[data : data + sum(each.size for each in samples)]
