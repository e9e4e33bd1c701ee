"""Limits how much disk the outbox uses: by bytes, by age, and by the room that others need. On the thread `store`."""

import logging

from agent.contract.messages import Rank
from agent.outbox.backlog import Backlog
from agent.outbox.database import Row
from agent.outbox.policy import DROPPED_FROM_DISK
from agent.outbox.record import Record
from agent.outbox.state_directory import RESERVE_BYTES
from agent.outbox.store import MessageStore
from agent.ports import Clock

_PERIOD_NS = 10**9
_EXPIRY_PERIOD_NS = 3600 * 10**9
EVENTS_WHEN_SHORT_BYTES = 1024 * 1024
"""How much of the events stays when the disk is short of room."""

log = logging.getLogger(__name__)


class Housekeeping:
    """Keeps telemetry within its limits. Raises StorageError."""

    def __init__(
        self, backlog: Backlog, store: MessageStore, clock: Clock, telemetry_max_bytes: int, keep_free_bytes: int
    ) -> None:
        self._backlog = backlog
        self._store = store
        self.record = Record(store, clock)
        self._clock = clock
        self._budget_bytes = telemetry_max_bytes
        self._keep_free_bytes = keep_free_bytes
        self._telemetry_bytes = 0
        self._due_ns = self._expiry_due_ns = 0
        self.free_bytes = 0
        """Room on the disk at the last check; 0 before the first. Any thread."""
        self.unwanted: frozenset[Rank] = frozenset()
        """Classes that are not written to disk at present."""

    def begin(self) -> None:
        """Measure the telemetry. Call it when the databases have been opened."""
        self._telemetry_bytes = self._store.telemetry_bytes()
        self.record.begin()

    def wrote(self, rows: tuple[Row, ...], recorded: tuple[Row, ...]) -> None:
        """Count rows that were written, and those that were added to the record."""
        self.record.wrote(recorded)
        self._telemetry_bytes += sum(len(row.payload) for row in rows if row.rank in DROPPED_FROM_DISK)

    def tick(self, now_ns: int) -> None:
        """Drop what exceeds the limits."""
        self._drop_down_to(self._budget_bytes, DROPPED_FROM_DISK)
        self.record.tick(now_ns)
        if now_ns < self._due_ns:
            return
        self._due_ns = now_ns + _PERIOD_NS
        self.free_bytes = self._store.directory.free_bytes()
        if self._not_for_a_disk_with(self.free_bytes) and self.record.give_up_events():  # before anything that waits
            self._store.give_back_space()
            self.free_bytes = self._store.directory.free_bytes()
        self.unwanted = self._not_for_a_disk_with(self.free_bytes)
        if self.unwanted:
            dropped = self._drop_down_to(0, DROPPED_FROM_DISK[:1])
            dropped += self._drop_down_to(EVENTS_WHEN_SHORT_BYTES, DROPPED_FROM_DISK)
            if dropped:
                self._store.give_back_space()
        else:
            self._store.directory.hold_reserve()
        if now_ns >= self._expiry_due_ns:
            self._expiry_due_ns = now_ns + _EXPIRY_PERIOD_NS
            self._drop_expired(now_ns)

    def make_room(self) -> bool:
        """Make room on a full disk: spend the reserve, or else discard the telemetry.

        Returns true when there is room now. After false there may be some when the databases are next opened.
        """
        if self._store.directory.spend_reserve():
            log.error("the disk is full: the reserve is spent; free some space")
            return True
        if not self._store.is_open:
            return False
        self.unwanted = frozenset(DROPPED_FROM_DISK)
        if self.record.has_events or any(self._store.counts()[rank] for rank in DROPPED_FROM_DISK):
            log.error("the disk is full: events and pictures are dropped for alarms; free some space")
            self._store.discard_telemetry()
        return False

    def _not_for_a_disk_with(self, free_bytes: int) -> frozenset[Rank]:
        if free_bytes < min(RESERVE_BYTES, self._keep_free_bytes):
            return frozenset(DROPPED_FROM_DISK)
        return frozenset({Rank.PICTURE}) if free_bytes < self._keep_free_bytes else frozenset()

    def _drop_down_to(self, budget_bytes: int, ranks: tuple[Rank, ...]) -> int:
        """Drop the oldest telemetry until at most `budget_bytes` are left; returns how many messages were dropped.

        An estimate, which ignores deletions, decides when to measure; the databases give the true size.
        """
        if self._telemetry_bytes <= budget_bytes:
            return 0
        dropped = 0
        self._telemetry_bytes = self._store.telemetry_bytes()
        counts = self._store.counts()
        for rank in ranks:
            while self._telemetry_bytes > budget_bytes and counts[rank] > 0:
                gone = self._store.drop_oldest(rank, max(1, counts[rank] // 10))
                self._backlog.drop_oldest(rank, gone)
                dropped += len(gone)
                counts[rank] -= len(gone)
                self._telemetry_bytes = self._store.telemetry_bytes()
        return dropped

    def _drop_expired(self, now_ns: int) -> None:
        """Drop expired messages, so that a device that is offline for weeks does not fill its budget with them."""
        unix_ms = int(self._clock.wall().timestamp() * 1000)
        for rank, places in self._store.drop_expired(self._clock.boot_id, now_ns, unix_ms).items():
            self._backlog.drop_oldest(rank, places)
