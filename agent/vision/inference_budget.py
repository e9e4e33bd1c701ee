"""How many inferences a second the model may make: never more than the setting, in any second."""

import math
from collections import deque


class InferenceBudget:
    """Counts what was spent within the last window. One thread.

    The window is a second, or longer for a setting below one inference a second.
    """

    def __init__(self, per_s: float) -> None:
        self._window_ns = round(max(1.0, 1 / per_s) * 1e9)
        self._most = max(math.floor(per_s * self._window_ns / 1e9), 1)
        self._spent_ns: deque[int] = deque()
        self._last_ns: int | None = None

    def left(self, boottime_ns: int) -> int:
        """How many may be made for the frame that was captured at `boottime_ns`.

        One frame gets at most twice its share, and half of what is left, so that those after it are not left with
        nothing: a budget that is spent at once comes back at once, and would be gone at the same frame every second.
        """
        while self._spent_ns and self._spent_ns[0] <= boottime_ns - self._window_ns:
            self._spent_ns.popleft()
        step_ns = self._window_ns if self._last_ns is None else max(boottime_ns - self._last_ns, 0)
        share = math.ceil(2 * self._most * min(step_ns / self._window_ns, 1))
        left = self._most - len(self._spent_ns)
        return max(min(share, math.ceil(left / 2)), 0)

    def spend(self, boottime_ns: int, inferences: int) -> None:
        """So many were made for the frame that was captured at `boottime_ns`."""
        self._last_ns = boottime_ns
        self._spent_ns.extend([boottime_ns] * inferences)
