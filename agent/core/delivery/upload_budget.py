"""How much was sent in a month, and whether more may be: through restarts, wrong clocks and disks that come late.
Pure."""

import json
from collections.abc import Mapping

PREFIX = "upload/sent/"
"""Of the keys under which it is kept: one for each run, as a disk that comes late would overwrite one for all."""
_MONTHS = 3
_FAR_MONTHS = 12
"""A month that was further ahead was a broken clock's: it is forgotten with the month in which that was."""
_BELIEVED_NS = 3600 * 10**9
"""A month begins once a clock that is set has said so for an hour: one that jumps ahead for less grants nothing."""
_KEPT_EACH_NS = 600 * 10**9
"""So often it is kept for how long it has: a device may never run for an hour."""


class MonthBudget:
    """Counts what may have been sent. One thread."""

    def __init__(self, limit: int, run: str, prefix: str = PREFIX) -> None:
        """`limit` is in bytes, 0 if there is none; `run` names this run and no other. `prefix` is of the keys of all
        runs that count the same."""
        self._limit = limit
        self._key = prefix + run
        self._month = ""
        self._counts: dict[str, int] = {"": 0}
        """By month, `YYYY-MM`; "" until a clock that is set has named one."""
        self._later_ns = 0
        """For how long a clock that is set has said that it is a later month."""
        self._ticked_ns: int | None = None
        """When it last said so; None if it says something else."""
        self._reserved = ("", 0)

    @property
    def used(self) -> int:
        """Bytes that may have been sent in this month, failed tries included, and what a wrong clock has counted in a
        later one. Any thread."""
        return sum(sent for month, sent in list(self._counts.items()) if month >= self._month)

    @property
    def is_used_up(self) -> bool:
        """Whether nothing more may be begun."""
        return 0 < self._limit <= self.used

    def restore(self, kept: Mapping[str, str]) -> dict[str, str | None]:
        """Add what other runs have counted, as far as that is known now; return what to keep."""
        others = {key: value for key, value in sorted(kept.items()) if key != self._key}
        before, later_ns = "", 0
        for value in others.values():
            before, counts, later_ns = json.loads(value)
            for month, sent in counts.items():
                month = month or self._month  # noqa: PLW2901 - of a run whose clock was never set
                self._counts[month] = self._counts.get(month, 0) + sent
        if not self._month and before:
            self._begin(before)
        self._later_ns = max(self._later_ns, later_ns if before == self._month else 0)
        return {**self._changes(), **dict.fromkeys(others)} if others else {}

    def tick(self, month: str, now_ns: int) -> dict[str, str | None]:
        """Note which month the clock says that it is: `YYYY-MM`, or "" while it is not set. `now_ns` is boot time.
        Return what to keep."""
        ticked_ns, self._ticked_ns = self._ticked_ns, None
        if not month or (month == self._month and not self._later_ns):
            return {}
        if month == self._month:
            self._later_ns = 0
        elif month < self._month or not self._month:
            self._begin(month)
        else:
            before_ns, self._ticked_ns = self._later_ns, now_ns
            self._later_ns += 0 if ticked_ns is None else now_ns - ticked_ns
            if self._later_ns >= _BELIEVED_NS:
                self._begin(month)
            elif self._later_ns // _KEPT_EACH_NS == before_ns // _KEPT_EACH_NS:
                return {}
        return self._changes()

    def _begin(self, month: str) -> None:
        """Count in this month from now on."""
        was_before, self._month, self._later_ns = self._month, month, 0
        if not was_before:
            self._counts[month] = self._counts.get(month, 0) + self._counts.pop("")
        elif month > was_before:
            far = _number(month) + _FAR_MONTHS
            self._counts = {each: sent for each, sent in self._counts.items() if _number(each) <= far}
        self._counts.setdefault(month, 0)

    def reserve(self, size: int) -> dict[str, str | None]:
        """Count a file before it is sent: after a crash nobody knows how much of it was. Return what to keep.

        It counts in the newest month that any clock has named: one that is ahead, and one that is set back, grant
        nothing when they are right again.
        """
        self._reserved = max(self._counts), size
        return self.add(size)

    def add(self, size: int) -> dict[str, str | None]:
        """Count what was sent, in the newest month that any clock has named; return what to keep."""
        self._counts[max(self._counts)] += size
        return self._changes()

    def settle(self, sent: int) -> dict[str, str | None]:
        """Count no more of the file than was sent, at most; return what to keep."""
        (month, size), self._reserved = self._reserved, ("", 0)
        month = month if month in self._counts else self._month
        self._counts[month] = max(0, self._counts[month] - max(0, size - sent))
        return self._changes()

    def _changes(self) -> dict[str, str | None]:
        newest = [*sorted(self._counts)[-_MONTHS:], self._month]
        counts = {month: self._counts[month] for month in newest}
        return {self._key: json.dumps([self._month, counts, self._later_ns])}


def _number(month: str) -> int:
    """Return which month it is of all months; `month` is `YYYY-MM`."""
    return int(month[:4]) * 12 + int(month[5:])
