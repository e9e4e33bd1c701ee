"""The waiting messages that are in memory: by class, in order, with a window for each class.

Everything here is memory under one lock; no method blocks. Messages that do not fit the window of their class are
only on disk, and are read again when the window has room.
"""

import heapq
import threading
from collections import OrderedDict, deque
from collections.abc import Collection, Iterable, Mapping

from agent.contract.messages import Rank
from agent.core.delivery.poison import CLEARED
from agent.outbox.database import Places, Row
from agent.outbox.finished import Finished, Run
from agent.outbox.policy import DROPPED_FROM_MEMORY, MEMORY_ONLY, WINDOW
from agent.outbox.unrecorded import Unrecorded

_RANKS = tuple(Rank)
RETAINED_WAITING = 100
"""How many messages of one retained topic may wait. The newest would do, but each one dropped leaves a gap in the
sequence numbers."""
_DELETED_AT_ONCE = 256
"""Deletions are grouped: a transaction for each would take the processor from sending. A message that is not deleted
yet when the process dies is sent again."""
UNWRITTEN_BYTES = 8 * 1024 * 1024
"""Payload bytes of expendable classes that may wait for the disk."""


class Waiting:
    """One message in memory, with its progress and its failures, which are forgotten with it."""

    __slots__ = (
        "_earlier",
        "_refused_on",
        "attempted",
        "behind",
        "done",
        "in_part",
        "refusals",
        "row",
        "suspicion",
        "taken",
        "written",
    )

    def __init__(self, row: Row, *, written: bool = False) -> None:
        self.row = row
        self.attempted = written
        """Whether it may be on disk: a write was begun, and may have failed half-way."""
        self.written = written
        self.taken = False
        self.done = False
        self.suspicion = CLEARED
        """How suspect it is of being a poison message. Only the sender changes it."""
        self.behind = 0
        """How often a connection ended with it in flight as a suspected alarm. Messages of its class with a lower count
        go first. Changes only while the message is taken."""
        self.in_part = False
        """Whether the last broker that refused it may have passed it on to some subscribers."""
        self.refusals = self._earlier = self._refused_on = 0

    def refused(self, connection: int) -> None:
        """Count a refusal by the broker of this connection."""
        if self._refused_on != connection:
            self._refused_on, self._earlier = connection, self.refusals
        self.refusals += 1

    @property
    def refusals_here(self) -> int:
        """Those of the newest connection, and all earlier connections together as one: another broker's refusals are no
        reason to give up."""
        return self.refusals - self._earlier + min(self._earlier, 1)

    def __lt__(self, other: "Waiting") -> bool:
        return self.row.ord < other.row.ord if self.behind == other.behind else self.behind < other.behind


