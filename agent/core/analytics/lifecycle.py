"""The events that the rules report: single moments, and the beginning, updates and end of what lasts. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from agent.contract.camera_events import EventName
from agent.contract.vocabulary import ClosedBy, Direction, Phase
from agent.core.analytics.tracks import TrackedPerson

CHANGE_PACE_NS = 10_000_000_000
"""A change in the number of people is reported no more often than this."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened, goes on, or is over."""

    number: int
    """Counts from 1; all messages of one event share it."""
    kind: EventName
    """Also at an end that is reported as another event."""
    boottime_ns: int
    """Capture time of the frame that made it true; at an end, of the last frame that showed it."""
    persons: int
    """How many people are in the zone now; for a line, in view."""
    phase: Phase | None = None
    """None for what is over in a moment."""
    duration_ms: int = 0
    """From the first frame that showed it to `boottime_ns`."""
    zone: str = ""
    """Empty for the whole picture, and for a line."""
    line: str = ""
    direction: Direction | None = None
    track: int | None = None
    """The person; None if the event is about a zone."""
    best: TrackedPerson | None = None
    """The clearest view of the person."""
    closed_by: ClosedBy | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """The state of something in one frame."""

    now_ns: int
    first_ns: int
    last_ns: int
    persons: int
    best: TrackedPerson | None = None
    closed_by: ClosedBy | None = None


class EventLifecycle:
    """Makes the events of one thing that may come and go many times; never two beginnings without an end between."""

    def __init__(
        self,
        kind: EventName,
        zone: str,
        numbers: Iterator[int],
        *,
        track: int | None = None,
        update_every_ns: int | None = None,
        report_changes: bool = False,
    ) -> None:
        """Without `update_every_ns` only the beginning and the end are reported. With `report_changes`, changes in the
        number of people or the reason are reported between the updates too, at most every `CHANGE_PACE_NS`."""
        self._kind = kind
        self._zone = zone
        self._numbers = numbers
        self._track = track
        self._update_every_ns = update_every_ns
        self._report_changes = report_changes
        self._number: int | None = None
        self._reported_ns = 0
        self._reported: tuple[int, ClosedBy | None] = (0, None)

    @property
    def goes_on(self) -> bool:
        """Whether it has begun and not ended."""
        return self._number is not None

    def step(self, so: bool, fact: Fact) -> Iterator[Event]:
        """Yield what to report of one frame, in which it is (`so`) or is not happening."""
        if so and self._number is None:
            self._number = next(self._numbers)
            yield self._report("began", fact)
        elif so and self._is_news(fact):
            yield self._report("ongoing", fact)
        elif not so and self._number is not None:
            yield self._report("ended", fact)
            self._number = None

    def _is_news(self, fact: Fact) -> bool:
        if self._update_every_ns is None or not fact.persons:  # with nobody there, the end will report it
            return False
        silent_ns = fact.now_ns - self._reported_ns
        changed = self._report_changes and (fact.persons, fact.closed_by) != self._reported
        return silent_ns >= self._update_every_ns or (changed and silent_ns >= CHANGE_PACE_NS)

    def _report(self, phase: Phase, fact: Fact) -> Event:
        assert self._number is not None
        self._reported_ns, self._reported = fact.now_ns, (fact.persons, fact.closed_by)
        at_ns = fact.last_ns if phase == "ended" else fact.now_ns
        return Event(
            number=self._number,
            kind=self._kind,
            phase=phase,
            boottime_ns=at_ns,
            duration_ms=max(0, at_ns - fact.first_ns) // 1_000_000,
            persons=fact.persons,
            zone=self._zone,
            track=self._track,
            best=fact.best,
            closed_by=fact.closed_by,
        )
