"""Verifies an MP4 file: its pictures as they were signed, and what it has a player do with them."""

from collections.abc import Callable
from dataclasses import replace

from edge_centre.evidence.media_signing.keys import Trust
from edge_centre.evidence.media_signing.verdict import Result, Verdict
from edge_centre.evidence.media_signing.verify import Verifier
from edge_centre.evidence.mp4 import Mp4
from edge_centre.evidence.presented import Watch


def alone(verdict: Verdict) -> Verdict:
    """Return the verdict on segments that a device of ours has uploaded: its list and its chain are not among them."""
    return replace(verdict, result=Result.ALONE) if verdict.result is Result.AUTHENTIC else verdict


def judged(movie: Mp4, trust: Trust, on_place: Callable[[int], object] | None = None) -> Verdict:
    """Return the verdict on a film; `on_place` hears at which byte of it the reading is. Raises Unreadable, OSError."""
    verifier, watch = Verifier(trust), Watch(movie)
    for sample, unit in movie.pictures():
        verifier.add(unit)
        watch.add(sample, unit)
        if on_place is not None:
            on_place(unit.offset)
    verdict, seen = verifier.finish(), watch.seen()
    is_otherwise = verdict.result is Result.AUTHENTIC and seen.changes
    result = Result.OTHERWISE if is_otherwise else verdict.result
    return replace(verdict, result=result, changes=seen.changes, beside=seen.beside)
