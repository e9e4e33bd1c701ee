"""Limits the model's inferences: never more in any second than the setting allows."""

import math
from collections import deque

_SAVED_S = 0.4
"""What was not spent is kept for this long: enough for a few looks at once when somebody comes into view."""


class InferenceBudget:
    """Counts the inferences of the last window. One thread.

    The window is a second, or longer for a setting below one inference a second.
    """

    def __init__(self, per_s: float) -> None:
        self._per_ns = per_s / 1e9
        self._window_ns = round(max(1.0, 1 / per_s) * 1e9)
        self._most = max(math.floor(per_s * self._window_ns / 1e9), 1)
        self._spent_ns: deque[int] = deque()
        self._last_ns: int | None = None
        self._saved = float(self._most)

    def left(self, boottime_ns: int) -> int:
        """Return how many inferences the frame captured at `boottime_ns` may use.

        They come as evenly as frames do, and one frame gets at most twice its share: a budget that is spent in half of
        a second leaves people alone for the other half.
        """
        while self._spent_ns and self._spent_ns[0] <= boottime_ns - self._window_ns:
            self._spent_ns.popleft()
        left = self._most - len(self._spent_ns)
        if self._last_ns is None:
            return left
        step_ns = max(boottime_ns - self._last_ns, 0)
        share = math.ceil(2 * self._most * min(step_ns / self._window_ns, 1))
        return max(min(left, share, math.floor(self._saved_at(step_ns) + 1e-6)), 0)

    def spend(self, boottime_ns: int, inferences: int) -> None:
        """Count the inferences made for the frame captured at `boottime_ns`."""
        step_ns = 0 if self._last_ns is None else max(boottime_ns - self._last_ns, 0)
        self._saved = self._saved_at(step_ns) - inferences
        self._last_ns = boottime_ns
        self._spent_ns.extend([boottime_ns] * inferences)

    def _saved_at(self, step_ns: int) -> float:
        """Return what is saved so long after the last frame."""
        most = max(self._per_ns * max(_SAVED_S * 1e9, step_ns), 1.0)
        return min(max(self._saved, -1.0) + self._per_ns * step_ns, most)
