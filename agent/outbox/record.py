"""What brokers have confirmed of the record, kept within limits for a replay. On the thread `store`."""

from collections.abc import Iterable

from agent.contract.vocabulary import TimeQuality
from agent.outbox.database import Row
from agent.outbox.record_table import Recorded
from agent.outbox.store import MessageStore
from agent.ports import Clock

RECORD_MOST = 10_000
"""How many of the newest numbers are kept at least, as far as the other limits allow."""
RECORD_MOST_BYTES = 16 * 1024 * 1024
_DROPPED_AT_ONCE = 256
"""Numbers beyond the limit: dropping each one by itself would wear the card."""
_FIRST_LOOK_NS = 60 * 10**9
_TICK_S = 3600
_MOST_S = 7 * 86_400 - _TICK_S
"""Seven days, looked at once an hour."""
_WATCH_S = 6 * 3600
_WATCHES = _MOST_S // _WATCH_S - 1  # what was given just after the end of one is noted only at the next
WATCHES_KEY = "record-watches"


class Record:
    """Counts and drops, oldest first. Raises StorageError."""

    def __init__(self, store: MessageStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._bytes = self._top = self._top_at_look = self._dropped_through = 0
        self._is_measured = self._knew_time = False
        self._due_ns = 0

    def begin(self) -> None:
        """Look where it begins and ends; more would make a start wait. Call it when the databases have been opened."""
        ends = [end for end in self._store.on_records(lambda table: table.ends()) if end[1]]
        self._top = self._top_at_look = max((last for _, last in ends), default=0)
        self._dropped_through = min((first for first, _ in ends), default=self._top + 1) - 1
        self._is_measured = False
        self._knew_time = self._clock.quality() is not TimeQuality.UNSYNCED
        self._due_ns = self._clock.boottime_ns() + _FIRST_LOOK_NS

    def wrote(self, rows: Iterable[Row]) -> None:
        """Count messages that were added."""
        for row in rows:
            self._bytes += len(row.payload)
            self._top = max(self._top, row.record or 0)

    def tick(self, now_ns: int) -> None:
        """Drop what exceeds the limits: by number and bytes at once, by age within the hour, whatever else happens."""
        knows_time = self._clock.quality() is not TimeQuality.UNSYNCED
        is_due = now_ns >= self._due_ns or knows_time > self._knew_time
        is_full = self._bytes > RECORD_MOST_BYTES
        if not is_due and not is_full and self._top - RECORD_MOST < self._dropped_through + _DROPPED_AT_ONCE:
            return
        through = self._top - RECORD_MOST
        if is_due:
            self._due_ns, self._knew_time = now_ns + _TICK_S * 10**9, knows_time
            through = max(through, self._too_old_by_running(now_ns // 10**9))
            if knows_time:
                week_ago_ms = int((self._clock.wall().timestamp() - _MOST_S) * 1000)
                through = max(through, *self._store.on_records(lambda table: table.newest_before(week_ago_ms)))
        if is_due and not self._is_measured:
            self._bytes, self._is_measured = sum(size for _, size in self._sizes()), True
        if self._bytes > RECORD_MOST_BYTES:
            through = max(through, self._beyond(RECORD_MOST_BYTES * 15 // 16))
        self._dropped_through = max(self._dropped_through, through)
        self._bytes -= sum(map(sum, self._store.on_records(lambda table: table.drop_through(through))))

    @property
    def has_events(self) -> bool:
        """Whether any of it lies with the telemetry."""
        return self._store.on_records(lambda table: table.ends())[1] > (0, 0)

    def give_up_events(self) -> bool:
        """Make room on a disk that is short of it; returns whether there was anything to drop."""
        dropped = self._store.drop_record_of_events()
        self._bytes -= sum(dropped)
        return bool(dropped)

    def numbers(self, first: int, last: int) -> list[int]:
        """Return the numbers that are kept from `first` to `last`, in order."""
        return sorted(number for found in self._store.on_records(lambda t: t.numbers(first, last)) for number in found)

    def load(self, first: int, last: int) -> list[Recorded]:
        """Return the messages that are kept from `first` to `last`, in order."""
        return sorted(message for found in self._store.on_records(lambda t: t.load(first, last)) for message in found)

    def _sizes(self) -> list[tuple[int, int]]:
        return [item for found in self._store.on_records(lambda table: table.sizes()) for item in found]

    def _beyond(self, budget: int) -> int:
        """Return the highest number that must go so that what is above it fits the budget."""
        for number, size in sorted(self._sizes(), reverse=True):
            budget -= size
            if budget < 0:
                return number
        return 0

    def _too_old_by_running(self, now_s: int) -> int:
        """Return the highest number that the device has had for a week of running. No clock is asked: it may never be
        set. At the end of each watch of six hours the highest number of the look before it is noted; a restart of the
        machine costs what it had run since the last look."""
        boot_id, *noted = self._store.state(WATCHES_KEY).get(WATCHES_KEY, "").split() or [self._clock.boot_id]
        try:
            seen_s, ran_s, *tops = map(int, noted or (now_s, 0))
        except ValueError:
            seen_s, ran_s, tops = now_s, 0, []
        ran_s += now_s - seen_s if boot_id == self._clock.boot_id else now_s
        watches, ran_s = divmod(ran_s, _WATCH_S)
        tops += [self._top_at_look] * watches
        self._top_at_look = self._top
        gone, tops = tops[:-_WATCHES], tops[-_WATCHES:]
        kept = " ".join(map(str, (self._clock.boot_id, now_s, ran_s, *tops)))
        self._store.note(WATCHES_KEY, kept)
        return gone[-1] if gone else 0
