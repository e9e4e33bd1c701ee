"""The thread `store`: moves waiting messages to disk and back, so that no other thread ever waits for a disk."""

import logging
import queue
import threading
from collections.abc import Callable, Iterator, Mapping

from agent.core.errors import DamagedError, DirectoryInUseError, DiskFullError, StorageError, UnwritableError
from agent.outbox.backlog import Backlog
from agent.outbox.black_box import BlackBox, Entry
from agent.outbox.database import Batch, Foreign, Row
from agent.outbox.found import Found, Notice, Resumed, damage_notice, renamed_notice
from agent.outbox.housekeeping import Housekeeping
from agent.outbox.policy import NOT_BOXED, SYNCED
from agent.outbox.record import WATCHES_KEY
from agent.outbox.replay import Replay
from agent.outbox.state import Kept
from agent.outbox.store import STATE_FILE, MessageStore, needs_sync
from agent.ports import Clock

_RETRY_NS = 500_000_000
_LONGEST_RETRY_NS = 60 * 10**9
_CHECK_NS = 500_000_000
"""How long a start may check for damage; the rest is checked later, when nothing waits."""
_COPY_NS = 2 * 10**9
"""How long the second copy of the open alarms may wait while writes keep coming."""

log = logging.getLogger(__name__)


class StoreWriter:
    """Writes in groups: whatever came in during the last write goes into the next one.

    Opens the databases, and opens them again when the disk has failed or a database turns out to be damaged.
    """

    def __init__(
        self,
        backlog: Backlog,
        store: MessageStore,
        black_box: BlackBox,
        clock: Clock,
        housekeeping: Housekeeping,
        replay: Replay,
        base: str,
    ) -> None:
        """`base` is what the topics of this device begin with, without a trailing slash."""
        self._backlog = backlog
        self._store = store
        self._black_box = black_box
        self._clock = clock
        self.housekeeping = housekeeping
        self._replay = replay
        self._base = f"{base}/"
        replay.wake = self.wake
        self.on_refilled: Callable[[], None] = lambda: None
        """Called on this thread when more messages were read from disk to be sent."""
        self.on_found: Callable[[Found], Resumed]  # set before `start`
        """Called on this thread when the databases are open for the first time, before anything is written. Returns the
        highest numbers that may have been given, and the place up to which messages belong to earlier runs."""
        self.on_opened: Callable[[], None] = lambda: None
        """Called on this thread after that, when everything that was found has been restored."""
        self.notices: queue.SimpleQueue[Notice] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._kept = Kept()
        self._boxed: list[Entry] = []
        """What the black box held at the start, until it is known whether the disk has it too."""
        self._waiters: list[threading.Event] = []
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._numbers = (0, 0, 0)
        """The sequence number, place and number of the record given last."""
        self._due_ns = 0
        self._failures = 0
        self._is_busy = False
        self.fault: str | None = None
        """What is wrong with the disk, or None."""
        self.in_use: DirectoryInUseError | None = None
        """Another agent has the directory."""
        self.ceiling = (0, 0, 0)
        """The numbers that an earlier run promised not to have passed; read before the databases."""
        self.tried = threading.Event()
        """Set when the databases have been opened, or the first try has failed."""
        self._copy_due_ns = 0
        self._is_leaving, self._is_flushed = False, threading.Event()

    def start(self, numbers: tuple[int, int, int]) -> None:
        """Load what an earlier run left in the black box; `numbers` are the highest ones given. Call it before the
        thread runs."""
        self._numbers = numbers
        self._boxed = self._black_box.entries()
        for entry in self._boxed:
            self._kept.note(entry.values)
        self._wake.put(None)  # have the databases opened at once: the start waits for them

    def go_on_without(self, resumed: Resumed) -> None:
        """Go on without a disk that does not answer in time: for now there is only what was in the black box. Any
        thread."""
        with self._lock:
            self._numbers = resumed[:3]
        self._backlog.number_from(resumed.record)
        boxed, foreign = self._take_boxed(resumed)
        for row in boxed:
            self._backlog.accept(row)
        self._tell_given_up(foreign)

    def accept(self, row: Row, numbers: tuple[int, int, int], values: Mapping[str, str | None]) -> None:
        """Accept a new message, the highest numbers given so far, and the state that belongs to the message.

        They are safe against the death of this process when this returns, and reach the disk in one batch after the
        next `wake`. Any thread, in the order of the numbers.
        """
        with self._lock:
            self._numbers = numbers
            boxed = None if row.rank in NOT_BOXED else row
            self._black_box.append(boxed, values, numbers, self._unwritten)
            self._kept.note(values)
            self._backlog.accept(row)

    def wake(self) -> None:
        """Have the thread look for work. Any thread."""
        self._wake.put(None)

    def keep(self, values: Mapping[str, str | None]) -> threading.Event:
        """Write these values (None forgets a key) with the next group, no later than messages accepted after this call.

        The returned event is set when they are safe against a power cut. Any thread."""
        safe = threading.Event()
        with self._lock:
            self._black_box.append(None, values, self._numbers, self._unwritten)
            self._kept.note(values)
            self._waiters.append(safe)
        self._wake.put(None)
        return safe

    def kept(self, prefix: str) -> dict[str, str]:
        """Return the values kept under keys that begin with `prefix`, as far as they are known. Any thread."""
        with self._lock:
            return self._kept.known(prefix)

    @property
    def is_known(self) -> bool:
        """Whether everything that earlier runs kept has been read. Any thread."""
        return self._kept.is_complete

    @property
    def is_boxed(self) -> bool:
        """Whether a message survives the death of this process as soon as it is accepted. Any thread."""
        return self._black_box.outlives

    def run_once(self, timeout_s: float) -> None:
        """Wait for work, then do all of it.

        A disk that fails sets `fault` and raises nothing. Raises DirectoryInUseError when another agent turns up after
        the first try to open the databases; before that it only sets `in_use`.
        """
        try:
            self._wake.get(timeout=min(timeout_s, self._replay.pause_s or timeout_s))
            while True:
                self._wake.get_nowait()
        except queue.Empty:
            pass
        now_ns = self._clock.boottime_ns()
        if now_ns < self._due_ns or self.in_use is not None:
            return
        self._is_busy = True
        try:
            self._do_all(now_ns)
        except DirectoryInUseError as error:
            self.in_use = error
            if self.tried.is_set():
                raise
        except StorageError as error:
            self._fail(error, now_ns)
        else:
            self.fault, self._failures = None, 0
        finally:
            self._is_busy = False
            self.tried.set()

    def flush(self, patience_s: float) -> None:
        """Have everything written that the disk takes, so that `close` has little to do; wait at most `patience_s`.

        Only at the end: from then on nothing is replayed, and no house kept. Any thread."""
        self._is_leaving = True
        self.wake()
        self._is_flushed.wait(0 if self.fault else patience_s)

    def close(self, patience_s: float) -> None:
        """Write what is left and note that the numbers are complete. Call it after the thread has ended.

        If the disk hangs, so that the thread has not ended, nothing is touched; if the disk hangs only now, the wait
        ends after `patience_s`. In both cases the next start goes on as after a crash.
        """
        ending = threading.Thread(target=self._end, name="store-end", daemon=True)
        if not self._is_busy:
            ending.start()
            ending.join(patience_s)
        if self._is_busy or ending.is_alive():
            log.error("the disk does not answer; unwritten messages stay in the black box")

    def _end(self) -> None:
        try:
            if self.in_use is None and not self._store.is_open:
                self._open(self._clock.boottime_ns())
            if self._store.is_open:
                self.keep({"clean": "1"})
                self._write()
                self._store.copy_alarms()
        except StorageError as error:
            log.error("the last messages could not be written: %s", error)  # noqa: TRY400 - one line is enough
        self._store.close()
        self._black_box.close(empty=self._kept.is_written and not (self._boxed or self._backlog.unwritten()))

    def _do_all(self, now_ns: int) -> None:
        while True:
            try:
                if not self._store.is_open:
                    self._open(now_ns)  # SQLite needs a little room even to read
                self._write()
                if self._wake.empty() or now_ns >= self._copy_due_ns:  # many presses share one copy
                    self._store.copy_alarms()
                    self._copy_due_ns = now_ns + _COPY_NS
                break
            except DiskFullError:
                if not self.housekeeping.make_room():  # false on the second try at the latest
                    raise
        self._refill()
        if self._is_leaving:
            self._store.checkpoint(at_bytes=0)
            self._is_flushed.set()
            return
        if self._replay.step(now_ns):
            self.on_refilled()
        self.housekeeping.tick(now_ns)
        self._store.checkpoint()
        self._store.check(lambda: not self._wake.empty())

    def _unwritten(self) -> Iterator[Entry]:
        """Yield all that the black box must hold at this moment: what the disk is not known to have."""
        yield from self._boxed
        yield Entry(None, self._kept.unwritten())
        yield from (Entry(row, {}) for row in self._backlog.unwritten_rows() if row.rank not in NOT_BOXED)

    def _open(self, now_ns: int) -> None:
        if not self.is_known:
            self.ceiling = self._store.directory.ceiling()
        self._store.open(lambda: self._clock.boottime_ns() - now_ns > _CHECK_NS)
        state = self._store.state("")
        for number in ("seq", "ord", "record", WATCHES_KEY):
            state.pop(number, None)
        is_first = not self.is_known
        damages, self._store.damages = self._store.damages, []
        if is_first:
            found = Found(
                seq=self._store.last_seq(),
                place=self._store.last_ord(),
                record=self._store.last_record(),
                ceiling=self.ceiling,
                state=state,
                is_whole=not damages,
                has_all_state=STATE_FILE not in {damage.file for damage in damages},
            )
            self._resumed = resumed = self.on_found(found)
            self._backlog.number_from(resumed.record)
            with self._lock:
                seq, place, record = (max(pair) for pair in zip(self._numbers, resumed[:3], strict=True))
                self._numbers = (seq, place, record)
            if found.place > resumed.place:
                self._store.move_back(found.place + 1)
            if not resumed.disk_counts:
                self._store.forget_record()
        with self._lock:
            self._kept.restore(state)
        boxed = [entry.row for entry in self._boxed if entry.row is not None]
        if is_first and (notice := self._store.lost_alarms(boxed, self.kept("alarm/"))) is not None:
            self.notices.put(notice)
        boxed, foreign = self._take_boxed(self._resumed)
        boxed = [row for row in boxed if row.ord > self._store.written_to(row.rank)]
        self._tell_given_up(foreign + self._store.drop_foreign(self._base))
        lost = self._backlog.take_stock(self._store.places(), boxed)
        for row in boxed:  # the disk does not have it
            self._backlog.accept(row)
        self.housekeeping.begin()
        for damage in damages:
            self.notices.put(damage_notice(damage, sum(lost.values())))
        if is_first:
            self.on_opened()

    def _take_boxed(self, resumed: Resumed) -> tuple[list[Row], list[Foreign]]:
        """Return what the black box held, and apart from it what is of an earlier name."""
        with self._lock:
            boxed, self._boxed = self._boxed, []
        rows = [entry.row for entry in boxed if entry.row is not None]
        foreign = [Foreign(row.ord, row.rank, row.topic) for row in rows if not row.topic.startswith(self._base)]
        rows = [row for row in rows if row.topic.startswith(self._base)]
        return (rows if resumed.box_counts else [row._replace(record=None) for row in rows]), foreign

    def _tell_given_up(self, foreign: list[Foreign]) -> None:
        if foreign:
            self.notices.put(renamed_notice(foreign))

    def _fail(self, error: StorageError, now_ns: int) -> None:
        (log.debug if self.fault else log.error)("the disk does not accept messages: %s", error)
        self.fault = str(error)
        if isinstance(error, UnwritableError) and self._store.is_open:
            self._due_ns = now_ns + _RETRY_NS
            try:
                self._refill()  # what is on disk can still be sent, and that may make room
            except StorageError:
                self._store.close()
            return
        # After the next opening everything in memory is written again: a disk that has failed may have forgotten it.
        self._store.close()
        self._failures += 1
        if isinstance(error, DamagedError) and self._failures == 1:
            self._wake.put(None)
        else:
            self._due_ns = now_ns + min(_LONGEST_RETRY_NS, _RETRY_NS << min(self._failures - 1, 16))

    def _write(self) -> None:
        with self._lock:
            self._black_box.turn()
            messages = self._backlog.unwritten(self.housekeeping.unwanted)
            deleted = self._backlog.deletable()
            confirmed = self._backlog.confirmed()
            seq, _, record = self._numbers
            kept = self._kept.changes()
            waiters, self._waiters = self._waiters, []
        if not (messages or deleted or confirmed or kept):
            self._backlog.recorded((), 0)  # everything was confirmed before it was written
            with self._lock:
                self._black_box.clear_written(self._unwritten)
            return
        rows = tuple(waiting.row for waiting in messages)
        recorded = tuple(row for row in confirmed if row.rank in SYNCED or not self.housekeeping.unwanted)
        try:
            self._store.write(Batch(rows, tuple(deleted), kept, seq, record, recorded))
            self._backlog.recorded(messages, len(deleted), confirmed)
            with self._lock:
                self._kept.written()
                self._black_box.clear_written(self._unwritten)
            if kept or needs_sync(row.rank for row in rows):
                self._store.sync()
            if "ceiling" in kept:
                ceilings = (int(kept[key] or 0) for key in ("ceiling", "ord_ceiling", "record_ceiling"))
                self._store.directory.keep_ceiling(*ceilings)
        except StorageError:
            with self._lock:
                self._kept.put_back(kept)
                self._waiters += waiters
            raise
        for waiter in waiters:
            waiter.set()
        self.housekeeping.wrote(rows, recorded)

    def _refill(self) -> None:
        for rank, after, wanted in self._backlog.shortfalls():
            self._backlog.refill(rank, self._store.load(rank, after, wanted), wanted)
            self.on_refilled()
