"""Reports what happens in one zone: who is in it, for how long, how many, and whether anybody is allowed in. Pure."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from agent.contract.camera_events import EventName
from agent.contract.vocabulary import ClosedBy
from agent.core.analytics.conduct import Conduct
from agent.core.analytics.lifecycle import Event, EventLifecycle, Fact
from agent.core.analytics.presence import Evidence
from agent.core.analytics.running import MEASURED_NS
from agent.core.analytics.schedule import Schedule
from agent.core.analytics.track_state import FrameTime, TrackState
from agent.core.analytics.tracks import TrackedPerson
from agent.core.polygon import Point, Polygon

_OF_THE_ZONE: tuple[EventName, EventName] = ("crowd", "after-hours")


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits that all zones and lines of a camera share."""

    enter_after_ns: int = 500_000_000
    leave_after_ns: int = 3_000_000_000
    cool_down_ns: int = 10_000_000_000
    update_every_ns: int = 60_000_000_000
    min_travel: float = 0.3
    """In units of the person's own height."""


@dataclass(frozen=True, slots=True)
class ZoneRules:
    """One zone, and which events it reports. A rule that is None is off."""

    name: str = ""
    area: Polygon | None = None
    """None means the whole picture."""
    loitering_after_ns: int | None = None
    crowd_from: int | None = None
    crowd_after_ns: int = 5_000_000_000
    open: Schedule | None = None
    """Nobody should be here outside these hours."""
    watched: Schedule | None = None
    """Nothing is reported outside these hours; None means always watched."""
    person_down_after_ns: int | None = None
    running_from: float | None = None
    """In body heights a second."""
    running_after_ns: int = 1_000_000_000

    @property
    def judges_conduct(self) -> bool:
        """Whether it reports how people move, and not only where."""
        return self.person_down_after_ns is not None or self.running_from is not None


@dataclass(slots=True)
class _Stay:
    """The state of one person in this zone."""

    inside: Evidence
    presence: EventLifecycle
    loitering: EventLifecycle
    best: TrackedPerson | None = None
    quiet_until_ns: int = 0
    """When the cool-down that follows their last exit is over."""


