"""The look loop: newest frame, detector, presence, events."""

import logging
import threading
from collections.abc import Callable, Iterable

from agent.core.errors import EdgeAgentError
from agent.core.link import CameraTamper, PersonEntered, PersonLeft
from agent.core.presence import Entered, Left, Person, Presence
from agent.core.uuid7 import Uuid7Source
from agent.ports import Clock, Detection, Detector, Frame
from agent.vision.frame_slot import FrameSlot
from agent.vision.pace import Pace
from agent.vision.snapshot import Snapshots

_log = logging.getLogger(__name__)
_WAIT_S = 0.5


class Lookout:
    """Looks at the newest frame, at most `frames_per_second` times a second, and tells who came and left.

    `send` gets the events; they carry a picture only when `snapshots` is given. `tampers` says what a frame tells of
    the camera itself. One thread, except `pace`.
    """

    def __init__(
        self,
        slot: FrameSlot,
        detector: Detector,
        presence: Presence,
        clock: Clock,
        send: Callable[[PersonEntered | PersonLeft | CameraTamper], None],
        frames_per_second: float,
        stop: threading.Event,
        snapshots: Snapshots | None = None,
        tampers: Callable[[Frame], Iterable[CameraTamper]] = lambda _: (),
    ) -> None:
        self._slot = slot
        self._detector = detector
        self._presence = presence
        self._clock = clock
        self._send = send
        self._period_ns = round(1e9 / frames_per_second)
        self._stop = stop
        self._snapshots = snapshots
        self._tampers = tampers
        self._ids = Uuid7Source()
        self._frame: Frame | None = None
        self._due_ns = 0
        self._event_id = ""
        self.pace = Pace()

    def run_once(self) -> bool:
        """Wait for the time and for a frame, and look at it. False when none came; returns within a second.

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
        # Keep the beat, so that a source of the same rate is seen whole; do not make up for what is lost.
        self._due_ns = max(self._due_ns + self._period_ns, self._clock.boottime_ns() - self._period_ns)
        self._frame = frame
        self._look(frame)
        return True

    def _look(self, frame: Frame) -> None:
        for tamper in self._tampers(frame):
            self._send(tamper)
        began_ns = self._clock.boottime_ns()
        detections = self._detector.detect(frame.pixels)
        self.pace.add(self._clock.boottime_ns() - began_ns)
        height, width = frame.pixels.shape[:2]
        people = [_as_fractions(detection, width, height) for detection in detections]
        change = self._presence.update(frame.boottime_ns, people)
        if isinstance(change, Entered):
            self._send(self._entered(change, frame))
        elif isinstance(change, Left):
            self._send(self._left(change))

    def _entered(self, change: Entered, frame: Frame) -> PersonEntered:
        self._event_id = self._ids.next(int(self._clock.wall().timestamp() * 1000))
        return PersonEntered(
            event_id=self._event_id,
            boottime_ns=change.boottime_ns,
            persons=change.persons,
            score=change.best.score,
            box=change.best.box,
            snapshot=self._picture(frame),
        )

    def _left(self, change: Left) -> PersonLeft:
        return PersonLeft(
            event_id=self._event_id,
            boottime_ns=change.boottime_ns,
            duration_ms=change.duration_ms,
            persons_max=change.persons_max,
        )

    def _picture(self, frame: Frame) -> str | None:
        if self._snapshots is None:
            return None
        try:
            return str(self._snapshots.write(self._event_id, frame.pixels))
        except EdgeAgentError as error:  # the event matters more than its picture
            _log.error("no picture of event %s: %s", self._event_id, error)
            return None


def _as_fractions(detection: Detection, width: int, height: int) -> Person:
    box = (
        detection.left / width,
        detection.top / height,
        detection.width / width,
        detection.height / height,
    )
    return Person(detection.score, box)
