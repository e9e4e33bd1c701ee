"""A set of whole numbers that is kept as ranges, so that a billion of them take no more room than one."""

from bisect import bisect_left, bisect_right

Range = tuple[int, int]
"""First and last, inclusive."""


class Ranges:
    """Sorted ranges that neither overlap nor touch."""

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []

    def __len__(self) -> int:
        """Return how many ranges there are."""
        return len(self._firsts)

    def __contains__(self, number: int) -> bool:
        place = bisect_right(self._firsts, number) - 1
        return place >= 0 and number <= self._lasts[place]

    def add(self, first: int, last: int) -> None:
        """Add the numbers from `first` to `last`."""
        begin, end = bisect_left(self._lasts, first - 1), bisect_right(self._firsts, last + 1)
        if begin < end:
            first, last = min(first, self._firsts[begin]), max(last, self._lasts[end - 1])
        self._firsts[begin:end], self._lasts[begin:end] = [first], [last]

    def remove(self, first: int, last: int) -> None:
        """Take the numbers from `first` to `last` away."""
        for begin, end in self.within(first, last):
            place = bisect_right(self._firsts, begin) - 1
            whole = self._firsts[place], self._lasts[place]
            rest = [(whole[0], begin - 1), (end + 1, whole[1])]
            left = [(low, high) for low, high in rest if low <= high]
            self._firsts[place : place + 1] = [low for low, _ in left]
            self._lasts[place : place + 1] = [high for _, high in left]

    def within(self, first: int, last: int) -> list[Range]:
        """Return the parts of the ranges that lie in `first` to `last`."""
        begin, end = bisect_left(self._lasts, first), bisect_right(self._firsts, last)
        return [
            (max(first, low), min(last, high))
            for low, high in zip(self._firsts[begin:end], self._lasts[begin:end], strict=True)
        ]

    def gaps(self, first: int, last: int) -> list[Range]:
        """Return the parts of `first` to `last` that are in no range."""
        found, at = [], first
        for low, high in self.within(first, last):
            if at < low:
                found.append((at, low - 1))
            at = high + 1
        if at <= last:
            found.append((at, last))
        return found

    def all(self) -> list[Range]:
        """Return every range, lowest first."""
        return list(zip(self._firsts, self._lasts, strict=True))
