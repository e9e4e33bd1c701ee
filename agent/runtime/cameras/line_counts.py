"""Counts who crosses the lines of one camera, by the hour and without a name for anybody."""

import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from agent.contract.camera_events import LineCrossedData
from agent.contract.envelope import rfc3339
from agent.contract.events import LineCountData
from agent.contract.messages import Draft
from agent.contract.vocabulary import TimeQuality
from agent.outbox.reporter import Reporter
from agent.ports import Clock

KEPT = "line-count/"
_HOUR_S = 3600
_LONGEST_STEP_S = 5.0
"""A camera that works says so every second."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Count:
    """One line, in one hour."""

    hour_s: int | None = None
    """Its beginning, in seconds since 1970; None while the clock is not set."""
    left_to_right: int = 0
    right_to_left: int = 0
    counted_s: float = 0.0


class LineCounts:
    """Publishes the counts of each hour once it is over. The thread of the camera's link.

    The counts are kept together with each crossing that is told, so they survive a restart of the camera's process, and
    one of the agent as far as the last crossing.
    """

    def __init__(
        self, camera: str, lines: Collection[str], kept: Mapping[str, str], *, reporter: Reporter, clock: Clock
    ) -> None:
        """`lines` are the names of the camera's; `kept` is what was kept before, under keys that begin with `KEPT`."""
        self._camera = camera
        self._reporter = reporter
        self._clock = clock
        self._worked_ns: int | None = None
        """When the camera last said that it works; None if it then said that it doesn't."""
        mine = self._key("")
        self._counts = {key.removeprefix(mine): _restored(text) for key, text in kept.items() if key.startswith(mine)}
        self.use(lines)

    def use(self, lines: Collection[str]) -> None:
        """Count at these lines from now on. A line that is gone is told once more, when its hour is over."""
        self._lines = frozenset(lines)
        for line in self._lines:
            self._counts.setdefault(line, _Count())

    def crossed(self, draft: Draft, data: LineCrossedData) -> None:
        """Publish `draft`, which tells of this crossing, and count it to the hour in which it is told."""
        self._close_hours()
        count = self._counts.get(data.line)
        if count is None:  # no line of this camera
            self._reporter.publish(draft)
            return
        if data.direction == "left-to-right":
            count.left_to_right += 1
        else:
            count.right_to_left += 1
        self._reporter.publish(draft, {self._key(data.line): json.dumps(asdict(count))})

    def tick(self, *, works: bool) -> None:
        """Take in a sign of life of the camera, or that it does not work; publish what is over."""
        self._close_hours()
        now_ns = self._clock.boottime_ns()
        if works and self._worked_ns is not None:
            step_s = min((now_ns - self._worked_ns) / 1e9, _LONGEST_STEP_S)
            for count in self._counts.values():
                count.counted_s = min(count.counted_s + step_s, _HOUR_S)
        self._worked_ns = now_ns if works else None

    def _close_hours(self) -> None:
        hour_s = None
        if self._clock.quality() is not TimeQuality.UNSYNCED:
            hour_s = int(self._clock.wall().timestamp()) // _HOUR_S * _HOUR_S
        for line, count in list(self._counts.items()):
            # What is counted before the clock is set belongs to the hour in which it is, and not to one that was kept.
            before_s, count.hour_s = count.hour_s, hour_s
            if before_s is None or before_s == hour_s:
                continue
            data = LineCountData(
                camera=self._camera,
                line=line,
                hour=rfc3339(datetime.fromtimestamp(before_s, UTC)),
                left_to_right=count.left_to_right,
                right_to_left=count.right_to_left,
                counted_s=round(count.counted_s),
            )
            if line in self._lines:
                self._counts[line] = _Count(hour_s)
            else:
                del self._counts[line]
            self._reporter.publish(self._reporter.make.line_count(data), {self._key(line): None})

    def _key(self, line: str) -> str:
        return f"{KEPT}{self._camera}/{line}"


def _restored(text: str | None) -> _Count:
    if text is None:
        return _Count()
    try:
        return _Count(**json.loads(text))
    except (ValueError, TypeError):
        log.warning("can't read the saved count of a line: starting at 0")
        return _Count()