class Backlog:
    """The messages that wait. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fresh: dict[int, Waiting] = {}
        """Accepted, and not known to be on disk."""
        self._ready: dict[Rank, list[Waiting]] = {rank: [] for rank in Rank}
        """Heaps of the messages that may be taken."""
        self._held: dict[Rank, deque[Waiting]] = {rank: deque() for rank in Rank}
        """Fresh messages behind a full window. They go to disk; they are taken from here only if the window runs empty
        before the disk has them."""
        self._live: dict[int, Waiting] = {}
        """All messages in memory, taken or not, by place."""
        self._retained: dict[str, list[int]] = {}
        """Places of the retained messages that wait, by topic."""
        self._read_to: dict[Rank, int | None] = dict.fromkeys(Rank)
        """The place after which reading from disk goes on; None when memory holds the whole class."""
        self._deleted: list[tuple[Rank, int]] = []
        """To be deleted from disk."""
        self._unwritten: dict[Rank, OrderedDict[int, Waiting]] = {rank: OrderedDict() for rank in DROPPED_FROM_MEMORY}
        """Fresh messages of the expendable classes, oldest first. One that is taken may be missing."""
        self._unwritten_bytes = 0
        self._count = dict.fromkeys(Rank, 0)
        self._dropped = dict.fromkeys(Rank, 0)
        self._unrecorded = Unrecorded()
        self._finished = Finished()
        self._top = 0
        """The highest number of the record that was given."""

    @property
    def recorddone(self) -> int:
        """Every number of the record up to this one was confirmed or given up. Never too high."""
        return self._finished.through

    @property
    def recordtop(self) -> int:
        """The highest number of the record that was given."""
        return self._top

    def still_here(self) -> list[Run]:
        """Return the numbers of the record that are not finished, or not yet in the record on disk."""
        with self._lock:
            rows = self._unrecorded.rows()
            return self._finished.unfinished(self._top) + [(row.record, row.record) for row in rows if row.record]

    def number_from(self, top: int) -> None:
        """Go on with the record after `top`. None of its numbers counts as finished before `take_stock`."""
        with self._lock:
            self._top = max(self._top, top)

    def figures(self) -> tuple[dict[Rank, int], dict[Rank, int]]:
        """Return the number of messages waiting, and given up since the start, by class."""
        with self._lock:
            return dict(self._count), dict(self._dropped)

    def waits(self, rank: Rank) -> bool:
        """Whether a message of the class is here, taken or not."""
        return self._count[rank] > 0

    # --- sending

    def accept(self, row: Row) -> None:
        """Add a new message, which may be taken at once."""
        waiting = Waiting(row)
        rank = row.rank
        with self._lock:
            self._fresh[row.ord] = waiting
            self._live[row.ord] = waiting
            self._count[rank] += 1
            if row.record is not None and row.record > self._top:
                self._top = row.record
            if row.retain:
                self._supersede(row)
            if self._read_to[rank] is None and len(self._ready[rank]) < WINDOW[rank]:
                heapq.heappush(self._ready[rank], waiting)
            else:
                self._held[rank].append(waiting)
            if rank in DROPPED_FROM_MEMORY:
                self._unwritten[rank][row.ord] = waiting
                self._unwritten_bytes += len(row.payload)
                self._stay_in_memory_budget()

    def take(self, least: Rank = Rank.REPLAY) -> Waiting | None:
        """Take the first message of the most important class, or None if none is at least as important as `least`.

        It belongs to the caller until `finish` or `give_back`."""
        with self._lock:
            for rank in _RANKS:
                if rank > least:
                    break
                while self._ready[rank] or self._held[rank]:
                    ready = self._ready[rank]
                    first = heapq.heappop(ready) if ready else self._held[rank].popleft()
                    if not first.done:  # else it was superseded, or dropped
                        first.taken = True
                        return first
        return None

    def give_back(self, waiting: Waiting) -> None:
        """Put an unconfirmed message back, to wait again in its old place."""
        with self._lock:
            waiting.taken = False
            heapq.heappush(self._ready[waiting.row.rank], waiting)

    def finish(self, waiting: Waiting, *, dropped: bool = False) -> bool:
        """Forget a message that is confirmed, or given up (`dropped`), here and on disk.

        Returns whether the store should act now: there is much to delete, or room for messages that are only on disk.
        """
        with self._lock:
            self._forget(waiting, dropped=dropped)
            rank = waiting.row.rank
            has_room = self._read_to[rank] is not None and len(self._ready[rank]) <= WINDOW[rank] // 2
            return has_room or max(len(self._deleted), len(self._unrecorded)) >= _DELETED_AT_ONCE

    # --- recording, called by the store's thread

    def unwritten(self, unwanted: Collection[Rank] = ()) -> list[Waiting]:
        """Return the messages that must be written, except the `unwanted` classes. They may be taken and confirmed
        meanwhile."""
        with self._lock:
            unwanted = MEMORY_ONLY.union(unwanted)
            wanted = [waiting for waiting in self._fresh.values() if waiting.row.rank not in unwanted]
            for waiting in wanted:
                waiting.attempted = True
            return wanted

    def unwritten_rows(self) -> list[Row]:
        """Return the rows that are neither known to be on disk nor confirmed, in order. Any thread."""
        with self._lock:
            return sorted(
                (waiting.row for waiting in self._fresh.values() if not waiting.done), key=lambda row: row.ord
            )

    def deletable(self) -> list[tuple[Rank, int]]:
        """Return what must be deleted from disk. It stays listed until `recorded` counts it as deleted."""
        with self._lock:
            return list(self._deleted)

    def confirmed(self) -> list[Row]:
        """Return what must be added to the record on disk."""
        with self._lock:
            return self._unrecorded.rows()

    def recorded(self, written: Iterable[Waiting], deleted: int, confirmed: Iterable[Row] = ()) -> None:
        """Note that these messages are on disk now, that the first `deleted` of `deletable` are gone from it, and that
        the record there has those that were `confirmed`."""
        with self._lock:
            del self._deleted[:deleted]
            self._unrecorded.drop(confirmed)
            for waiting in written:
                waiting.written = True
                self._is_fresh_no_more(waiting)
            for rank in Rank:
                self._release(rank)

    def _release(self, rank: Rank) -> None:
        """Let go of messages that were held only until the disk has them: into the window if it has room, else out of
        memory."""
        held = self._held[rank]
        while held and (held[0].written or held[0].done):
            waiting = held.popleft()
            if waiting.done:
                continue
            if self._read_to[rank] is None and len(self._ready[rank]) < WINDOW[rank]:
                heapq.heappush(self._ready[rank], waiting)
                continue
            if self._read_to[rank] is None:
                self._read_to[rank] = waiting.row.ord - 1
            self._live.pop(waiting.row.ord, None)

    def shortfalls(self) -> list[tuple[Rank, int, int]]:
        """Return the classes with more on disk and room in memory: class, place to read after, rows wanted."""
        with self._lock:
            return [
                (rank, after, WINDOW[rank] - len(self._ready[rank]))
                for rank, after in self._read_to.items()
                if after is not None and len(self._ready[rank]) <= WINDOW[rank] // 2
            ]

    def refill(self, rank: Rank, rows: list[Row], wanted: int) -> None:
        """Add rows that were read for a shortfall; fewer than wanted means that memory now holds the class."""
        with self._lock:
            gone = {place for _, place in self._deleted}
            for row in rows:
                if row.ord not in self._live and row.ord not in gone:
                    self._live[row.ord] = waiting = Waiting(row, written=True)
                    heapq.heappush(self._ready[rank], waiting)
                    if row.retain:
                        self._supersede(row)
            self._read_to[rank] = rows[-1].ord if len(rows) == wanted else None

    def take_stock(self, places: Mapping[Rank, Places], boxed: Iterable[Row] = ()) -> dict[Rank, int]:
        """Compare memory with a disk that was just opened, for the first time or again. It holds the messages at these
        places; those that are only in the black box (`boxed`) are about to be accepted.

        Everything in memory is written again: a disk that has failed may have forgotten it. Returns, by class, how
        many messages that were only on disk are gone.
        """
        lost = dict.fromkeys(Rank, 0)
        with self._lock:
            gone = {place for _, place in self._deleted}
            in_memory = dict.fromkeys(Rank, 0)
            for place, waiting in self._live.items():
                in_memory[waiting.row.rank] += 1
                if waiting.written:
                    waiting.written = False
                    self._fresh[place] = waiting
                    if waiting.row.rank in DROPPED_FROM_MEMORY:
                        self._unwritten[waiting.row.rank][place] = waiting
                        self._unwritten_bytes += len(waiting.row.payload)
            for rank in Rank:
                only_there = [p for p in places.get(rank, ()) if p not in self._live and p not in gone]
                count = in_memory[rank] + len(only_there)
                lost[rank] = max(0, self._count[rank] - count)
                self._dropped[rank] += lost[rank]
                self._count[rank] = count
                self._read_to[rank] = only_there[0] - 1 if only_there else None
            there = {place for of_rank in places.values() for place in of_rank}
            self._deleted = [item for item in self._deleted if item[1] in there]
            waits = {place: record for of_rank in places.values() for place, record in of_rank.items()}
            waits = {place: record for place, record in waits.items() if place not in gone}
            waits |= {row.ord: row.record for row in (*boxed, *(waiting.row for waiting in self._live.values()))}
            self._finished.restart(self._top, {record for record in waits.values() if record is not None})
        return lost

    def drop_oldest(self, rank: Rank, places: Places) -> None:
        """Forget rows that were deleted from disk, over budget or expired. Messages that are already taken go on."""
        with self._lock:
            done = {place for _, place in self._deleted}
            gone = {place for place in places if place not in done and not self._is_taken(place)}
            self._ready[rank] = [w for w in self._ready[rank] if w.row.ord not in gone]
            heapq.heapify(self._ready[rank])
            for place in gone:
                if (record := places[place]) is not None:
                    self._finished.finish(record)
                if (waiting := self._live.pop(place, None)) is not None:
                    waiting.done = True
                    self._is_fresh_no_more(waiting)
            self._count[rank] -= len(gone)
            self._dropped[rank] += len(gone)

    def _supersede(self, row: Row) -> None:
        """Drop the oldest of too many messages of one retained topic. Each connection publishes the retained messages
        anew, and they would pile up if no broker ever answered."""
        places = sorted([place for place in self._retained.get(row.topic, []) if place in self._live] + [row.ord])
        untaken = [place for place in places[:-1] if not self._live[place].taken]
        if len(places) > RETAINED_WAITING and untaken:
            places.remove(untaken[0])
            self._forget(self._live[untaken[0]], dropped=True)
        self._retained[row.topic] = places

    def _is_taken(self, place: int) -> bool:
        waiting = self._live.get(place)
        return waiting is not None and waiting.taken

    def _forget(self, waiting: Waiting, *, dropped: bool) -> None:
        waiting.done = True
        rank, place = waiting.row.rank, waiting.row.ord
        self._live.pop(place, None)
        self._count[rank] -= 1
        self._dropped[rank] += dropped
        self._is_fresh_no_more(waiting)
        if (record := waiting.row.record) is not None:
            self._finished.finish(record)
            if not dropped:
                self._unrecorded.add(waiting.row)
        if waiting.attempted:
            self._deleted.append((rank, place))

    def _is_fresh_no_more(self, waiting: Waiting) -> None:
        rank, place = waiting.row.rank, waiting.row.ord
        if self._fresh.pop(place, None) is not None and rank in DROPPED_FROM_MEMORY:
            self._unwritten_bytes -= len(waiting.row.payload)
            self._unwritten[rank].pop(place, None)

    def _stay_in_memory_budget(self) -> None:
        for rank in DROPPED_FROM_MEMORY:
            oldest_first = self._unwritten[rank]
            while self._unwritten_bytes > UNWRITTEN_BYTES and oldest_first:
                _, oldest = oldest_first.popitem(last=False)
                if not oldest.taken:
                    self._forget(oldest, dropped=True)
            held = self._held[rank]
            while held and held[0].done:
                held.popleft()
