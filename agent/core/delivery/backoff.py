"""How long to wait before the next try. Full jitter keeps the devices of a whole province from reconnecting in step."""

import random
from collections.abc import Callable


class Backoff:
    """Delays that grow with each failure, and start over after a long enough success. One thread."""

    def __init__(
        self,
        first_s: float = 1.0,
        longest_s: float = 120.0,
        stable_s: float = 60.0,
        spread_s: float = 0.0,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """Devices that lose the same broker reconnect within `spread_s`, each at a random moment. If it is not back by
        then, each waits for half of that to one and a half of it again, however long the broker is away: so all are
        back within one and a half, and fewer than 2 N / spread_s of N devices try in a second.

        Without a spread the delays grow up to `longest_s`.
        """
        self._first_s = first_s
        self._longest_s = max(1.5 * spread_s, 2 * first_s) if spread_s else longest_s
        self._stable_s = stable_s
        self._spread_s = spread_s
        self._uniform = uniform
        self._ceiling_s = 2 * first_s
        self._failures = 0

    def failed(self, lasted_s: float | None = None) -> float:
        """Note the end of a connection that lasted `lasted_s`, or (None) a failed try; return the seconds to wait."""
        shortest_s = self._first_s
        if lasted_s is not None:
            self._ceiling_s = max(self._spread_s, 2 * self._first_s)
            if lasted_s >= self._stable_s:
                self._failures = 0
            if self._spread_s and not self._failures:
                shortest_s = 0.0
        ceiling_s = min(self._longest_s, self._ceiling_s * 2 ** min(self._failures, 30))
        if self._spread_s and self._failures:
            shortest_s = max(shortest_s, ceiling_s - max(self._spread_s, self._first_s))
        self._failures += 1
        return self._uniform(shortest_s, ceiling_s)
