"""Which numbers of the record are finished: confirmed by a broker, or given up."""

from bisect import bisect_right
from collections.abc import Iterable

Run = tuple[int, int]
"""First and last of numbers without a gap, inclusive."""


def gaps(first: int, last: int, present: Iterable[Run]) -> list[Run]:
    """Return the runs of numbers from `first` to `last` that are in none of the runs `present`, in order."""
    found: list[Run] = []
    for begin, end in sorted(present):
        if begin > last:
            break
        if begin > first:
            found.append((first, begin - 1))
        first = max(first, end + 1)
    if first <= last:
        found.append((first, last))
    return found


class Finished:
    """Remembers runs of finished numbers, not single ones: a backlog of any length takes little memory.

    Under the backlog's lock, except that any thread may read `through`."""

    def __init__(self) -> None:
        self.through = 0
        """Every number up to this one is finished. Never too high; it may go back when a disk comes late."""
        self._runs: list[list[int]] = []
        """First and last of each run of finished numbers above `through`, in order, with a gap before each."""

    def restart(self, top: int, waiting: Iterable[int]) -> None:
        """Count every number up to `top` as finished, except those that are `waiting`."""
        self._runs, after = [], 0
        for number in sorted(waiting):
            if number > after + 1:
                self._runs.append([after + 1, number - 1])
            after = number
        if after < top:
            self._runs.append([after + 1, top])
        self.through = self._runs.pop(0)[1] if self._runs and self._runs[0][0] == 1 else 0

    def finish(self, number: int) -> None:
        """Count this number as finished, if it is not yet."""
        if number in self:
            return
        runs = self._runs
        at = bisect_right(runs, [number])
        if at and runs[at - 1][1] == number - 1:
            at -= 1
            runs[at][1] = number
        else:
            runs.insert(at, [number, number])
        if at + 1 < len(runs) and runs[at + 1][0] == number + 1:
            runs[at][1] = runs.pop(at + 1)[1]
        if runs[0][0] == self.through + 1:
            self.through = runs.pop(0)[1]

    def unfinished(self, top: int) -> list[Run]:
        """Return the runs of numbers up to `top` that are not finished, in order."""
        return gaps(self.through + 1, top, ((begin, end) for begin, end in self._runs))

    def __contains__(self, number: int) -> bool:
        if number <= self.through:
            return True
        at = bisect_right(self._runs, [number, number])
        return (at > 0 and self._runs[at - 1][1] >= number) or (at < len(self._runs) and self._runs[at][0] == number)
