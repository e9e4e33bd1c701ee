"""Notices that the wall clock was corrected, and reports it to those who have messages with the wrong time."""

from agent.contract.events import TimeCorrectionData
from agent.contract.vocabulary import TimeQuality
from agent.outbox.reporter import Reporter
from agent.ports import Clock

_JUMP_MS = 1_000
"""Smaller corrections are not reported: nobody's clock is better."""
_INTERRUPTED_NS = 100_000_000
"""Two clocks that are read further apart than this can't be compared."""


class TimeWatch:
    """Compares the wall clock with the time since boot, which nothing corrects. Called by one thread."""

    def __init__(self, reporter: Reporter, clock: Clock) -> None:
        self._reporter = reporter
        self._clock = clock
        self._seen: tuple[int, TimeQuality] | None = None
        """The wall clock at the start of this boot, in ms since 1970, and its quality, as of the last check."""

    def tick(self) -> None:
        """Report a jump since the last check, and time that has become synchronised."""
        before_ns = self._clock.boottime_ns()
        wall, quality = self._clock.wall(), self._clock.quality()
        if self._clock.boottime_ns() - before_ns > _INTERRUPTED_NS:
            return
        boot_ms = int(wall.timestamp() * 1000) - before_ns // 1_000_000
        seen, self._seen = self._seen, (boot_ms, quality)
        if seen is None:
            return
        offset_ms, timeq_before = boot_ms - seen[0], seen[1]
        has_become_synced = quality is TimeQuality.SYNCED and timeq_before is TimeQuality.UNSYNCED
        if abs(offset_ms) > _JUMP_MS or has_become_synced:
            self._reporter.publish(
                self._reporter.make.time_correction(
                    TimeCorrectionData(
                        boot_id=self._clock.boot_id,
                        offset_ms=offset_ms,
                        timeq_before=timeq_before,
                        timeq_after=quality,
                    )
                )
            )
