"""Reports to the centre that a camera is hardly able to see, as its process finds."""

from datetime import timedelta
from typing import Any

from agent.contract.envelope import rfc3339
from agent.contract.events import HardlyAbleToSeeData
from agent.core.camera.link import HardlyAbleToSee
from agent.outbox.reporter import Reporter
from agent.ports import Clock


class HardlyAbleController:
    """Publishes an event for the beginning and the end, and knows whether it goes on. One thread, except `figures`."""

    def __init__(self, camera: str, *, reporter: Reporter, clock: Clock) -> None:
        self._camera = camera
        self._reporter = reporter
        self._clock = clock
        self._active: tuple[HardlyAbleToSee, str] | None = None
        """What began last and is not over, with the wall clock at its beginning."""

    @property
    def detail(self) -> str:
        """What is wrong and what to do, for a person; empty if the camera sees well. Any thread."""
        active = self._active
        return "" if active is None else f"hardly able to see: {active[0].detail}"

    def figures(self) -> dict[str, Any]:
        """Return what the health message says of it; nothing if the camera sees well. Any thread."""
        active = self._active
        if active is None:
            return {}
        message, since = active
        reason, event_id = message.reason.value, message.event_id
        why = {"reason": reason, "event_id": event_id, "since": since, "detail": message.detail}
        return {"hardly_able_to_see": why}

    def heard(self, message: HardlyAbleToSee) -> None:
        """Handle what the camera process has found: a beginning, or the end of what it reported before."""
        if message.active:
            since = self._wall(message.boottime_ns)
            self._active = message, since
            self._report(message, since)
        elif self._active is not None and self._active[0].event_id == message.event_id:
            self._end(message.boottime_ns, message.detail)

    def ended(self) -> None:
        """End what goes on, because the camera process has ended. The next one finds it again if it is still so."""
        self._end(self._clock.boottime_ns(), "no longer known: the camera process ended")

    def _end(self, boottime_ns: int, detail: str) -> None:
        if self._active is None:
            return
        (began, _), self._active = self._active, None
        ended = began.model_copy(update={"active": False, "boottime_ns": boottime_ns, "detail": detail})
        duration_ms = max(boottime_ns - began.boottime_ns, 0) // 1_000_000
        self._report(ended, self._wall(boottime_ns), duration_ms)

    def _report(self, message: HardlyAbleToSee, since: str, duration_ms: int | None = None) -> None:
        self._reporter.publish(
            self._reporter.make.hardly_able_to_see(
                HardlyAbleToSeeData(
                    event_id=message.event_id,
                    camera=self._camera,
                    reason=message.reason,
                    active=message.active,
                    since=since,
                    duration_ms=duration_ms,
                    detail=message.detail,
                )
            )
        )

    def _wall(self, boottime_ns: int) -> str:
        ago = timedelta(microseconds=(self._clock.boottime_ns() - boottime_ns) // 1000)
        return rfc3339(self._clock.wall() - ago)
