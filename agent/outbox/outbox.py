"""The outbox: every message that must reach the centre, from acceptance until the broker has confirmed it.

An accepted message has a number and is in the black box, so the death of the process can't lose it. Then it goes two
ways at once: to the disk, by the thread `store`, and to the broker. So a slow, full or dead disk holds up nothing.
"""

import logging
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from agent.contract.envelope import CONTENT_TYPE, Stamp, mark_historical, rfc3339, seal
from agent.contract.identity import Identity
from agent.contract.messages import Draft, Rank
from agent.contract.uuid7 import Uuid7Source
from agent.contract.vocabulary import TimeQuality
from agent.core.errors import StorageError
from agent.core.nonces import Nonces
from agent.outbox.backlog import Backlog, Waiting
from agent.outbox.black_box import BlackBox
from agent.outbox.database import Row
from agent.outbox.found import Found, Notice, Resumed
from agent.outbox.housekeeping import Housekeeping
from agent.outbox.policy import RECORDED
from agent.outbox.replay import Replay
from agent.outbox.sequence import SequenceNumbers
from agent.outbox.store import MessageStore
from agent.outbox.writer import StoreWriter
from agent.ports import Clock, OutgoingMessage

EPOCH_KEY = "epoch"
_BOARD_KEY = "board"
HISTORICAL_S = 10.0
"""A message that leaves later than this after its acceptance is marked as historical."""

log = logging.getLogger(__name__)


