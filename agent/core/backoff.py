"""How long to wait before the next try: full jitter, so that a province does not reconnect in step."""

import random
from collections.abc import Callable


class Backoff:
    """Delays that grow with each failure and start again after a long enough success. One thread."""

    def __init__(
        self,
        first_s: float = 1.0,
        longest_s: float = 120.0,
        stable_s: float = 60.0,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._stable_s = stable_s
        self._uniform = uniform
        self._failures = 0

    def failed(self, lasted_s: float = 0.0) -> float:
        """Note an end after `lasted_s` of success; returns the seconds to wait, at least `first_s`."""
        if lasted_s >= self._stable_s:
            self._failures = 0
        self._failures += 1
        ceiling_s = min(self._longest_s, self._first_s * 2 ** min(self._failures, 30))
        return self._uniform(self._first_s, ceiling_s)
