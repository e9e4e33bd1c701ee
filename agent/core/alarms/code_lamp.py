"""The code of the service page as the beacon tells it. Pure.

A long flash begins; then comes each digit as that many short flashes, zero as ten; and so again. The beacon is dark
between digits.
"""

from bisect import bisect_right
from itertools import accumulate

LONG_NS = 2_000_000_000
SHORT_NS = 300_000_000
"""A short flash, and the dark between two of them."""
PAUSE_NS = 1_500_000_000
"""The dark after the long flash, and after each digit."""


class CodeLamp:
    """One code. Times are of any one clock."""

    def __init__(self, code: str, began_ns: int) -> None:
        stretches = [LONG_NS, PAUSE_NS]  # lit, dark, lit, dark ...
        for digit in code:
            stretches += [SHORT_NS] * (2 * (int(digit) or 10) - 1) + [PAUSE_NS]
        self._ends = [*accumulate(stretches)]
        self._began_ns = began_ns

    def lit(self, now_ns: int) -> bool:
        """Return whether the beacon is lit now."""
        return self._place(now_ns)[1] % 2 == 0

    def due_ns(self, now_ns: int) -> int:
        """Return when that changes next."""
        round_ns, index = self._place(now_ns)
        return round_ns + self._ends[index]

    def _place(self, now_ns: int) -> tuple[int, int]:
        """Return when this round began, and the number of the stretch in it."""
        past_ns = now_ns - self._began_ns
        into_ns = past_ns % self._ends[-1]
        return now_ns - into_ns, bisect_right(self._ends, into_ns)
