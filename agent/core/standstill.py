"""Detects parts that are alive but make no progress: a lock that is never released, a driver that hangs. Pure."""

from collections.abc import Mapping

_LONGEST_STEP_NS = 2 * 10**9
"""A longer time between two calls of `tick` counts as this much. In such a gap the caller did not run either (a
suspended machine, a stopped process), so no part is to blame for it."""


class Standstill:
    """Sees from their counters whether parts make progress. One thread."""

    def __init__(self, patience_ns: int) -> None:
        """A part stands still when its counter has not changed for `patience_ns`."""
        self._patience_ns = patience_ns
        self._ticked_ns: int | None = None
        self._counts: dict[str, int | None] = {}
        self._stood_ns: dict[str, int] = {}

    def tick(self, counts: Mapping[str, int | None], now_ns: int) -> frozenset[str]:
        """Return the parts that stand still at `now_ns` (CLOCK_BOOTTIME). A counter of None means that the part has
        nothing to do now."""
        passed_ns = 0 if self._ticked_ns is None else min(now_ns - self._ticked_ns, _LONGEST_STEP_NS)
        self._ticked_ns = now_ns
        self._stood_ns = {
            name: self._stood_ns.get(name, 0) + passed_ns
            for name, count in counts.items()
            if count is not None and count == self._counts.get(name)
        }
        self._counts = dict(counts)
        return frozenset(name for name, ns in self._stood_ns.items() if ns >= self._patience_ns)
