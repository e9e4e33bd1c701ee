"""People who walk in front of the rules, frame by frame."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from agent.contract.vocabulary import Phase
from agent.core.analytics.lifecycle import Event
from agent.core.analytics.lines import LineRules
from agent.core.analytics.rules import Rules
from agent.core.analytics.tracks import TrackedPerson
from agent.core.analytics.zones import Limits, ZoneRules
from agent.core.polygon import Polygon

SECOND = 1_000_000_000
HEIGHT = 0.2
LEFT_HALF = Polygon([(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)])


def person(x: float, y: float = 0.6, track: int = 1, score: float = 0.8, seen: bool = True) -> TrackedPerson:
    """Somebody whose foot is at x, y."""
    return TrackedPerson(track, (x - 0.05, y - HEIGHT, 0.1, HEIGHT), score, seen)


class Scene:
    """Rules, and frames at a steady rate from second 1000 on."""

    def __init__(
        self,
        *zones: ZoneRules,
        lines: Sequence[LineRules] = (),
        fps: float = 10,
        wall: Callable[[float], datetime | None] = lambda _: None,
        **limits: Any,
    ) -> None:
        """`wall` gives the time of day for the seconds since the start."""
        self.rules = Rules(Limits(**limits), zones, lines)
        self.fps = fps
        self.now_ns = 1000 * SECOND
        self._wall = wall
        self.told: list[Event] = []

    @property
    def now_s(self) -> float:
        """Seconds since the start."""
        return self.now_ns / SECOND - 1000

    def frame(self, *people: TrackedPerson) -> list[Event]:
        self.now_ns += round(SECOND / self.fps)
        told = self.rules.update(self.now_ns, self._wall(self.now_s), people)
        self.told += told
        return told

    def run(self, seconds: float, people: Callable[[float], Sequence[TrackedPerson]] = lambda _: ()) -> None:
        """Frames for so long; `people` gives who is there, for the seconds since this run began."""
        began = self.now_s
        for _ in range(round(seconds * self.fps)):
            self.frame(*people(self.now_s + 1 / self.fps - began))

    def of(self, kind: str, zone: str = "") -> list[Event]:
        return [each for each in self.told if each.kind == kind and each.zone == zone]

    def phases(self, kind: str, zone: str = "") -> list[Phase | None]:
        return [each.phase for each in self.of(kind, zone)]


def walking(
    x: float = 0.1, speed: float = 0.1, track: int = 1, y: float = 0.6
) -> Callable[[float], Sequence[TrackedPerson]]:
    """Somebody who goes to the right, by so many widths of the picture a second."""
    return lambda seconds: [person(x + speed * seconds, y, track)]


def standing(x: float, track: int = 1, y: float = 0.6) -> Callable[[float], Sequence[TrackedPerson]]:
    return lambda _: [person(x, y, track)]
