"""Turns the people in view, frame by frame, into events. Pure."""

import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime

from agent.contract.vocabulary import Box
from agent.core.analytics.converging import Approach, Converging
from agent.core.analytics.fall import Fall
from agent.core.analytics.lifecycle import Event
from agent.core.analytics.lines import Line, LineRules
from agent.core.analytics.things import Things
from agent.core.analytics.track_state import FrameTime, TrackState
from agent.core.analytics.tracks import TrackedPerson
from agent.core.analytics.zones import Limits, Zone, ZoneRules

MAX_STEP_NS = 1_000_000_000
"""No frame counts for more than this: while a camera was away it showed neither presence nor absence."""
LONGEST_GAP_NS = 30_000_000_000
"""After this long without a frame, and longer than anybody may be unseen, everything ends and starts over: nobody knows
who was there in between. The same happens when capture times go back by this much."""
MOST_TRACKS = 256
"""The most people remembered, whatever the tracker reports."""

FOUND_AGAIN_NS = 5_000_000_000
"""So long after somebody was lost, a new track where they stood may be of them."""


class Rules:
    """The zones and lines of one camera; the whole picture is the first zone. One thread."""

    def __init__(
        self,
        limits: Limits,
        zones: Sequence[ZoneRules] = (),
        lines: Sequence[LineRules] = (),
        converging_from: int = 0,
    ) -> None:
        numbers = itertools.count(1)
        self._limits = limits
        self._longest_gap_ns = max(LONGEST_GAP_NS, limits.leave_after_ns)
        self._zones = [Zone(rules, limits, numbers) for rules in (ZoneRules(), *zones)]
        self._lines = [Line(rules, limits.cool_down_ns, numbers) for rules in lines]
        self._judges_conduct = any(zone.judges_conduct for zone in zones)
        self._converging = Converging(converging_from)
        self._states: dict[int, TrackState] = {}
        self._things = Things()
        self.in_view: Sequence[TrackedPerson] = ()
        """Who was in view in the last frame, without those who have turned out to be things."""
        self._last_ns: int | None = None

    @property
    def things(self) -> tuple[Box, ...]:
        """Where something stands that looks like a person and never moves. Any thread may read it."""
        return self._things.boxes

    @property
    def approach(self) -> Approach | None:
        """Whether several people have closed in on one, as of the last frame. It makes no event: an alarm tells it."""
        return self._converging.now

    def update(
        self, boottime_ns: int, wall: datetime | None, people: Sequence[TrackedPerson], aspect: float = 1.0
    ) -> list[Event]:
        """Take in one frame and return its events, in the order in which to report them.

        `wall` is the time of day, None while the clock can't be trusted. `people` are those in view, and `aspect` is
        the width of the picture divided by its height.
        """
        gap_ns = 0 if self._last_ns is None else boottime_ns - self._last_ns
        self._last_ns = boottime_ns
        frame = FrameTime(boottime_ns, min(max(gap_ns, 0), MAX_STEP_NS), aspect)
        events = list(self._lose_all(frame)) if abs(gap_ns) > self._longest_gap_ns else []
        self._follow(frame, {person.id: person for person in people})
        states = self._states.values()
        self._things.update(frame, states)
        people = self.in_view = [person for person in people if person.id not in self._things.tracks]
        self._converging.update(boottime_ns, people, aspect)
        for zone in self._zones:
            events += zone.update(frame, wall, states)
        for line in self._lines:
            events += line.update(frame, states, len(people))
        self._forget(boottime_ns)
        return events

    def _lose_all(self, frame: FrameTime) -> Iterator[Event]:
        for zone in self._zones:
            yield from zone.end_all(frame)
        for state in list(self._states.values()):
            state.now = None
            if not self._held(state):
                self._drop(state.id)

    def _follow(self, frame: FrameTime, people: dict[int, TrackedPerson]) -> None:
        for state in self._states.values():
            state.update(people.get(state.id), frame, self._limits.min_travel)
        for newcomer in sorted(people.keys() - self._states.keys()):
            if len(self._states) < MOST_TRACKS or self._make_room():
                state = self._states[newcomer] = TrackState(newcomer)
                state.update(people[newcomer], frame, self._limits.min_travel)
        if self._judges_conduct:
            self._watch_conduct(frame)

    def _watch_conduct(self, frame: FrameTime) -> None:
        in_view = [state for state in self._states.values() if state.now is not None]
        for state in in_view:
            if state.found is not None and state.is_new:
                self._take_over(frame, state, state.found)
            others = (other.now for other in in_view if other is not state and other.now is not None)
            state.fall.update(frame.now_ns, state.found, others, frame.aspect)
            state.pace.update(frame.now_ns, state.found, frame.aspect)

    def _take_over(self, frame: FrameTime, new: TrackState, found: TrackedPerson) -> None:
        """A fall may cost somebody their number: whoever comes up where another was just lost is the same person."""
        for lost in self._states.values():
            is_fresh = lost.found is None and frame.now_ns - lost.last_ns <= FOUND_AGAIN_NS
            if is_fresh and lost.fall.is_here(found, frame.aspect):
                new.fall, lost.fall = lost.fall, Fall()
                new.was_reportable = lost.conduct_is_reportable
                return

    def _make_room(self) -> bool:
        """Forget whoever has been gone for longest and has nothing left to report. Return whether there was one."""
        gone = sorted((each for each in self._states.values() if each.now is None), key=lambda each: each.last_ns)
        free = next((each for each in gone if not self._held(each)), None)
        if free is not None:
            self._drop(free.id)
        return free is not None

    def _forget(self, now_ns: int) -> None:
        """Forget people whose cool-downs are over; the tracker never reuses a number."""
        keep_ns = self._limits.leave_after_ns + self._limits.cool_down_ns
        for state in list(self._states.values()):
            if state.now is None and now_ns - state.last_ns > keep_ns and not self._held(state):
                self._drop(state.id)

    def _held(self, state: TrackState) -> bool:
        """Return whether something about this person is still to be reported."""
        owed = state.is_reportable and any(line.owes(state.id) for line in self._lines)
        return owed or any(zone.holds(state.id) for zone in self._zones)

    def _drop(self, track_id: int) -> None:
        del self._states[track_id]
        for zone in self._zones:
            zone.forget(track_id)
        for line in self._lines:
            line.forget(track_id)
