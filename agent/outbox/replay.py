"""Sends a part of the record again: in small batches, below everything else that waits, and never twice at a time."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from agent.contract.messages import Rank
from agent.outbox.backlog import Backlog
from agent.outbox.database import Row
from agent.outbox.finished import Run, gaps
from agent.outbox.record import Record
from agent.outbox.record_table import Recorded
from agent.ports import Clock

_PERIOD_S = 0.1
_AT_ONCE = 5
"""Messages in a period: 50 a second at most. A slow link holds no more of them up before an alarm than this."""
_PATIENCE_S = 2.0
_MOST_MISSING = 100
_BEFORE_ALL = -(1 << 62)
"""Its messages have places far below all others: they have left the line long ago, and are historical."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What a replay covers."""

    first: int
    last: int
    count: int
    """How many messages are sent again."""
    missing: list[Run]
    """What the device does not have any more, lowest first. What still waits is not among it: it comes by itself."""

    def output(self) -> dict[str, Any]:
        """Return it as the `output` of a result."""
        missing = [list(run) for run in self.missing[:_MOST_MISSING]]
        return {"first": self.first, "last": self.last, "count": self.count, "missing": missing}


class ReplayEnd(NamedTuple):
    """The end of the replay that the command `order_id` has asked for."""

    order_id: str
    extent: Extent
    is_whole: bool
    """Whether a broker has confirmed all of it."""


@dataclass(slots=True)
class _Order:
    order_id: str
    first: int
    last: int
    surveyed: threading.Event = field(default_factory=threading.Event)
    extent: Extent | None = None
    left: list[int] = field(default_factory=list)
    """The numbers that are still to be sent, highest first."""
    gone: list[Run] = field(default_factory=list)
    """Those that went between the survey and their turn."""
    dropped_before: int = 0


class Replay:
    """`order` from the thread `commands`; the rest on the thread `store`, which alone reads the disk."""

    def __init__(self, backlog: Backlog, record: Record, clock: Clock) -> None:
        self._backlog = backlog
        self._record = record
        self._clock = clock
        self.wake: Callable[[], None] = lambda: None
        """Has the thread `store` call `step` soon."""
        self.on_end: Callable[[ReplayEnd], None] = lambda _: None
        """Called on the thread `store`, unless there was nothing to send."""
        self._lock = threading.Lock()
        self._order: _Order | None = None
        self._due_ns = 0
        self._patience_s = _PATIENCE_S

    def order(self, order_id: str, first: int, last: int | None) -> Extent | Literal["busy", "no-disk"]:
        """Begin to send the record again from `first` to `last`, which is at most the newest number.

        Waits for the survey of the disk, 2 s at most. With a count of 0 it has already ended."""
        top = self._backlog.recordtop
        order = _Order(order_id, first, top if last is None else min(last, top))
        with self._lock:
            if self._order is not None:
                return "busy"
            self._order = order
        self.wake()
        order.surveyed.wait(self._patience_s)
        with self._lock:
            if order.extent is None or not order.extent.count:
                self._order = None
            return order.extent or "no-disk"

    @property
    def pause_s(self) -> float | None:
        """How soon `step` wants to be called again; None without a replay."""
        return None if self._order is None else _PERIOD_S

    def step(self, now_ns: int) -> bool:
        """Go on with the replay, if there is one. Returns whether there is something to send. Raises StorageError."""
        order = self._order
        if order is None:
            return False
        if order.extent is None:
            self._survey(order)
            return False
        if now_ns < self._due_ns or self._backlog.waits(Rank.REPLAY) or not order.extent.count:
            return False
        if not order.left:
            self._end(order, order.extent)
            return False
        self._due_ns = now_ns + int(_PERIOD_S * 1e9)
        batch, order.left = order.left[: -_AT_ONCE - 1 : -1], order.left[:-_AT_ONCE]
        found = {message.number: message for message in self._record.load(batch[0], batch[-1])}
        for number in batch:
            if number in found:
                self._backlog.accept(self._row(found[number]))
            else:
                order.gone.append((number, number))
        return True

    def _survey(self, order: _Order) -> None:
        # What still waits first: a message that is confirmed now is in memory, and then on disk.
        here = self._backlog.still_here()
        # A number above the newest is not looked for: it may be one that SQLite can't hold.
        numbers = self._record.numbers(order.first, order.last) if order.first <= order.last else []
        present = [*here, *((number, number) for number in numbers)]
        missing = gaps(order.first, order.last, present)
        order.dropped_before = self._backlog.figures()[1][Rank.REPLAY]
        with self._lock:
            order.left = numbers[::-1]
            order.extent = Extent(order.first, order.last, len(numbers), missing)
        order.surveyed.set()

    def _end(self, order: _Order, extent: Extent) -> None:
        with self._lock:
            self._order = None
        is_whole = self._backlog.figures()[1][Rank.REPLAY] == order.dropped_before
        missing = _joined(extent, order.gone)
        done = Extent(extent.first, extent.last, extent.count - len(order.gone), missing)
        self.on_end(ReplayEnd(order.order_id, done, is_whole))

    def _row(self, message: Recorded) -> Row:
        """Make a message that waits as others do, but has no number in the record: it was finished long ago."""
        return Row(
            ord=_BEFORE_ALL + message.number,
            rank=Rank.REPLAY,
            topic=message.topic,
            payload=message.payload,
            qos=1,
            retain=False,
            expiry_s=message.expiry_s,
            alarm_id=None,  # the alarm has been told long ago that a broker has it
            correlation=None,
            boot_id=self._clock.boot_id,
            created_ns=self._clock.boottime_ns(),
            created_unix_ms=0,
        )


def _joined(extent: Extent, gone: Iterable[Run]) -> list[Run]:
    there = gaps(extent.first, extent.last, [*extent.missing, *gone])
    return gaps(extent.first, extent.last, there)
