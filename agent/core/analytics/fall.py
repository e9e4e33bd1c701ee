"""Whether somebody who was upright lies where they stood, as far as joints tell, or else boxes. Pure."""

from collections import deque
from collections.abc import Iterable
from statistics import median
from typing import NamedTuple

from agent.core.analytics.tracks import TrackedPerson, is_cut, overlap, shape
from agent.core.polygon import Point, apart

UPRIGHT = 1.5
"""Whoever stands or walks is at least this many times as high as wide."""
WIDE = 0.9
"""Whoever lies is at most this many times as high as wide; a crouch and a seat on the ground are higher."""
_UP_AGAIN = 1.2
RISEN = 0.35
"""Of whoever is upright, head and shoulders are above knees and ankles by this share of their box at least."""
LOW = 0.25
"""Of whoever lies, they are above them by this share of their upright height at most, wherever the head points to."""
_SITS = 0.35
"""And from here on, whoever lay sits."""
HEAD_DROP = 0.4
"""By how much of their upright height the head must have sunk. A box that two people share keeps its upper edge, and so
does one whose lower part is hidden."""
_REACH = 1.0
"""How far from where they stood somebody may lie, in their upright heights."""
_SHARED = 0.2
"""A box that shares this much of the smaller one may be a box of both."""
_REMEMBERED_NS = 30_000_000_000
"""How long the way down may take."""
_EVERY_NS = 200_000_000
_STANCES = 9
_FEWEST = 3


class _Stance(NamedTuple):
    at_ns: int
    foot: Point
    top: float
    height: float


class Fall:
    """What is known of one person's fall. One thread."""

    def __init__(self) -> None:
        self.down: bool | None = False
        """Whether this frame shows them lying; None if it doesn't tell."""
        self._stances: deque[_Stance] = deque(maxlen=_STANCES)
        self._lay = False
        """Whether a frame has shown them lying, with nobody's box over theirs, since they were last upright."""

    def update(self, now_ns: int, found: TrackedPerson | None, others: Iterable[TrackedPerson], aspect: float) -> None:
        """Take in one frame. `others` are all others in view, hidden ones too; `aspect` is the picture's width divided
        by its height."""
        self.down = None
        if found is not None and (found.rise is not None or not is_cut(found.box)):
            self.down = self._lies(now_ns, found, others, aspect)

    def is_here(self, found: TrackedPerson, aspect: float) -> bool:
        """Return whether somebody is where this person stood, if they have stood long enough to know."""
        return len(self._stances) >= _FEWEST and self._is_near(found, aspect)

    def _is_near(self, found: TrackedPerson, aspect: float) -> bool:
        """Return whether somebody is where they stood."""
        return apart(found.foot, self._stood().foot, aspect) <= _REACH * self._stood().height

    def _lies(self, now_ns: int, found: TrackedPerson, others: Iterable[TrackedPerson], aspect: float) -> bool | None:
        ratio = shape(found.box, aspect)
        if ratio >= UPRIGHT and (found.rise is None or found.rise >= RISEN):
            self._lay = False
            if not self._stances or now_ns - self._stances[-1].at_ns >= _EVERY_NS:
                self._stances.append(_Stance(now_ns, found.foot, found.box[1], found.box[3]))
            return False
        if len(self._stances) < _FEWEST or not (self._lay or now_ns - self._stances[-1].at_ns <= _REMEMBERED_NS):
            return False
        stood = self._stood()
        sunk = found.box[1] - stood.top >= HEAD_DROP * stood.height
        if not sunk or not self._is_near(found, aspect):
            return False
        if found.rise is not None:
            most = _SITS if self._lay else LOW
            self._lay = found.rise * found.box[3] <= most * stood.height
            return self._lay
        if ratio > (_UP_AGAIN if self._lay else WIDE):
            return False
        self._lay = self._lay or all(overlap(found.box, other.box) < _SHARED for other in others)
        return True if self._lay else None

    def _stood(self) -> _Stance:
        """Return how they stood: the median of the last stances."""
        at_ns, feet, tops, heights = zip(*self._stances, strict=True)
        foot = median(x for x, _ in feet), median(y for _, y in feet)
        return _Stance(at_ns[-1], foot, median(tops), median(heights))
