"""How much of what a SIM card costs was used in this month: all that went over one network interface, both ways."""

from pathlib import Path
from typing import Any

from agent.contract.times import TimeQuality
from agent.core.delivery.upload_budget import MonthBudget
from agent.outbox.outbox import Outbox
from agent.runtime.supervision.context import Context

PREFIX = "data/used/"
DATA = "data"
_LOOK_NS = 10 * 10**9
_KEPT_BYTES, _KEPT_NS = 4 * 1024 * 1024, 600 * 10**9
"""What a power cut may make us forget; the disk wears with each."""
_NETWORK = Path("/sys/class/net")


class DataUse:
    """Counts on the main thread; whoever could do without sending asks `is_used_up`. Nothing of an alarm does, and no
    message: recordings, live view and the pictures of events are what costs."""

    def __init__(
        self, limit: int, interface: str, context: Context, outbox: Outbox, *, network: Path = _NETWORK
    ) -> None:
        """`limit` is in bytes; without an `interface` nothing is counted and nothing is used up."""
        self._limit = limit
        self._interface = interface
        self._files = [network / interface / "statistics" / f"{way}_bytes" for way in ("rx", "tx")]
        self._clock, self._board = context.clock, context.board
        self._outbox = outbox
        self._budget = MonthBudget(limit, outbox.new_id(), PREFIX)
        self._is_known: bool | None = None
        """Whether the disk had told what earlier runs have kept when we last asked it."""
        self._seen: int | None = None
        """The kernel's count when we last read it."""
        self._due_ns = self._kept_ns = self._kept_bytes = 0

    @property
    def is_used_up(self) -> bool:
        """Whether to send nothing that no alarm needs. Any thread."""
        return self._budget.is_used_up

    def figures(self) -> dict[str, Any]:
        """Return what `data` of the health message has. Any thread."""
        return {"interface": self._interface, "month_bytes": self._budget.used, "limit_bytes": self._limit}

    def tick(self) -> None:
        """Count what has gone over the interface. On the main thread."""
        now_ns = self._clock.boottime_ns()
        if not self._interface or now_ns < self._due_ns:
            return
        self._due_ns = now_ns + _LOOK_NS
        changes: dict[str, str | None] = {}
        if (is_known := self._outbox.writer.is_known) is not self._is_known:
            self._is_known = is_known
            changes |= self._budget.restore(self._outbox.kept(PREFIX))
        # Read in this order: a clock that is being set is not taken for one that is set.
        is_set = self._clock.quality() is not TimeQuality.UNSYNCED
        changes |= self._budget.tick(f"{self._clock.wall():%Y-%m}" if is_set else "", now_ns)
        counted = self._count()
        if self._budget.used >= self._kept_bytes + _KEPT_BYTES or now_ns >= self._kept_ns + _KEPT_NS:
            changes |= counted
        for key, value in changes.items():
            self._outbox.keep(key, value)
        if changes:
            self._kept_ns, self._kept_bytes = now_ns, self._budget.used
        detail = "what may be sent in this month was sent: no recordings, no live view and no pictures of events leave"
        self._board.report(DATA, ok=not self.is_used_up, detail=detail if self.is_used_up else "", transient=True)

    def _count(self) -> dict[str, str | None]:
        try:
            now = sum(int(each.read_text(encoding="ascii")) for each in self._files)
        except (OSError, ValueError):  # a modem that is away has sent nothing, and counts from 0 when it is back
            self._seen = None if self._seen is None else 0
            return {}
        # What was sent before our first look was counted by an earlier run, but for what a boot takes.
        more = 0 if self._seen is None else now - self._seen if now >= self._seen else now
        self._seen = now
        return self._budget.add(more)
