"""Loss that can be seen: the holes in the numbers of what a device may never lose in silence."""

from collections import deque

from edge_centre.library.notices import HoleFilled, HoleFound, LossReason, RecordLost, RecordSkipped
from edge_centre.library.ranges import Range, Ranges

HOLE_AFTER_S = 4.0
"""A number up to `recorddone` that has not come so long after that is lost."""
_STEP_S = 0.05
_MOST_RANGES = 1000
RecordNotice = HoleFound | HoleFilled | RecordLost | RecordSkipped


class Record:
    """The record of one device and epoch, from the number `base` on. Pure, one thread."""

    def __init__(self, source: str, base: int) -> None:
        self._source = source
        self._base = base
        self._seen = Ranges()
        self._settled = Ranges()
        self._settled.add(0, base)
        """The numbers that came, and those that are not waited for any more."""
        self._holes = Ranges()
        self._done: deque[tuple[float, int]] = deque()
        """The highest `recorddone` of each short step of time, and when that step ended."""

    def hear(self, number: int) -> list[RecordNotice]:
        """Note a number that came."""
        if number <= self._base:
            return []
        was_hole = number in self._holes
        self._seen.add(number, number)
        self._settled.add(number, number)
        self._holes.remove(number, number)
        filled: list[RecordNotice] = [HoleFilled(self._source, number)] if was_hole else []
        return filled + self._bounded()

    def has(self, number: int) -> bool:
        """Return whether a number has come."""
        return number in self._seen

    def is_whole(self, top: int) -> bool:
        """Return whether every number up to `top` has come."""
        return not any(self._seen.gaps(self._base + 1, top))

    def hear_done(self, done: int, now_s: float) -> None:
        """Note that the device calls everything up to `done` delivered."""
        if self._done and done <= self._done[-1][1]:
            return
        if self._done and now_s < self._done[-1][0]:
            self._done[-1] = (self._done[-1][0], done)
        else:
            self._done.append((now_s + _STEP_S, done))

    def tick(self, now_s: float) -> list[RecordNotice]:
        """Return the holes that are due."""
        due = 0
        while self._done and self._done[0][0] + HOLE_AFTER_S <= now_s:
            due = self._done.popleft()[1]
        if not due:
            return []
        found: list[RecordNotice] = []
        for first, last in self._settled.gaps(self._base + 1, due):
            for hole in self._holes.gaps(first, last):
                self._holes.add(*hole)
                found.append(HoleFound(self._source, *hole))
        return found

    def lose(self, first: int, last: int, why: LossReason) -> list[RecordNotice]:
        """Give up the holes in `first` to `last`."""
        lost = self._holes.within(first, last)
        for each in lost:
            self._settled.add(*each)
            self._holes.remove(*each)
        return [RecordLost(self._source, *each, why) for each in lost]

    def skip(self, first: int, last: int) -> list[RecordNotice]:
        """Wait for none of `first` to `last`: the device has passed over them."""
        if first < 1 or max(first, self._base + 1) > last:
            return []
        self._settled.add(max(first, self._base + 1), last)
        self._holes.remove(first, last)
        return [RecordSkipped(self._source, first, last)]

    @property
    def holes(self) -> list[Range]:
        """The holes that were told and are not settled, lowest first."""
        return self._holes.all()

    @property
    def settled(self) -> int:
        """The number up to which nothing is missing, or waited for."""
        return self._settled.all()[0][1]

    def _bounded(self) -> list[RecordNotice]:
        lost: list[RecordNotice] = []
        while len(self._settled) > _MOST_RANGES:
            (_, end), (begin, _) = self._settled.all()[:2]
            self._settled.add(end + 1, begin - 1)
            self._holes.remove(end + 1, begin - 1)
            lost.append(RecordLost(self._source, end + 1, begin - 1, "crowded-out"))
        if len(self._seen) > _MOST_RANGES:
            lowest = self._seen.all()[0]
            self._seen.remove(*lowest)
        return lost
