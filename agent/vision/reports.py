"""Turns what the rules have found into messages to the core."""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict

from agent.contract.camera_events import EVENTS
from agent.contract.uuid7 import Uuid7Source
from agent.core.analytics.converging import Approach
from agent.core.analytics.lifecycle import Event
from agent.core.analytics.tracks import TrackedPerson
from agent.core.camera.link import ClosedIn, Happened, InView
from agent.ports import Clock

MOST_TRACKS = 100
"""A message names no more people than this, but counts them all."""


class Reports:
    """Gives events and people identifiers that no camera process has used before. One thread, except `in_view`."""

    def __init__(self, clock: Clock, camera: str) -> None:
        self._clock = clock
        self._camera = camera
        self._ids = Uuid7Source()
        self._run = os.urandom(4).hex()
        self._open: dict[int, str] = {}
        """Identifiers of open events, by their numbers."""
        self.in_view = InView(persons=0, tracks=())
        """Who is in view. Any thread may read it."""

    def see(self, people: Sequence[TrackedPerson], approach: Approach | None = None) -> InView | None:
        """Return the report of who is in view now, and whether several of them have closed in on one; None when that
        has not changed."""
        tracks = sorted(person.id for person in people)
        before = self.in_view
        closed_in = approach and ClosedIn(people=approach.people, since_boottime_ns=approach.since_ns)
        names = tuple(self._name(track) for track in tracks[:MOST_TRACKS])
        self.in_view = InView(persons=len(people), tracks=names, closed_in=closed_in)
        return None if self.in_view == before else self.in_view

    def make(self, event: Event, picture: Callable[[str], bool]) -> Happened:
        """Return the report of an event. At a beginning, `picture(event_id)` says whether there is a picture of it."""
        event_id = self._event_id(event)
        best = event.best
        name = (EVENTS[event.kind].ended_by if event.phase == "ended" else None) or event.kind
        # An event's data takes the fields that it has, and leaves the others.
        data = asdict(event) | {
            "event_id": event_id,
            "camera": self._camera,
            "frame_monoms": event.boottime_ns // 1_000_000,
            "snapshot": event_id if event.phase in {"began", None} and picture(event_id) else None,
            "zone": event.zone or None,
            "track": None if event.track is None else self._name(event.track),
            "score": None if best is None else best.score,
            "box": None if best is None else best.box,
        }
        return Happened.model_validate({"t": name, "data": data})

    def _event_id(self, event: Event) -> str:
        """Return the event's identifier: new at a beginning, and remembered until the end."""
        event_id = self._open.get(event.number)
        if event_id is None:
            event_id = self._ids.next(int(self._clock.wall().timestamp() * 1000))
            self._open[event.number] = event_id
        if event.phase in {"ended", None}:
            del self._open[event.number]
        return event_id

    def _name(self, track: int) -> str:
        return f"{self._run}-{track}"
