"""The frame loop: takes the newest frame, finds who is in it, applies the rules and reports."""

import logging
import threading
from collections.abc import Callable, Iterable
from functools import partial

from agent.contract.vocabulary import TimeQuality
from agent.core.analytics.rules import Rules
from agent.core.camera.link import CameraTamper, Happened, HardlyAbleToSee, InView
from agent.core.errors import EdgeAgentError
from agent.ports import Clock, Frame
from agent.vision.frame_slot import FrameSlot
from agent.vision.pace import Pace
from agent.vision.reports import Reports
from agent.vision.sight import FindsPeople, Seen
from agent.vision.snapshot import Snapshots

_log = logging.getLogger(__name__)
_WAIT_S = 0.5


class FrameLoop:
    """Processes the newest frame, at most `frames_per_second` times a second, and reports what happens. One thread.

    `tampers` returns what a frame tells about the camera itself. `send` gets that, each change of who is in view, and
    the events; the beginning of an event carries a picture only if `snapshots` is given. `prepared` gives a frame what
    several of them need of it. `hardly_able` returns what the newest look and its capture time tell about how well the
    camera sees; that is sent too.
    """

    def __init__(
        self,
        slot: FrameSlot,
        sight: FindsPeople,
        rules: Rules,
        reports: Reports,
        pace: Pace,
        clock: Clock,
        send: Callable[[Happened | InView | CameraTamper | HardlyAbleToSee], None],
        frames_per_second: float,
        stop: threading.Event,
        snapshots: Snapshots | None = None,
        tampers: Callable[[Frame], Iterable[CameraTamper]] = lambda _: (),
        prepared: Callable[[Frame], Frame] = lambda frame: frame,
        hardly_able: Callable[[Seen, int], Iterable[HardlyAbleToSee]] = lambda *_: (),
    ) -> None:
        self._slot = slot
        self._sight = sight
        self._rules = rules
        self._clock = clock
        self._send = send
        self._period_ns = round(1e9 / frames_per_second)
        self._stop = stop
        self._snapshots = snapshots
        self._reports = reports
        self._pace = pace
        self._tampers = tampers
        self._prepared = prepared
        self._hardly_able = hardly_able
        self._frame: Frame | None = None
        self._due_ns = 0

    def run_once(self) -> bool:
        """Wait until the next frame is due and there, then process it. Return False if none came within a second.

        Raises ModelError, CoreGoneError.
        """
        now_ns = self._clock.boottime_ns()
        if self._stop.wait(min(max(self._due_ns - now_ns, 0) / 1e9, _WAIT_S)):
            return False
        began_ns = self._clock.boottime_ns()
        if began_ns < self._due_ns:
            return False
        frame = self._slot.wait_newer(self._frame, _WAIT_S)
        if frame is None:
            return False
        # Keep the beat, so that no frame of a source with the same rate is missed; don't catch up on lost time.
        self._due_ns = max(self._due_ns + self._period_ns, self._clock.boottime_ns() - self._period_ns)
        self._frame = frame
        self._process(self._prepared(frame))
        return True

    def _process(self, frame: Frame) -> None:
        for tamper in self._tampers(frame):
            self._send(tamper)
        seen = self._sight.process(frame)
        people = seen.people
        for message in self._hardly_able(seen, frame.boottime_ns):
            self._send(message)
        self._pace.processed()
        height, width = frame.pixels.shape[:2]
        wall = None if self._clock.quality() is TimeQuality.UNSYNCED else self._clock.wall()
        events = self._rules.update(frame.boottime_ns, wall, people, width / height)
        if (in_view := self._reports.see(people, self._rules.approach)) is not None:
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
