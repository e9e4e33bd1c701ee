"""What is remembered of one person in view: where they came from, and whether they get anywhere. Pure."""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from statistics import median

from agent.core.analytics.fall import Fall
from agent.core.analytics.running import Pace
from agent.core.analytics.tracks import TrackedPerson
from agent.core.polygon import Point, apart

_MEDIAN_OF = 3
"""Among this many, a single box that jumps has no effect."""


@dataclass(frozen=True, slots=True)
class FrameTime:
    """The current frame."""

    now_ns: int
    step_ns: int
    """The time that this frame counts for."""
    aspect: float
    """Width of the picture divided by its height."""


class TrackState:
    """One person, from frame to frame."""

    def __init__(self, number: int) -> None:
        self.id = number
        self.now: TrackedPerson | None = None
        """The person in this frame; None once the tracker no longer reports them."""
        self.last_ns = 0
        """Capture time of the last frame in which the tracker reported them."""
        self.steady_foot: Point | None = None
        """Where they stand, as the median of the last three frames that found them; None before there are three."""
        self.travelled = False
        """Whether they have moved the minimum distance away from where they were first seen."""
        self.alive = False
        """Whether they have shown a sign of life."""
        self.was_reportable = False
        """Whether events might report the track, lost in a fall, that this one goes on from."""
        self.fall = Fall()
        self.pace = Pace()
        self._first: list[Point] = []
        self._newest: deque[Point] = deque(maxlen=_MEDIAN_OF)

    @property
    def is_reportable(self) -> bool:
        """Whether events may report them: they have travelled, or are alive."""
        return self.travelled or self.alive

    @property
    def came_from(self) -> Point | None:
        """Where they were found first; None if they have not been found yet."""
        return self._first[0] if self._first else None

    @property
    def is_new(self) -> bool:
        """Whether only one frame has found them so far."""
        return len(self._first) == 1

    @property
    def conduct_is_reportable(self) -> bool:
        """Whether events may report how they move."""
        return self.is_reportable or self.was_reportable

    @property
    def found(self) -> TrackedPerson | None:
        """The person as seen in this frame; None if the frame does not show them."""
        return self.now if self.now is not None and self.now.seen else None

    @property
    def foot(self) -> Point | None:
        """Where they stand, clamped to the picture: the box of somebody at its edge may reach beyond it."""
        if self.now is None:
            return None
        x, y = self.now.foot
        return min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)

    def update(self, person: TrackedPerson | None, frame: FrameTime, min_travel: float) -> None:
        """Take in one frame; `min_travel` is in units of the person's own height."""
        self.now = person
        if person is None:
            return
        self.last_ns = frame.now_ns
        foot = self.foot
        if not person.seen or foot is None:
            return
        self.alive = self.alive or person.alive
        if len(self._first) < _MEDIAN_OF:
            self._first.append(foot)
        self._newest.append(foot)
        if len(self._newest) < _MEDIAN_OF:
            return
        self.steady_foot = _middle(self._newest)
        if not self.travelled:
            way = apart(_middle(self._first), self.steady_foot, frame.aspect)
            self.travelled = way >= min_travel * person.box[3]


def _middle(points: Collection[Point]) -> Point:
    return median(x for x, _ in points), median(y for _, y in points)
