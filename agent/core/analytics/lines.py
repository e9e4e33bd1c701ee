"""Reports who crosses a line, and in which direction. Pure.

Sides are as seen by somebody who walks from the first point to the second, looking ahead:

             second point
                  ^
    left side     |     right side        left-to-right:  ------->
                  |                       right-to-left:  <-------
             first point
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agent.core.analytics.lifecycle import Event
from agent.core.analytics.track_state import FrameTime, TrackState
from agent.core.analytics.tracks import TrackedPerson
from agent.core.polygon import Point, apart, segments_meet

CLEAR_OF_LINE = 0.15
"""How far a foot must be from the line to be on one side of it, in units of the person's own height."""
_LEFT, _RIGHT = -1, 1


@dataclass(frozen=True, slots=True)
class LineRules:
    """One directed line."""

    name: str
    start: Point
    end: Point


@dataclass(slots=True)
class _Passage:
    """The state of one person at this line."""

    side: int
    """The side on which they were last clear of the line."""
    at: Point
    """Where they were then."""
    pending: int = 0
    """Crossings that are not reported yet: those to the right minus those to the left."""
    view: TrackedPerson | None = None
    crossed_ns: int = 0
    quiet_until_ns: int = 0


class Line:
    """Watches one line. One thread."""

    def __init__(self, rules: LineRules, cool_down_ns: int, numbers: Iterator[int]) -> None:
        self._rules = rules
        self._cool_down_ns = cool_down_ns
        self._numbers = numbers
        self._passages: dict[int, _Passage] = {}

    def owes(self, track_id: int) -> bool:
        """Return whether a crossing by this person is still to be reported."""
        passage = self._passages.get(track_id)
        return passage is not None and passage.pending != 0

    def forget(self, track_id: int) -> None:
        """Forget this person, who will not come back."""
        self._passages.pop(track_id, None)

    def update(self, frame: FrameTime, states: Iterable[TrackState], persons: int) -> Iterator[Event]:
        """Yield the crossings that this frame completes, and those whose cool-down is over; `persons` are in view."""
        for state in states:
            self._follow(frame, state)
            passage = self._passages.get(state.id)
            if passage and passage.pending and state.is_reportable and frame.now_ns >= passage.quiet_until_ns:
                to_the_right = passage.pending > 0
                passage.pending -= _RIGHT if to_the_right else _LEFT
                passage.quiet_until_ns = frame.now_ns + self._cool_down_ns
                yield Event(
                    number=next(self._numbers),
                    kind="line-crossed",
                    boottime_ns=passage.crossed_ns,
                    persons=persons,
                    line=self._rules.name,
                    direction="left-to-right" if to_the_right else "right-to-left",
                    track=state.id,
                    best=passage.view,
                )

    def _follow(self, frame: FrameTime, state: TrackState) -> None:
        foot = state.steady_foot
        if foot is None or state.found is None:
            return
        away = self._to_the_right(foot, frame.aspect) / state.found.box[3] if state.found.box[3] > 0 else 0.0
        if abs(away) < CLEAR_OF_LINE:
            return
        side = _RIGHT if away > 0 else _LEFT
        passage = self._passages.setdefault(state.id, _Passage(side, foot))
        if side != passage.side and segments_meet((passage.at, foot), (self._rules.start, self._rules.end)):
            passage.pending += side
            passage.view = state.found
            passage.crossed_ns = frame.now_ns
        passage.side, passage.at = side, foot

    def _to_the_right(self, foot: Point, aspect: float) -> float:
        """Return how far the foot is from the infinite line, in heights of the picture; negative on the left."""
        (ax, ay), (bx, by) = self._rules.start, self._rules.end
        area = ((bx - ax) * (foot[1] - ay) - (by - ay) * (foot[0] - ax)) * aspect
        return area / apart(self._rules.start, self._rules.end, aspect)
