"""Limits the model's inferences: never more in any second than the setting allows."""

import math
from collections import deque


class InferenceBudget:
    """Counts the inferences of the last window. One thread.

    The window is a second, or longer for a setting below one inference a second.
    """

    def __init__(self, per_s: float) -> None:
        self._window_ns = round(max(1.0, 1 / per_s) * 1e9)
        self._most = max(math.floor(per_s * self._window_ns / 1e9), 1)
        self._spent_ns: deque[int] = deque()
        self._last_ns: int | None = None

    def left(self, boottime_ns: int) -> int:
        """Return how many inferences the frame captured at `boottime_ns` may use.

        One frame gets at most twice its share, and half of what is left, so that later frames get some too: a budget
        spent all at once comes back all at once, and would be gone at the same frame every second.
        """
        while self._spent_ns and self._spent_ns[0] <= boottime_ns - self._window_ns:
            self._spent_ns.popleft()
        step_ns = self._window_ns if self._last_ns is None else max(boottime_ns - self._last_ns, 0)
        share = min(step_ns / self._window_ns, 1)
        left = self._most - len(self._spent_ns)
        return max(min(math.ceil(2 * self._most * share), math.ceil(left * max(share, 0.5))), 0)

    def spend(self, boottime_ns: int, inferences: int) -> None:
        """Count the inferences made for the frame captured at `boottime_ns`."""
        self._last_ns = boottime_ns
        self._spent_ns.extend([boottime_ns] * inferences)
