"""Reports to the centre what is wrong with the pictures of one camera: tampers, their loss, and how badly it sees."""

import logging
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from agent.contract.envelope import rfc3339
from agent.contract.events import CameraTamperData, HardlyAbleToSeeData
from agent.contract.uuid7 import Uuid7Source
from agent.contract.vocabulary import TamperKind
from agent.core.camera.link import CameraTamper, HardlyAbleToSee, Heartbeat
from agent.core.camera.video_loss import VideoLoss
from agent.outbox.reporter import Reporter
from agent.ports import Clock
from agent.runtime.supervision.health import HealthBoard

log = logging.getLogger(__name__)


class Impairments:
    """Publishes an event for each beginning and end, and knows what is active. One thread, except `figures`."""

    def __init__(
        self,
        camera: str,
        kinds: Collection[TamperKind],
        frames_per_second: float,
        *,
        reporter: Reporter,
        board: HealthBoard,
        clock: Clock,
    ) -> None:
        """Video loss is reported only if it is among the `kinds`; the camera process watches for the others. While the
        camera is hardly able to see, its part `sight-NAME` is degraded on the `board`; if a tamper takes the place of
        that, until the tamper is over."""
        self._camera = camera
        self._signal = VideoLoss(frames_per_second) if TamperKind.SIGNAL_LOST in kinds else None
        self._signal_id = ""
        self._frames_before = 0
        """Frames that the camera process had processed as of its last heartbeat."""
        self._reporter = reporter
        self._board = board
        self._sight = f"sight-{camera}"
        self._sees_badly = False
        self._clock = clock
        self._ids = Uuid7Source()
        self._active: dict[str, tuple[CameraTamper | HardlyAbleToSee, str]] = {}
        """By identifier, each with the wall clock at its beginning."""

    def figures(self) -> dict[str, Any]:
        """Return what is active, as fields of the camera in the health message. Any thread."""
        tampers, hardly_able = [], {}
        for message, since in self._active.values():
            began = {"event_id": message.event_id, "since": since}
            if isinstance(message, CameraTamper):
                tampers.append({"kind": message.kind.value, **began})
            else:
                hardly_able = {"reason": message.reason.value, **began, "detail": message.detail}
        return {"tampers": tampers} | ({"hardly_able_to_see": hardly_able} if hardly_able else {})

    def heard(self, message: CameraTamper | HardlyAbleToSee) -> None:
        """Handle what the camera process has found wrong with its pictures, or what is over.

        While the signal is lost, a frozen picture is not reported: it is the same event.
        """
        if not message.active:
            self._end(message.event_id, message.boottime_ns, message.detail)
        elif not (_is_frozen(message) and self._signal_id):
            self._begin(message)
            if self._signal is not None and _is_frozen(message):
                self._signal.pictured(0, self._clock.boottime_ns())

    def beat(self, report: Heartbeat) -> None:
        """Handle a heartbeat that has just come.

        While the camera is frozen, pictures that are processed count as new: by their stamps they may be old.
        """
        is_processing, self._frames_before = report.frames != self._frames_before, report.frames
        if self._signal is not None and report.frame_age_ms is not None:
            age_ms = 0 if is_processing and self._is_frozen() else report.frame_age_ms
            self._signal.pictured(age_ms * 1_000_000, self._clock.boottime_ns())

    def tick(self) -> None:
        """Check whether pictures come, and whether the camera sees again. Call it several times a second, whatever the
        camera process does."""
        # Not at an end: another reason or a tamper may follow it at once.
        if self._sees_badly and not self._active.keys() - {self._signal_id}:
            self._sees_badly = False
            self._board.report(self._sight, ok=True)
        if self._signal is None:
            return
        change = self._signal.tick(self._clock.boottime_ns())
        if change is None:
            return
        if not change.active:
            self._end(self._signal_id, change.boottime_ns, "there are pictures again")
            self._signal_id = ""
            return
        self._signal_id = self._ids.next(int(self._clock.wall().timestamp() * 1000))
        self._begin(
            CameraTamper(
                event_id=self._signal_id,
                kind=change.kind,
                active=True,
                boottime_ns=change.boottime_ns,
                detail="there are no pictures",
            )
        )

    def ended(self) -> None:
        """End what a camera process has found that has ended, as it is not known any more; video loss goes on. The
        next process finds what is left of it."""
        for event_id in list(self._active):
            if event_id != self._signal_id:
                self._end(event_id, self._clock.boottime_ns(), "no longer known: the camera process ended")

    def paused(self) -> None:
        """Note that the camera process, which has ended, rests or works in another way: no picture is missed."""
        if self._signal is not None:
            self._signal.restarted()

    def _is_frozen(self) -> bool:
        return any(_is_frozen(message) for message, _ in self._active.values())

    def _begin(self, message: CameraTamper | HardlyAbleToSee) -> None:
        since = self._wall(message.boottime_ns)
        self._active = {**self._active, message.event_id: (message, since)}
        self._report(message, since)
        if isinstance(message, CameraTamper):
            log.warning("camera %s: %s: %s", self._camera, message.kind, message.detail)
        else:
            self._sees_badly = True
            detail = f"hardly able to see: {message.detail}"
            self._board.report(self._sight, ok=False, detail=detail, transient=True)  # it may be night

    def _end(self, event_id: str, boottime_ns: int, detail: str) -> None:
        if event_id not in self._active:
            return
        began, _ = self._active[event_id]
        self._active = {each: what for each, what in self._active.items() if each != event_id}
        ended = began.model_copy(update={"active": False, "boottime_ns": boottime_ns, "detail": detail})
        duration_ms = max(boottime_ns - began.boottime_ns, 0) // 1_000_000
        self._report(ended, self._wall(boottime_ns), duration_ms)
        if isinstance(began, CameraTamper):
            log.info("camera %s: %s is over: %s", self._camera, began.kind, detail)

    def _report(self, message: CameraTamper | HardlyAbleToSee, since: str, duration_ms: int | None = None) -> None:
        told: dict[str, Any] = {
            "event_id": message.event_id,
            "camera": self._camera,
            "active": message.active,
            "since": since,
            "duration_ms": duration_ms,
            "detail": message.detail,
        }
        make = self._reporter.make
        if isinstance(message, HardlyAbleToSee):
            self._reporter.publish(make.hardly_able_to_see(HardlyAbleToSeeData(reason=message.reason, **told)))
            return
        codes = {"contact_id": "137", "sia": "TA" if message.active else "TR"}
        tamper = CameraTamperData(
            kind=message.kind,
            snapshot=message.snapshot if message.active else None,
            codes={} if message.kind is TamperKind.DARK else codes,
            **told,
        )
        self._reporter.publish(make.camera_tamper(tamper))

    def _wall(self, boottime_ns: int) -> str:
        ago = timedelta(microseconds=(self._clock.boottime_ns() - boottime_ns) // 1000)
        return rfc3339(self._clock.wall() - ago)


def _is_frozen(message: CameraTamper | HardlyAbleToSee) -> bool:
    return isinstance(message, CameraTamper) and message.kind is TamperKind.FROZEN
