"""Makes a film again of the pictures that its signatures cover: nothing else of the file comes along.

No signature covers what a file has a player do: turn, crop, stretch, hide, hurry, retitle. None of that is copied.
Times are the file's own, unless it is faster or slower than what was signed: then they are the signed ones.
"""

import struct
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

from agent.trust.evidence import h264, tlv
from agent.trust.evidence.h264 import Kind, Unit
from agent.trust.evidence.mp4_write import TIMESCALE, plain
from agent.trust.evidence.mp4_write import Sample as Written
from agent.trust.evidence.parameter_sets import ParameterSets, UnreadableVideoError, is_b
from agent.trust.evidence.sealed_file import ClipError
from edge_centre.evidence.media_signing.verdict import Fault, Result, Verdict
from edge_centre.evidence.mp4 import Mp4, Sample, children
from edge_centre.evidence.presented import sets_of

PROVEN = frozenset({Result.AUTHENTIC, Result.MISSING, Result.ALONE, Result.OTHERWISE})
"""Of a film with another verdict, its signatures cover nothing that could be made again."""
_BLOCK = 16
"""Pixels: no camera needs to crop more of its coded picture."""
_SPS = 7
_LONGEST_S = 60.0
"""Of the last picture."""


def rebuilt(movie: Mp4, verdict: Verdict) -> bytes:
    """Return an ordinary MP4 of the H.264 that the `verdict` on this film has proven, up to the access unit with the
    last signature: pictures behind it are anybody's. Raises ClipError, Unreadable."""
    sets = _parameters(movie)
    found: list[tuple[Sample, list[Unit]]] = []
    alone: list[Unit] = []
    signed = 0
    for sample, group in groupby(movie.pictures(), key=itemgetter(0)):
        units = alone + [unit for _, unit in group if unit.kind is Kind.PICTURE or _is_signature(unit)]
        alone = [] if any(unit.kind is Kind.PICTURE for unit in units) else units  # a browser shows none without one
        if not alone:
            found.append((sample, units))
            signed = len(found) if any(map(_is_signature, units)) else signed
    if alone and found:
        found[-1][1].extend(alone)
        signed = len(found)
    found = found[:signed]
    media = b"".join(_sized(unit) for _, units in found for unit in units)
    try:
        return plain(sets, _timed(found, verdict), media)
    except struct.error as error:
        raise ClipError("the film can't be rebuilt: it is longer than any recording") from error


def _parameters(movie: Mp4) -> ParameterSets:
    """Return the parameter sets of the header, without a crop of more than fills up a block. Nobody has signed them:
    those that contradict the rest of the header are not taken."""
    if movie.is_h265:
        raise ClipError("an H.265 film can be verified, but not rebuilt")
    units = [h264.unit(each) for each in sets_of(movie)]
    sets = ParameterSets.found(units)
    if sets is None or sum(unit.type == _SPS for unit in units) != 1:
        raise ClipError("the film can't be rebuilt: its header must have one sequence parameter set")
    [(_, entry), *_] = children(movie.video.tables[b"stsd"][8:])
    try:
        coded = [shown + cut for shown, cut in zip(sets.size, sets.cropped, strict=True)]
        sets = sets.uncropped() if max(sets.cropped) >= _BLOCK else sets
    except UnreadableVideoError as error:
        raise ClipError(f"the film can't be rebuilt: {error}") from error
    if any(not 0 <= a - b < _BLOCK for a, b in zip(coded, struct.unpack_from(">HH", entry, 24), strict=True)):
        text = "its header gives the pictures another size than its parameter sets do, and one of them is wrong"
        raise ClipError(f"the film can't be rebuilt: {text}")
    return sets


def _is_signature(unit: Unit) -> bool:
    return unit.kind is Kind.SEI and tlv.parse(unit) is not None


def _timed(found: Sequence[tuple[Sample, list[Unit]]], verdict: Verdict) -> list[Written]:
    is_reordered = any(is_b(unit) for _, units in found for unit in units if unit.kind is Kind.PICTURE)
    times, shown = [each.time for each, _ in found], [each.shown for each, _ in found]
    lasts = min(found[-1][0].lasts, _LONGEST_S) if found else 0.0
    if Fault.SHOWN in {each.fault for each in verdict.findings} and (known := _anchors(times, verdict)):
        times = [_between(known, number) for number in range(len(times) + 1)]
        lasts = times.pop() - times[-1]
        in_order = sorted(range(len(shown)), key=shown.__getitem__)
        shown = [time for _, time in sorted(zip(in_order, times, strict=True))]
    begins, made = [*map(_ticks, times)], list[Written]()
    late = min(shown, default=0.0) - min(times, default=0.0)  # where an edit list has made up for it
    ends = [*begins[1:], *(end + _ticks(lasts) for end in begins[-1:])]
    for (_, units), begin, end, moment in zip(found, begins, ends, map(_ticks, shown), strict=True):
        size, key = sum(4 + len(unit.data) for unit in units), any(unit.starts_gop for unit in units)
        made.append(Written(size, max(end - begin, 0), key, moment - begin - _ticks(late) if is_reordered else 0))
    return made


def _anchors(times: Sequence[float], verdict: Verdict) -> list[tuple[int, float]]:
    """Return the pictures of which the signer says when they were captured, by their numbers; none if fewer than 2."""
    known: list[tuple[int, float]] = []
    for shown, signed in verdict.times:
        number = bisect_left(times, shown)
        if not known or (number > known[-1][0] and signed > known[-1][1]):
            known.append((number, signed))
    return known if len(known) > 1 else []


def _between(known: Sequence[tuple[int, float]], number: int) -> float:
    """Return when a picture was captured: evenly between those of which it is known."""
    at = min(max(bisect_right(known, number, key=itemgetter(0)), 1), len(known) - 1)
    (first, begin), (last, end) = known[at - 1 : at + 1]
    return begin - known[0][1] + (number - first) * (end - begin) / (last - first)


def _ticks(seconds: float) -> int:
    return round(seconds * TIMESCALE)


def _sized(unit: Unit) -> bytes:
    return len(unit.data).to_bytes(4) + unit.data
