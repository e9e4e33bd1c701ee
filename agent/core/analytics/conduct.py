"""Reports how somebody moves in a zone: who lies on the ground, and who runs. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agent.core.analytics.lifecycle import Event, EventLifecycle, Fact
from agent.core.analytics.presence import Evidence
from agent.core.analytics.track_state import FrameTime, TrackState
from agent.core.analytics.tracks import TrackedPerson


@dataclass(slots=True)
class _Case:
    """One person."""

    evidence: Evidence
    course: EventLifecycle
    view: TrackedPerson | None = None
    """The last that showed it."""


class Conduct:
    """One rule of one zone. One thread."""

    def __init__(
        self,
        shows: Callable[[TrackState], bool | None],
        begin_after_ns: int,
        end_after_ns: int,
        make: Callable[[int], EventLifecycle],
    ) -> None:
        """`shows(state)` says whether this frame shows the person so, None if it doesn't tell; `make(track)` makes the
        events of a person."""
        self._shows = shows
        self._begin_after_ns = begin_after_ns
        self._end_after_ns = end_after_ns
        self._make = make
        self._cases: dict[int, _Case] = {}

    def holds(self, track_id: int) -> bool:
        """Return whether the end of this person's event is still to be reported."""
        case = self._cases.get(track_id)
        return case is not None and case.course.goes_on

    def forget(self, track_id: int) -> None:
        """Forget this person, who will not come back."""
        self._cases.pop(track_id, None)

    def update(self, frame: FrameTime, state: TrackState, persons: int, *, inside: bool) -> Iterator[Event]:
        """Yield this frame's events about one person; `persons` are in the zone."""
        shown = self._shows(state) if inside else False
        case = self._cases.get(state.id)
        if case is None:
            if not shown:
                return
            case = self._cases[state.id] = _Case(
                Evidence(self._begin_after_ns, self._end_after_ns), self._make(state.id)
            )
        if shown:
            case.view = state.found
        case.evidence.update(frame.now_ns, frame.step_ns, shown, may_begin=state.conduct_is_reportable)
        yield from self._report(frame, case, persons)

    def end_all(self, frame: FrameTime) -> Iterator[Event]:
        """End everything that goes on here."""
        for case in self._cases.values():
            case.evidence.holds = False
            yield from self._report(frame, case, 0)
        self._cases.clear()

    def _report(self, frame: FrameTime, case: _Case, persons: int) -> Iterator[Event]:
        fact = Fact(frame.now_ns, case.evidence.first_ns, case.evidence.last_ns, persons, case.view)
        yield from case.course.step(case.evidence.holds, fact)
