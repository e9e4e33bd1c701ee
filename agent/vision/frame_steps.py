"""The steps that each frame of a camera passes, in their order: in a camera process, and where a video is replayed."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from agent.core.analytics.rules import Rules
from agent.core.camera.link import CameraTamper, Happened, HardlyAbleToSee, InView
from agent.core.errors import EdgeAgentError
from agent.ports import Frame
from agent.vision.reports import Reports
from agent.vision.sight import FindsPeople, Seen
from agent.vision.snapshot import Snapshots

_log = logging.getLogger(__name__)
_NOBODY = Seen((), (), ())


@dataclass(slots=True)
class Passing:
    """A frame on its way, and what its steps have found so far."""

    frame: Frame
    seen: Seen = _NOBODY
    in_view: int = 0
    """How many people are in view, without things that were taken for people."""


class FrameSteps:
    """Processes one frame after the other, and sends what each step finds. One thread."""

    def __init__(
        self,
        sight: FindsPeople,
        rules: Rules,
        reports: Reports,
        wall: Callable[[], datetime | None],
        send: Callable[[Happened | InView | CameraTamper | HardlyAbleToSee], object],
        snapshots: Snapshots | None = None,
        tampers: Callable[[Frame], Iterable[CameraTamper]] = lambda _: (),
        prepared: Callable[[Frame], Frame] = lambda frame: frame,
        hardly_able: Callable[[Seen, int], Iterable[HardlyAbleToSee]] = lambda *_: (),
    ) -> None:
        """`wall` returns the time of day, or None while the clock is not synchronised. `send` gets each message. The
        beginning of an event has a picture only if `snapshots` is given. `prepared` adds to a frame what several steps
        need. `tampers` checks the camera itself; `hardly_able` checks how well it sees, at a capture time."""
        self._sight = sight
        self._rules = rules
        self._reports = reports
        self._wall = wall
        self._send = send
        self._snapshots = snapshots
        self._tampers = tampers
        self._prepared = prepared
        self._hardly_able = hardly_able
        self._steps = (
            self._prepare,
            self._check_for_tampers,
            self._find_people,
            self._check_visibility,
            self._apply_rules,
        )

    def process(self, frame: Frame) -> Passing:
        """Take the next frame, already masked, through all steps. Raises ModelError, and what `send` raises."""
        passing = Passing(frame)
        for step in self._steps:
            step(passing)
        return passing

    def _prepare(self, passing: Passing) -> None:
        passing.frame = self._prepared(passing.frame)

    def _check_for_tampers(self, passing: Passing) -> None:
        for tamper in self._tampers(passing.frame):
            self._send(tamper)

    def _find_people(self, passing: Passing) -> None:
        passing.seen = self._sight.process(passing.frame)

    def _check_visibility(self, passing: Passing) -> None:
        for message in self._hardly_able(passing.seen, passing.frame.boottime_ns):
            self._send(message)

    def _apply_rules(self, passing: Passing) -> None:
        frame = passing.frame
        height, width = frame.pixels.shape[:2]
        events = self._rules.update(frame.boottime_ns, self._wall(), passing.seen.people, width / height)
        passing.in_view = len(self._rules.in_view)
        if (in_view := self._reports.see(self._rules.in_view, self._rules.approach)) is not None:
            self._send(in_view)
        for event in events:
            self._send(self._reports.make(event, partial(self._picture, frame, event.boottime_ns)))

    def _picture(self, frame: Frame, happened_ns: int, event_id: str) -> bool:
        if self._snapshots is None or happened_ns != frame.boottime_ns:  # it doesn't show a late event
            return False
        try:
            self._snapshots.write(event_id, frame.pixels)
        except EdgeAgentError as error:  # the event matters more than its picture
            _log.error("no picture of event %s: %s", event_id, error)
            return False
        return True
