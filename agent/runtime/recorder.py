"""The thread `journal`: moves what waits to disk and back, so that nobody else ever waits for a disk."""

import logging
import queue
import threading
from collections.abc import Callable, Mapping

from agent.core.errors import StorageError
from agent.core.messages import Rank
from agent.runtime.backlog import Backlog
from agent.runtime.black_box import BlackBox
from agent.runtime.database import Batch, Row
from agent.runtime.journal import Journal, is_safe

_EXPENDABLE = (Rank.HEALTH, Rank.PICTURE, Rank.EVENT)
"""What is given up when the budget is spent, in this order."""
_RETRY_S = 0.5

log = logging.getLogger(__name__)


class Recorder:
    """Writes in groups: whatever has come in while the last write ran goes into the next one."""

    def __init__(self, backlog: Backlog, journal: Journal, black_box: BlackBox, telemetry_max_bytes: int) -> None:
        self._backlog = backlog
        self._journal = journal
        self._black_box = black_box
        self._budget_bytes = telemetry_max_bytes
        self.on_refilled: Callable[[], None] = lambda: None
        """Called on this thread when more was read from disk, to be sent."""
        self._lock = threading.Lock()
        self._kept: dict[str, str | None] = {}
        self._waiters: list[threading.Event] = []
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._telemetry_bytes = 0
        self._seq = self._place = 0
        self.fault: str | None = None
        """What is wrong with the disk, or None."""

    def open(self, seq: int, place: int) -> None:
        """Take stock of what an earlier run has left; `seq` and `place` are the highest ones given.

        Before the thread runs. Raises StorageError.
        """
        self._seq, self._place = seq, place
        self._backlog.restore(self._journal.counts())
        self._telemetry_bytes = self._journal.telemetry_bytes()
        self._refill()
        for entry in self._black_box.entries():
            self._kept.update(entry.values)
            if entry.row is not None and entry.row.ord > self._journal.written_to(entry.row.rank):
                self._backlog.accept(entry.row)

    def accept(self, row: Row, seq: int, values: Mapping[str, str | None]) -> None:
        """A new message, the highest number given so far, and the state that belongs to the message.

        They are safe against the death of this process when this returns, and reach the disk in one transaction
        after the next `wake`. Any thread, in the order of the numbers.
        """
        with self._lock:
            self._seq, self._place = seq, row.ord
            # A picture would fill the box, and is worth less than what it would push out.
            self._black_box.append(None if row.rank is Rank.PICTURE else row, values, seq, row.ord)
            self._kept.update(values)
            self._backlog.accept(row)

    def wake(self) -> None:
        """There may be something to do. Any thread."""
        self._wake.put(None)

    def keep(self, values: Mapping[str, str | None]) -> threading.Event:
        """Write these values (None forgets one) with the next group, no later than messages accepted after
        this call; the event is set when they are safe against a power cut. Any thread."""
        safe = threading.Event()
        with self._lock:
            self._black_box.append(None, values, self._seq, self._place)
            self._kept.update(values)
            self._waiters.append(safe)
        self._wake.put(None)
        return safe

    def pending(self, prefix: str) -> dict[str, str | None]:
        """Kept values under keys that begin with `prefix` which the disk does not have yet. Any thread."""
        with self._lock:
            return {key: value for key, value in self._kept.items() if key.startswith(prefix)}

    def run_once(self, timeout_s: float) -> None:
        """Wait for work, then do all that there is. Never raises for a disk that fails: that is `fault`."""
        try:
            self._wake.get(timeout=timeout_s)
            while True:
                self._wake.get_nowait()
        except queue.Empty:
            pass
        try:
            self._write()
            self._refill()
            self._stay_in_budget()
            self._journal.checkpoint()
        except StorageError as error:
            (log.debug if self.fault else log.error)("the disk does not take messages: %s", error)
            self.fault = str(error)
            self._wake_later()
        else:
            self.fault = None

    def close(self) -> None:
        """Write what is left and note that the numbers are complete. After the thread has ended."""
        if not self._journal.is_open:
            return
        self.keep({"clean": "1"})
        try:
            self._write()
        except StorageError as error:
            log.error("the last messages could not be written: %s", error)  # noqa: TRY400 - one line is enough
        self._journal.close()
        self._black_box.close(empty=not (self._kept or self._backlog.unwritten()))

    def _write(self) -> None:
        with self._lock:
            self._black_box.turn()
            messages = self._backlog.unwritten()
            deleted = self._backlog.deletable()
            seq = self._seq
            kept, self._kept = self._kept, {}
            waiters, self._waiters = self._waiters, []
        if not (messages or deleted or kept):
            with self._lock:
                self._black_box.settle()  # all that came was confirmed before it was written
            return
        rows = tuple(waiting.row for waiting in messages)
        try:
            self._journal.write(Batch(rows, tuple(deleted), kept, seq))
            self._backlog.recorded(messages, len(deleted))
            with self._lock:
                self._black_box.settle()
            if kept or is_safe(row.rank for row in rows):
                self._journal.sync()
        except StorageError:
            with self._lock:
                self._kept = {**kept, **self._kept}
                self._waiters += waiters
            raise
        for waiter in waiters:
            waiter.set()
        self._telemetry_bytes += sum(len(row.payload) for row in rows if row.rank in _EXPENDABLE)

    def _refill(self) -> None:
        for rank, after, wanted in self._backlog.shortfalls():
            self._backlog.refill(rank, self._journal.load(rank, after, wanted), wanted)
            self.on_refilled()

    def _stay_in_budget(self) -> None:
        """An estimate decides when to look, since deletions are not weighed; the databases have the truth."""
        if self._telemetry_bytes <= self._budget_bytes:
            return
        self._telemetry_bytes = self._journal.telemetry_bytes()
        counts = self._journal.counts()
        for rank in _EXPENDABLE:
            while self._telemetry_bytes > self._budget_bytes and counts[rank] > 0:
                gone = self._journal.drop_oldest(rank, max(1, counts[rank] // 10))
                self._backlog.drop_oldest(rank, gone)
                counts[rank] -= len(gone)
                self._telemetry_bytes = self._journal.telemetry_bytes()

    def _wake_later(self) -> None:
        """Try again soon, but not at once: a disk that fails fast must not spin the processor."""
        threading.Event().wait(_RETRY_S)  # not the queue: each new message wakes it
        self._wake.put(None)
