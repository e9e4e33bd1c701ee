"""Whether several people close in on one, as far as boxes tell. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from agent.core.analytics.tracks import TrackedPerson
from agent.core.polygon import Point, apart

CLOSE = 1.2
"""Whoever is this near has come near, in body heights: a step and an arm."""
CAME = 2.0
"""By how much they must have come nearer by their own steps, and nearer to the other one."""
_GONE = 1.6
_STAYS = 0.8
_STAYS_NS = 2_000_000_000
"""The one in the middle has gone no farther than that in this time: whoever walks meets others all the time."""
_EVERY_NS = 400_000_000
_BEFORE_NS = 10_000_000_000
"""How far back their way is known."""
_COUNTED_NS = 10_000_000_000
"""So long after somebody has come near they count."""
_LOST_NS = 5_000_000_000
"""So long after somebody was lost, in a scuffle maybe, those who came near them still count."""
_MOST = 40
"""People who are followed; with more in view nobody can be said to close in on one."""


class Approach(NamedTuple):
    """Several people have closed in on one."""

    people: int
    since_ns: int
    """When the first of them had come near."""


@dataclass(slots=True)
class _Way:
    """Where one person was, and who has come near them."""

    person: TrackedPerson
    last_ns: int = 0
    feet: dict[int, Point] = field(default_factory=dict)
    """By the time of the look, which is the same for all."""
    came_ns: dict[int, int] = field(default_factory=dict)
    """Who has come near, by the numbers of their tracks, and when."""


class Converging:
    """Follows everybody in view. One thread."""

    def __init__(self, people: int) -> None:
        """`people`: from so many on it is told; 0: never."""
        self._least = people
        self._ways: dict[int, _Way] = {}
        self._last_ns = 0
        self.now: Approach | None = None
        """The most who have closed in on one person, as of the last frame."""

    def update(self, now_ns: int, people: Sequence[TrackedPerson], aspect: float) -> None:
        """Take in one frame; `aspect` is the width of the picture divided by its height."""
        if not self._least or 0 <= now_ns - self._last_ns < _EVERY_NS:
            return
        self._last_ns = now_ns
        for person in people[:_MOST]:
            if person.seen:
                way = self._ways.setdefault(person.id, _Way(person))
                way.person, way.last_ns = person, now_ns
                way.feet = {at_ns: foot for at_ns, foot in way.feet.items() if 0 <= now_ns - at_ns <= _BEFORE_NS}
                way.feet[now_ns] = person.foot
        self._ways = {number: way for number, way in self._ways.items() if 0 <= now_ns - way.last_ns <= _LOST_NS}
        shown = [way for way in self._ways.values() if way.last_ns == now_ns]
        for way in shown:
            if not _stays(way, now_ns, aspect):
                way.came_ns.clear()
                continue
            for other in shown:
                if other is not way:
                    _compare(way, other, now_ns, aspect)
        self.now = max((_approach(way, now_ns) for way in self._ways.values()), default=None)
        if self.now is not None and self.now.people < self._least:
            self.now = None


def _stays(way: _Way, now_ns: int, aspect: float) -> bool:
    recent = [foot for at_ns, foot in way.feet.items() if now_ns - at_ns <= _STAYS_NS]
    return apart(recent[0], way.person.foot, aspect) <= _STAYS * way.person.box[3]


def _approach(way: _Way, now_ns: int) -> Approach:
    way.came_ns = {number: came_ns for number, came_ns in way.came_ns.items() if now_ns - came_ns <= _COUNTED_NS}
    return Approach(len(way.came_ns), min(way.came_ns.values(), default=now_ns))


def _compare(way: _Way, other: _Way, now_ns: int, aspect: float) -> None:
    """Note whether the other one has come near, or is away again."""
    height = (way.person.box[3] + other.person.box[3]) / 2
    here = way.person.foot
    distance = apart(here, other.person.foot, aspect)
    if distance > _GONE * height:
        way.came_ns.pop(other.person.id, None)
    elif distance <= CLOSE * height and other.person.id not in way.came_ns:
        farther = distance + CAME * height
        for at_ns, then in other.feet.items():
            was = way.feet.get(at_ns)
            if was is not None and min(apart(here, then, aspect), apart(was, then, aspect)) >= farther:
                way.came_ns[other.person.id] = now_ns
                return