class Zone:
    """The state of one zone. One thread."""

    def __init__(self, rules: ZoneRules, limits: Limits, numbers: Iterator[int]) -> None:
        self._rules = rules
        self._limits = limits
        self._numbers = numbers
        self._stays: dict[int, _Stay] = {}
        self._crowd, self._after_hours = (
            EventLifecycle(kind, rules.name, numbers, update_every_ns=limits.update_every_ns, report_changes=True)
            for kind in _OF_THE_ZONE
        )
        # Both end late, so that people who follow each other make one event.
        self._many = Evidence(rules.crowd_after_ns, limits.cool_down_ns)
        self._intruded = Evidence(0, limits.cool_down_ns)
        self._conducts = self._make_conducts()

    def holds(self, track_id: int) -> bool:
        """Return whether this person is here, or the end of an event of theirs is still to be reported."""
        stay = self._stays.get(track_id)
        is_here = stay is not None and stay.inside.holds
        return is_here or any(conduct.holds(track_id) for conduct in self._conducts)

    def forget(self, track_id: int) -> None:
        """Forget this person, who will not come back."""
        self._stays.pop(track_id, None)
        for conduct in self._conducts:
            conduct.forget(track_id)

    def update(self, frame: FrameTime, wall: datetime | None, states: Collection[TrackState]) -> Iterator[Event]:
        """Yield this frame's events in this zone. Without a `wall` that can be trusted, the zone counts as watched."""
        watched = self._rules.watched
        if watched is not None and wall is not None and not watched.covers(wall):
            yield from self.end_all(frame)
            return
        staying = [(state, self._stay(frame, state)) for state in states]
        present = [(state, stay) for state, stay in staying if stay is not None and stay.inside.holds]
        persons = sum(state.now is not None for state, _ in present)
        for _, stay in staying:
            if stay is not None:
                yield from self._report_stay(frame, stay, persons)
        for state in states:
            inside = self._contains(state.foot)
            for conduct in self._conducts:
                yield from conduct.update(frame, state, persons, inside=inside)
        yield from self._report_crowd(frame, persons)
        yield from self._report_after_hours(frame, wall, bool(present), persons)

    def end_all(self, frame: FrameTime) -> Iterator[Event]:
        """End everything that goes on here; nobody is known to be here any more."""
        for stay in self._stays.values():
            fact = Fact(frame.now_ns, stay.inside.first_ns, stay.inside.last_ns, 0, stay.best)
            yield from stay.loitering.step(False, fact)
            yield from stay.presence.step(False, fact)
        for conduct in self._conducts:
            yield from conduct.end_all(frame)
        for course, evidence in ((self._crowd, self._many), (self._after_hours, self._intruded)):
            yield from course.step(False, Fact(frame.now_ns, evidence.first_ns, evidence.last_ns, 0))
        self._stays.clear()
        self._many.clear()
        self._intruded.clear()

    def _make_conducts(self) -> list[Conduct]:
        rules, conducts = self._rules, []
        if (down_after_ns := rules.person_down_after_ns) is not None:
            conducts.append(self._conduct("person-down", lambda state: state.fall.down, down_after_ns))
        if (running_from := rules.running_from) is not None:

            def runs(state: TrackState) -> bool | None:
                pace = state.pace.heights_per_s
                return None if pace is None else pace >= running_from

            conducts.append(self._conduct("running", runs, max(rules.running_after_ns - MEASURED_NS, 0)))
        return conducts

    def _conduct(self, kind: EventName, shows: Callable[[TrackState], bool | None], after_ns: int) -> Conduct:
        def course(track: int) -> EventLifecycle:
            every_ns = self._limits.update_every_ns
            return EventLifecycle(kind, self._rules.name, self._numbers, track=track, update_every_ns=every_ns)

        return Conduct(shows, after_ns, self._limits.cool_down_ns, course)

    def _stay(self, frame: FrameTime, state: TrackState) -> _Stay | None:
        """Return the person's stay after this frame; None for somebody who was never here."""
        stay = self._stays.get(state.id)
        if state.now is None and stay is not None and stay.inside.idle:
            return stay
        inside = self._contains(state.foot)
        if stay is None:
            if not inside or state.found is None:
                return None
            stay = self._stays[state.id] = _Stay(
                Evidence(self._limits.enter_after_ns, self._limits.leave_after_ns),
                EventLifecycle("person-entered", self._rules.name, self._numbers, track=state.id),
                EventLifecycle(
                    "loitering",
                    self._rules.name,
                    self._numbers,
                    track=state.id,
                    update_every_ns=self._limits.update_every_ns,
                ),
            )
        # Somebody who should be here but is not found in this frame has not left.
        shown = (True if state.found else None) if inside else False
        if stay.inside.idle:
            stay.best = None
        if shown and state.found and (stay.best is None or state.found.score > stay.best.score):
            stay.best = state.found
        stay.inside.update(frame.now_ns, frame.step_ns, shown, may_begin=state.is_reportable)
        return stay

    def _report_stay(self, frame: FrameTime, stay: _Stay, persons: int) -> Iterator[Event]:
        inside = stay.inside
        fact = Fact(frame.now_ns, inside.first_ns, inside.last_ns, persons, stay.best)
        after_ns = self._rules.loitering_after_ns
        shown = inside.last_ns == frame.now_ns  # otherwise the only news can be that they have left
        if after_ns is not None and (shown or not inside.holds):
            yield from stay.loitering.step(inside.holds and inside.last_ns - inside.first_ns >= after_ns, fact)
        if stay.presence.goes_on and not inside.holds:
            stay.quiet_until_ns = frame.now_ns + self._limits.cool_down_ns
        may_begin = shown and frame.now_ns >= stay.quiet_until_ns
        yield from stay.presence.step(inside.holds and (stay.presence.goes_on or may_begin), fact)

    def _report_crowd(self, frame: FrameTime, persons: int) -> Iterator[Event]:
        if self._rules.crowd_from is None:
            return
        evidence = self._many
        evidence.update(frame.now_ns, frame.step_ns, persons >= self._rules.crowd_from)
        yield from self._crowd.step(evidence.holds, Fact(frame.now_ns, evidence.first_ns, evidence.last_ns, persons))

    def _report_after_hours(
        self, frame: FrameTime, wall: datetime | None, occupied: bool, persons: int
    ) -> Iterator[Event]:
        if self._rules.open is None:
            return
        closed_by = _closed(self._rules.open, wall)
        evidence = self._intruded
        evidence.update(frame.now_ns, frame.step_ns, occupied and closed_by is not None)
        fact = Fact(frame.now_ns, evidence.first_ns, evidence.last_ns, persons, closed_by=closed_by)
        yield from self._after_hours.step(evidence.holds and closed_by is not None, fact)
        if closed_by is None:
            self._intruded.clear()

    def _contains(self, foot: Point | None) -> bool:
        return foot is not None and (self._rules.area is None or self._rules.area.contains(foot))


def _closed(hours: Schedule, wall: datetime | None) -> ClosedBy | None:
    if wall is None:
        return "unknown-clock"
    return None if hours.covers(wall) else "schedule"
