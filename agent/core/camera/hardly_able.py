"""Decides when a camera is hardly able to see. Pure: takes what single measurements suggest, reports what lasts."""

from collections import Counter, deque
from dataclasses import dataclass

from agent.contract.vocabulary import SightTrouble

_SECOND_NS = 1_000_000_000
LASTS_S = 20.0
"""It is told once measurements have said so for this long: headlights and a hand before the lens are gone by then. It
is over once they have been good for as long."""
_SHARE = 0.8
"""The share of the measurements in that time that must agree."""
_FEWEST = 4
_GAP_S = 12.0
"""After a longer time without a measurement, nobody knows what happened in between."""


@dataclass(frozen=True, slots=True)
class SightChanged:
    """A camera has become hardly able to see, or sees again."""

    reason: SightTrouble
    active: bool
    boottime_ns: int
    """Of the first measurement that said so."""
    well: bool = True
    """At an end: False if it is unknown whether it is over, because something else is to be reported instead."""


class SightJudge:
    """Reports one reason at a time. What began with one reason keeps it until the picture is good, or until another has
    lasted as long."""

    def __init__(self) -> None:
        self._samples: deque[tuple[int, SightTrouble | None]] = deque()
        self.active: SightTrouble | None = None
        """The reason that was reported and is not over."""

    def update(self, suspicion: SightTrouble | None, now_ns: int) -> list[SightChanged]:
        """Take in what the measurement of `now_ns` suggests, and return the changes.

        If the stamp steps back, because a camera's clock was set, the count starts over.
        """
        samples = self._samples
        if samples and not samples[-1][0] <= now_ns <= samples[-1][0] + _GAP_S * _SECOND_NS:
            samples.clear()
        samples.append((now_ns, suspicion))
        while len(samples) > _FEWEST and samples[1][0] <= now_ns - LASTS_S * _SECOND_NS:
            samples.popleft()
        if len(samples) < _FEWEST or now_ns - samples[0][0] < LASTS_S * _SECOND_NS:
            return []
        said = Counter(each for _, each in samples if each is not None)
        good = len(samples) - said.total()
        if good >= _SHARE * len(samples):
            return self._end(next(at_ns for at_ns, each in samples if each is None), well=True)
        if len(samples) - good < _SHARE * len(samples):
            return []
        [(reason, count)] = said.most_common(1)
        if reason == self.active or (self.active is not None and count < _SHARE * len(samples)):
            return []
        began_ns = next(at_ns for at_ns, each in samples if each is not None)
        changes = self._end(began_ns, well=False)
        self.active = reason
        return [*changes, SightChanged(reason, True, began_ns)]

    def hush(self, now_ns: int) -> list[SightChanged]:
        """Start over, because something else is reported of the camera now."""
        self._samples.clear()
        return self._end(now_ns, well=False)

    def _end(self, now_ns: int, *, well: bool) -> list[SightChanged]:
        reason, self.active = self.active, None
        return [] if reason is None else [SightChanged(reason, False, now_ns, well)]
