"""Reports tampers of one camera to the centre: those that its process finds, and the loss of its pictures."""

import logging
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from agent.contract.envelope import rfc3339
from agent.contract.events import CameraTamperData
from agent.contract.uuid7 import Uuid7Source
from agent.contract.vocabulary import TamperKind
from agent.core.camera.link import CameraTamper, HardlyAbleToSee, Heartbeat
from agent.core.camera.video_loss import VideoLoss
from agent.outbox.reporter import Reporter
from agent.ports import Clock
from agent.runtime.cameras.hardly_able import HardlyAbleController

log = logging.getLogger(__name__)


class TamperController:
    """Publishes an event for each beginning and end, and knows which tampers are active. One thread, except
    `figures`."""

    def __init__(
        self,
        camera: str,
        kinds: Collection[TamperKind],
        frames_per_second: float,
        *,
        reporter: Reporter,
        clock: Clock,
    ) -> None:
        """Video loss is reported only if it is among the `kinds`; the camera process watches for the others."""
        self._camera = camera
        self._signal = VideoLoss(frames_per_second) if TamperKind.SIGNAL_LOST in kinds else None
        self._signal_id = ""
        self._frames_before = 0
        """Frames that the camera process had processed as of its last heartbeat."""
        self.hardly_able = HardlyAbleController(camera, reporter=reporter, clock=clock)
        """Hears of pictures that are bad without a tamper."""
        self._reporter = reporter
        self._clock = clock
        self._ids = Uuid7Source()
        self._active: dict[str, tuple[CameraTamper, str]] = {}
        """Active tampers by identifier, each with the wall clock at its beginning."""

    def figures(self) -> list[dict[str, Any]]:
        """Return the active tampers for the health message. Any thread."""
        return [
            {"kind": message.kind.value, "event_id": message.event_id, "since": since}
            for message, since in list(self._active.values())
        ]

    def heard(self, message: CameraTamper | HardlyAbleToSee) -> None:
        """Handle what the camera process has found wrong with its pictures, or what is over.

        While the signal is lost, a frozen picture is not reported: it is the same event.
        """
        if isinstance(message, HardlyAbleToSee):
            self.hardly_able.heard(message)
            return
        if message.active and not (message.kind is TamperKind.FROZEN and self._signal_id):
            self._begin(message)
            if self._signal is not None and self._is_frozen():
                self._signal.pictured(0, self._clock.boottime_ns())
        elif not message.active:
            self._end(message.event_id, message.boottime_ns, message.detail)

    def beat(self, report: Heartbeat) -> None:
        """Handle a heartbeat that has just come.

        While the camera is frozen, pictures that are processed count as new: by their stamps they may be old.
        """
        is_processing, self._frames_before = report.frames != self._frames_before, report.frames
        if self._signal is not None and report.frame_age_ms is not None:
            age_ms = 0 if is_processing and self._is_frozen() else report.frame_age_ms
            self._signal.pictured(age_ms * 1_000_000, self._clock.boottime_ns())

    def tick(self) -> None:
        """Check whether pictures come. Call it several times a second, whatever the camera process does."""
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
        """End the tampers of a camera process that has ended, as they are not known any more; video loss goes on. The
        next process finds what is left of them."""
        self.hardly_able.ended()
        for event_id in list(self._active):
            if event_id != self._signal_id:
                self._end(event_id, self._clock.boottime_ns(), "no longer known: the camera process ended")

    def _is_frozen(self) -> bool:
        return any(message.kind is TamperKind.FROZEN for message, _ in self._active.values())

    def _begin(self, message: CameraTamper) -> None:
        since = self._wall(message.boottime_ns)
        self._active = {**self._active, message.event_id: (message, since)}
        log.warning("camera %s: %s: %s", self._camera, message.kind, message.detail)
        self._report(message, since)

    def _end(self, event_id: str, boottime_ns: int, detail: str) -> None:
        if event_id not in self._active:
            return
        began, _ = self._active[event_id]
        self._active = {each: what for each, what in self._active.items() if each != event_id}
        log.info("camera %s: %s is over: %s", self._camera, began.kind, detail)
        ended = began.model_copy(
            update={"active": False, "boottime_ns": boottime_ns, "detail": detail, "snapshot": None}
        )
        duration_ms = max(boottime_ns - began.boottime_ns, 0) // 1_000_000
        self._report(ended, self._wall(boottime_ns), duration_ms)

    def _report(self, message: CameraTamper, since: str, duration_ms: int | None = None) -> None:
        codes = {"contact_id": "137", "sia": "TA" if message.active else "TR"}
        self._reporter.publish(
            self._reporter.make.camera_tamper(
                CameraTamperData(
                    event_id=message.event_id,
                    camera=self._camera,
                    kind=message.kind,
                    active=message.active,
                    since=since,
                    duration_ms=duration_ms,
                    detail=message.detail,
                    snapshot=message.snapshot,
                    codes={} if message.kind is TamperKind.DARK else codes,
                )
            )
        )

    def _wall(self, boottime_ns: int) -> str:
        ago = timedelta(microseconds=(self._clock.boottime_ns() - boottime_ns) // 1000)
        return rfc3339(self._clock.wall() - ago)