class Outbox:
    """Messages by class, in order. Opened and closed by the main thread. The sender calls `take`, `confirm`, `give_up`
    and `give_back` under its own lock; the rest may be called from any thread."""

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        identity: Identity,
        telemetry_max_bytes: int,
        black_box: Path,
        keep_free_bytes: int = 0,
        store: MessageStore | None = None,
        serials: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """`black_box` is a file on a memory file system; in a test it may be in the directory of the databases.
        `serials` reads the serial numbers of the board; on the thread `store`."""
        self._clock = clock
        self._boot_id = clock.boot_id
        self.nonces = Nonces(clock.boottime_ns())
        """The nonces of this start; every message carries the newest one."""
        self._source = identity.source
        self._serials = serials
        self._board: dict[str, str] = {}
        """What is kept of the board that the epoch belongs to; nothing while that is not known."""
        self._store = store or MessageStore(directory)
        self._black_box = BlackBox(black_box, self._boot_id)
        self._backlog = Backlog()
        self._on_ready: Callable[[], None] = lambda: None
        housekeeping = Housekeeping(self._backlog, self._store, clock, telemetry_max_bytes, keep_free_bytes)
        self.replay = Replay(self._backlog, housekeeping.record, clock)
        """Sends a part of the record again."""
        self.writer = StoreWriter(
            self._backlog, self._store, self._black_box, clock, housekeeping, self.replay, identity.base
        )
        """The worker of the thread `store`."""
        self._ids = Uuid7Source()
        self._lock = threading.Lock()
        self._numbers = SequenceNumbers()
        self._has_all_state = self._is_known_at_start = False
        self.after_cut = False
        """Whether this boot of the machine came after a power cut, or another end for which no agent was stopped."""
        self.tap: Callable[[bytes], None] | None = None
        """Hears every sealed message, in order, on the thread that publishes it; None while nobody listens. It must not
        block."""
        self.epoch = ""
        """Names the count that the numbers belong to; known after `await_disk`."""

    def open(self) -> None:
        """Find what a killed agent has left in the black box. Call it before the thread `store` runs, which then opens
        the databases and restores what earlier runs have left there."""
        try:
            self._black_box.open()
        except StorageError as error:
            log.error("no black box: %s", error)  # noqa: TRY400 - one line is enough
        numbers = self._numbers
        numbers.seq, numbers.place, numbers.record = self._black_box.numbers
        self.writer.on_found = self._resume
        self.writer.start(numbers.given)

    def await_disk(self, patience_s: float) -> None:
        """Wait until the databases are open, at most `patience_s`. Call it before the first message.

        If the disk fails or does not answer in time, the outbox works without it until it does: see `when_found_late`.
        Raises DirectoryInUseError."""
        self.writer.tried.wait(patience_s)
        if self.writer.in_use is not None:
            raise self.writer.in_use
        with self._lock:
            if not self._numbers.is_begun:
                self._begin_without_disk()
            self._is_known_at_start = self.writer.is_known
            values = {"clean": None, "boot": self._boot_id, EPOCH_KEY: self.epoch}
            values |= self._board | self._numbers.promise() | ({"cut": self._boot_id} if self.after_cut else {})
        self.writer.keep(values)

    @property
    def knows_all(self) -> bool:
        """Whether `kept` has all that earlier runs have kept: the disk was read, and was whole. Any thread."""
        return self.writer.is_known and self._has_all_state

    def when_found_late(self, call: Callable[[], None]) -> None:
        """Call this when a disk that did not answer at the start does so later, and `kept` has grown. Use it after
        `await_disk`; the call comes on the thread `store`, or at once if the disk has answered since."""
        was_known = self._is_known_at_start
        self.writer.on_opened = call
        if self.writer.is_known and not was_known:  # it answered in between
            call()

    def close(self, patience_s: float = 5.0) -> None:
        """Write what is left, in at most `patience_s`. Call it after the thread `store` has ended."""
        self.writer.close(patience_s)

    def when_ready(self, call: Callable[[], None]) -> None:
        """Call this, on any thread, whenever there may be something to take. Use it before the threads run."""
        self._on_ready = self.writer.on_refilled = call

    def put(self, draft: Draft, keep: Mapping[str, str | None] | None = None) -> str:
        """Accept a message, have it written and sent, and return its identifier.

        Never blocks on the disk and never refuses. `keep` is state that is written together with the message (None
        forgets a key).
        """
        message_id = self.accept(draft, keep)
        self.wake()
        return message_id

    def accept(self, draft: Draft, keep: Mapping[str, str | None] | None = None) -> str:
        """Accept a message like `put`, for a caller who sends it at once.

        Does not wake the other threads, as they would take the processor from the caller; call `wake` after sending.
        """
        keep = keep or {}
        message_id = self.new_id()
        now_ns, wall, quality = self._clock.boottime_ns(), self._clock.wall(), self._clock.quality()
        time = rfc3339(wall)
        unix_ms = 0 if quality is TimeQuality.UNSYNCED else int(wall.timestamp() * 1000)
        with self._lock:
            numbers = self._numbers
            numbers.seq += draft.picture is None
            numbers.place += 1
            record = None
            if draft.rank in RECORDED:
                numbers.record = record = numbers.record + 1
            if numbers.needs_promise:
                keep = {**keep, **numbers.promise()}
            nonce = self.nonces.newest(now_ns)
            monoms, done = now_ns // 1_000_000, self._backlog.recorddone
            stamp = Stamp(message_id, numbers.seq, time, monoms, quality, nonce, record, numbers.record, done)
            row = Row(
                ord=numbers.place,
                rank=draft.rank,
                topic=draft.topic,
                payload=seal(draft, self._source, self._boot_id, stamp, self.epoch),
                qos=draft.qos,
                retain=draft.retain,
                expiry_s=draft.expiry_s,
                alarm_id=draft.alarm_id,
                correlation=draft.correlation_data,
                boot_id=self._boot_id,
                created_ns=now_ns,
                created_unix_ms=unix_ms,
                record=record,
            )
            self.writer.accept(row, numbers.given, keep)
            tap = self.tap  # read once: the last reader may leave at any moment
            if tap is not None and draft.picture is None:
                tap(row.payload)
        return message_id

    def wake(self) -> None:
        """Have everything accepted so far written, and sent if it is not sent yet."""
        self.writer.wake()
        self._on_ready()

    def keep(self, key: str, value: str | None) -> threading.Event:
        """Keep a value for the next start; the event is set once it is safe against a power cut."""
        return self.writer.keep({key: value})

    def kept(self, prefix: str) -> dict[str, str]:
        """Return the values kept under keys that begin with `prefix`, as far as they are known. Any thread."""
        return self.writer.kept(prefix)

    def notices(self) -> list[Notice]:
        """Return the outbox's own security events since the last call. Any thread."""
        found = []
        while not self.writer.notices.empty():
            found.append(self.writer.notices.get())
        return found

    def new_id(self) -> str:
        """Return a fresh identifier, in order with those of the messages."""
        return self._ids.next(self._unix_ms())

    def figures(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return the number of messages waiting, and given up since the start, by class name. A replay is not among
        them: it has waited before."""
        waiting, dropped = (
            {rank.name.lower(): count for rank, count in counts.items() if rank is not Rank.REPLAY}
            for counts in self._backlog.figures()
        )
        return waiting, dropped

    @property
    def board(self) -> str:
        """The serial numbers of this board, with spaces between; empty while the disk has not answered, or where they
        can't be read. Any thread."""
        return self._board.get(_BOARD_KEY, "")

    @property
    def alarm_waits(self) -> bool:
        """Whether there is an alarm message here that no broker has confirmed. Any thread."""
        return self._backlog.waits(Rank.ALARM)

    @property
    def picture_waits(self) -> bool:
        """Whether there is a picture here that no broker has confirmed. Any thread."""
        return self._backlog.waits(Rank.PICTURE)

    @property
    def seq(self) -> int:
        """The highest sequence number given so far."""
        with self._lock:
            return self._numbers.seq

    @property
    def record(self) -> tuple[int, int]:
        """The highest number of the record given so far, and the one up to which all are confirmed or given up."""
        with self._lock:
            return self._numbers.record, self._backlog.recorddone

    # --- for the sender

    def take(self, least: Rank = Rank.REPLAY) -> tuple[Waiting, OutgoingMessage] | None:
        """Take the next message to send, the most important class first and oldest first, or None.

        Takes nothing less important than `least`. The message belongs to the caller until `confirm`, `give_up` or
        `give_back`. Messages that have expired are dropped and counted.
        """
        now_ns = self._clock.boottime_ns()
        while (waiting := self._backlog.take(least)) is not None:
            row = waiting.row
            foreign = row.boot_id != self._boot_id
            unix_ms = self._unix_ms() if foreign else 0
            age_s = row.age_s(self._boot_id, now_ns, unix_ms)
            if row.expiry_s is not None and age_s >= row.expiry_s:
                self._finish(waiting, dropped=True)
                continue
            nonce = self.nonces.newest(now_ns)
            late = row.ord <= self._numbers.inherited_place or age_s > HISTORICAL_S
            is_picture = row.rank is Rank.PICTURE
            return waiting, OutgoingMessage(
                topic=row.topic,
                payload=mark_historical(row.payload, nonce) if late and not is_picture else row.payload,
                qos=row.qos,
                retain=row.retain,
                expiry_s=None if row.expiry_s is None else max(1, int(row.expiry_s - age_s)),
                content_type="image/jpeg" if is_picture else CONTENT_TYPE,
                correlation_data=row.correlation,
            )
        self.writer.wake()
        return None

    def give_back(self, waiting: Waiting) -> None:
        """Put an unconfirmed message back, to wait again in its old place."""
        self._backlog.give_back(waiting)

    def confirm(self, waiting: Waiting) -> None:
        """Forget a message that the broker has confirmed, in memory and on disk."""
        self._finish(waiting, dropped=False)

    def give_up(self, waiting: Waiting) -> None:
        """Forget and count a message that the broker will never take. Never for an alarm."""
        self._finish(waiting, dropped=True)

    def _finish(self, waiting: Waiting, *, dropped: bool) -> None:
        wants_store = self._backlog.finish(waiting, dropped=dropped)
        if wants_store or waiting.row.rank is Rank.ALARM:
            self.writer.wake()

    def _resume(self, found: Found) -> Resumed:
        """Go on after the numbers found on disk. On the thread `store`."""
        on_disk = "" if self._is_elsewhere(found.state) else found.state.get(EPOCH_KEY, "")
        with self._lock:
            numbers = self._numbers
            self._has_all_state = found.has_all_state
            self._note_cut(found.state)
            numbers.resume(found, self._boot_id)
            box_counts = self._enter_epoch(on_disk)
            disk_counts = on_disk == self.epoch
            if disk_counts and (notice := numbers.resume_record(found, self._boot_id)) is not None:
                self.writer.notices.put(notice)
            return Resumed(numbers.seq, numbers.inherited_place, numbers.record, box_counts, disk_counts)

    def _note_cut(self, state: Mapping[str, str]) -> None:
        if state.get("boot") == self._boot_id:
            self.after_cut = state.get("cut") == self._boot_id
        elif state.get("clean") != "1":
            self.after_cut = True
            if self._numbers.is_begun:  # this disk was late: `await_disk` has kept the rest without it
                self.writer.keep({"cut": self._boot_id})

    def _is_elsewhere(self, state: Mapping[str, str]) -> bool:
        """Whether another board has counted so far. This may be a copy, and the original has used the next numbers."""
        serials = self._serials()
        if serials:
            self._board = {_BOARD_KEY: " ".join(serials)}
        return bool(serials) and _BOARD_KEY in state and set(state[_BOARD_KEY].split()).isdisjoint(serials)

    def _enter_epoch(self, on_disk: str = "") -> bool:
        """Choose the epoch, if that was not done yet: the one in the black box or `on_disk`, else a new one, whose
        record begins at 1. Returns whether the numbers in the black box are of this epoch."""
        if not self.epoch:
            self.epoch = self.kept(EPOCH_KEY).get(EPOCH_KEY) or on_disk
            if not self.epoch:
                self.epoch, self._numbers.record = secrets.token_hex(4), 0
                return False
        return True

    def _begin_without_disk(self) -> None:
        numbers = self._numbers
        if numbers.begin_without_disk(self.writer.ceiling, self._unix_ms()):
            text = "the sequence numbers of earlier runs can't be read: numbering continues far above them"
            self.writer.notices.put(Notice("sequence-restarted", text, {"seq": numbers.seq}))
        box_counts = self._enter_epoch()
        self.writer.go_on_without(Resumed(numbers.seq, numbers.place, numbers.record, box_counts, disk_counts=False))

    def _unix_ms(self) -> int:
        return int(self._clock.wall().timestamp() * 1000)
