"""The messages that wait, as far as memory holds them: by class, in order, with a window a class.

Everything here is memory under one lock; no method blocks. What does not fit the window of its class lies on
disk only and is read again when the window has room.
"""

import heapq
import threading
from collections.abc import Iterable

from agent.core.messages import Rank
from agent.runtime.database import Row

BYPASS_NS = 20_000_000
"""How long a message waits for the disk before it may leave from memory."""
_WINDOW = {Rank.ALARM: 10_000, Rank.STATE: 1_000, Rank.SECURITY: 2_000}
_SMALL_WINDOW = {Rank.EVENT: 256, Rank.PICTURE: 8, Rank.HEALTH: 8}
WINDOW = {**_WINDOW, **_SMALL_WINDOW}
"""Messages of a class that stay in memory once they are written."""


class Waiting:
    """One message in memory, and how far it has come."""

    __slots__ = ("attempted", "done", "row", "taken", "written")

    def __init__(self, row: Row, *, written: bool = False) -> None:
        self.row = row
        self.attempted = written
        """It may be on disk: a write of it was begun, and may have failed half-way."""
        self.written = written
        self.taken = False
        self.done = False

    def __lt__(self, other: "Waiting") -> bool:
        return self.row.ord < other.row.ord


class Backlog:
    """What waits. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fresh: dict[int, Waiting] = {}
        """Accepted, and not known to be on disk."""
        self._ready: dict[Rank, list[Waiting]] = {rank: [] for rank in Rank}
        """Heaps of what may be taken."""
        self._live: dict[int, Waiting] = {}
        """All that is in memory, taken or not, by place."""
        self._read_to: dict[Rank, int | None] = dict.fromkeys(Rank)
        """Where reading from disk goes on; None when memory holds the whole class."""
        self._deleted: list[tuple[Rank, int]] = []
        self._count = dict.fromkeys(Rank, 0)
        self._dropped = dict.fromkeys(Rank, 0)

    def figures(self) -> tuple[dict[Rank, int], dict[Rank, int]]:
        """Messages waiting, and messages given up since the start, by class."""
        with self._lock:
            return dict(self._count), dict(self._dropped)

    # --- sending

    def accept(self, row: Row) -> None:
        """A new message; it may be taken once it is written, or has waited `BYPASS_NS` for the disk."""
        waiting = Waiting(row)
        with self._lock:
            self._fresh[row.ord] = waiting
            self._live[row.ord] = waiting
            self._count[row.rank] += 1

    def take(self, now_ns: int) -> Waiting | None:
        """The first message of the most important class; it is the caller's until `finish` or `give_back`."""
        with self._lock:
            overdue = [w for w in self._fresh.values() if self._is_overdue(w, now_ns)]
            for rank in Rank:
                heads = [w for w in overdue if w.row.rank is rank] + self._ready[rank][:1]
                if not heads:
                    continue
                first = min(heads)
                if first.written:
                    heapq.heappop(self._ready[rank])
                first.taken = True
                return first
        return None

    def patience_ns(self, now_ns: int) -> int | None:
        """How long until a message that the disk does not answer for may be taken; None without one."""
        with self._lock:
            accepted = [w.row.created_ns for w in self._fresh.values() if not w.taken and not w.done]
        return max(0, min(accepted) + BYPASS_NS - now_ns) if accepted else None

    def give_back(self, waiting: Waiting) -> None:
        """It was not confirmed: it waits again, in its old place."""
        with self._lock:
            waiting.taken = False
            if waiting.written:
                heapq.heappush(self._ready[waiting.row.rank], waiting)

    def finish(self, waiting: Waiting, *, dropped: bool = False) -> None:
        """It is confirmed, or given up: forget it, here and on disk."""
        with self._lock:
            self._forget(waiting, dropped=dropped)

    # --- recording, called by the journal's thread

    def unwritten(self) -> list[Waiting]:
        """What must be written. It may be taken and confirmed meanwhile."""
        with self._lock:
            for place, waiting in [item for item in self._fresh.items() if item[1].done]:
                del self._fresh[place]
                if waiting.attempted:
                    self._deleted.append((waiting.row.rank, place))
            for waiting in self._fresh.values():
                waiting.attempted = True
            return list(self._fresh.values())

    def deletable(self) -> list[tuple[Rank, int]]:
        """What must be deleted from disk; still known until `deleted` is told."""
        with self._lock:
            return list(self._deleted)

    def recorded(self, written: Iterable[Waiting], deleted: int) -> None:
        """These are on disk now, and the first `deleted` of `deletable` are gone from it."""
        with self._lock:
            del self._deleted[:deleted]
            for waiting in written:
                waiting.written = True
                rank = waiting.row.rank
                self._fresh.pop(waiting.row.ord, None)
                if waiting.done:
                    self._deleted.append((rank, waiting.row.ord))
                elif waiting.taken:
                    continue
                elif self._read_to[rank] is None and len(self._ready[rank]) < WINDOW[rank]:
                    heapq.heappush(self._ready[rank], waiting)
                else:
                    if self._read_to[rank] is None:
                        self._read_to[rank] = waiting.row.ord - 1
                    self._live.pop(waiting.row.ord, None)

    def shortfalls(self) -> list[tuple[Rank, int, int]]:
        """Classes that have more on disk and room in memory: class, place to read after, rows wanted."""
        with self._lock:
            return [
                (rank, after, WINDOW[rank] - len(self._ready[rank]))
                for rank, after in self._read_to.items()
                if after is not None and len(self._ready[rank]) <= WINDOW[rank] // 2
            ]

    def refill(self, rank: Rank, rows: list[Row], wanted: int) -> None:
        """Rows that were read for a shortfall; fewer than wanted means that memory now holds the class."""
        with self._lock:
            gone = {place for _, place in self._deleted}
            for row in rows:
                if row.ord not in self._live and row.ord not in gone:
                    self._live[row.ord] = waiting = Waiting(row, written=True)
                    heapq.heappush(self._ready[rank], waiting)
            self._read_to[rank] = rows[-1].ord if len(rows) == wanted else None

    def restore(self, counts: dict[Rank, int]) -> None:
        """At start: so many messages of each class lie on disk."""
        with self._lock:
            self._count.update(counts)
            self._read_to.update({rank: 0 for rank, count in counts.items() if count})

    def drop_oldest(self, rank: Rank, places: list[int]) -> None:
        """These rows were deleted from disk to stay in the budget; what is already on its way goes on."""
        with self._lock:
            done = {place for _, place in self._deleted}
            gone = {place for place in places if place not in done and not self._is_taken(place)}
            self._ready[rank] = [w for w in self._ready[rank] if w.row.ord not in gone]
            heapq.heapify(self._ready[rank])
            for place in gone:
                self._live.pop(place, None)
            self._count[rank] -= len(gone)
            self._dropped[rank] += len(gone)

    def _is_taken(self, place: int) -> bool:
        waiting = self._live.get(place)
        return waiting is not None and waiting.taken

    def _is_overdue(self, waiting: Waiting, now_ns: int) -> bool:
        return not waiting.taken and not waiting.done and now_ns - waiting.row.created_ns >= BYPASS_NS

    def _forget(self, waiting: Waiting, *, dropped: bool) -> None:
        waiting.done = True
        rank, place = waiting.row.rank, waiting.row.ord
        self._live.pop(place, None)
        self._count[rank] -= 1
        self._dropped[rank] += dropped
        if waiting.written:
            self._deleted.append((rank, place))
