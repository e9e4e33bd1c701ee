"""Turns what the rules have found into messages to the core."""

import os
from collections.abc import Callable, Mapping, Sequence

from agent.contract.uuid7 import Uuid7Source
from agent.core.analytics.lifecycle import Event, Kind
from agent.core.analytics.tracks import TrackedPerson
from agent.core.camera.link import (
    AfterHours,
    Crowd,
    Happened,
    InView,
    LineCrossed,
    Loitering,
    PersonEntered,
    PersonLeft,
)
from agent.ports import Clock

MOST_TRACKS = 100
"""A message names no more people than this, but counts them all."""

_MESSAGES: Mapping[Kind, type[Happened]] = {
    "presence": PersonEntered,
    "loitering": Loitering,
    "line-crossed": LineCrossed,
    "crowd": Crowd,
    "after-hours": AfterHours,
}


class Reports:
    """Gives events and people identifiers that no camera process has used before. One thread, except `in_view`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ids = Uuid7Source()
        self._run = os.urandom(4).hex()
        self._open: dict[int, str] = {}
        """Identifiers of open events, by their numbers."""
        self.in_view = InView(persons=0, tracks=())
        """Who is in view. Any thread may read it."""

    def see(self, people: Sequence[TrackedPerson]) -> InView | None:
        """Return the report of who is in view now; None when that has not changed."""
        tracks = sorted(person.id for person in people)
        before = self.in_view
        self.in_view = InView(persons=len(people), tracks=tuple(self._name(track) for track in tracks[:MOST_TRACKS]))
        return None if self.in_view == before else self.in_view

    def make(self, event: Event, picture: Callable[[str], str | None]) -> Happened:
        """Return the report of an event. At a beginning, `picture(event_id)` gives the path of a picture, or None."""
        event_id = self._event_id(event)
        began = event.phase == "began"
        message = PersonLeft if event.kind == "presence" and not began else _MESSAGES[event.kind]
        best = event.best
        values = {
            "event_id": event_id,
            "boottime_ns": event.boottime_ns,
            "persons": event.persons,
            "snapshot": picture(event_id) if began else None,
            "zone": event.zone or None,
            "line": event.line,
            "duration_ms": event.duration_ms,
            "phase": event.phase,
            "direction": event.direction,
            "closed_by": event.closed_by,
            "track": None if event.track is None else self._name(event.track),
            "score": None if best is None else best.score,
            "box": None if best is None else best.box,
        }
        return message.model_validate({name: values[name] for name in values.keys() & message.model_fields.keys()})

    def _event_id(self, event: Event) -> str:
        """Return the event's identifier: new at a beginning, remembered until the end; a crossed line ends at once."""
        event_id = self._open.get(event.number)
        if event_id is None:
            event_id = self._ids.next(int(self._clock.wall().timestamp() * 1000))
            self._open[event.number] = event_id
        if event.phase == "ended" or event.kind == "line-crossed":
            del self._open[event.number]
        return event_id

    def _name(self, track: int) -> str:
        return f"{self._run}-{track}"
