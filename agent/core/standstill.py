"""Parts that live and do not move on: a lock that is never given back, a driver that hangs. Pure."""

from collections.abc import Mapping

_LONGEST_LOOK_NS = 2 * 10**9
"""More than this between two looks counts as this: then whoever looks was not running either, in a machine that was
suspended or a process that was stopped, and nobody is to blame for what was not done meanwhile."""


class Standstill:
    """Sees by counters whether parts move on. One thread."""

    def __init__(self, patience_ns: int) -> None:
        """A part whose counter stays for so long stands still."""
        self._patience_ns = patience_ns
        self._looked_ns: int | None = None
        self._counts: dict[str, int | None] = {}
        self._stood_ns: dict[str, int] = {}

    def tick(self, counts: Mapping[str, int | None], now_ns: int) -> frozenset[str]:
        """The parts that stand still at `now_ns` (CLOCK_BOOTTIME). None is the counter of a part that has nothing
        to do now."""
        passed_ns = 0 if self._looked_ns is None else min(now_ns - self._looked_ns, _LONGEST_LOOK_NS)
        self._looked_ns = now_ns
        self._stood_ns = {
            name: self._stood_ns.get(name, 0) + passed_ns
            for name, count in counts.items()
            if count is not None and count == self._counts.get(name)
        }
        self._counts = dict(counts)
        return frozenset(name for name, ns in self._stood_ns.items() if ns >= self._patience_ns)
