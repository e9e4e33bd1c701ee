"""One selector and one timetable for everything that a process of the fleet does."""

import contextlib
import heapq
import itertools
import selectors
import time
from collections import deque
from collections.abc import Callable
from typing import Any

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Loop:
    """One selector and one timetable. One thread, but for a caller who guards every call with a lock."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._soon: deque[Callable[[], None]] = deque()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()

    def watch(self, file: Any, mask: int, call: Callable[[int], None]) -> None:
        """Call `call` with what is ready of `mask`, from now on."""
        try:
            self._selector.modify(file, mask, call)
        except KeyError:
            self._selector.register(file, mask, call)

    def forget(self, file: Any) -> None:
        """Watch this file no longer; nothing if it is not watched."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(file)

    def soon(self, call: Callable[[], None]) -> None:
        """Call this in the next pass."""
        self._soon.append(call)

    def after(self, delay_s: float, call: Callable[[], None]) -> None:
        """Call this once, when `delay_s` has passed."""
        heapq.heappush(self._due, (time.monotonic() + delay_s, next(self._count), call))

    def run_once(self, timeout_s: float) -> None:
        """Wait at most `timeout_s`, then do what is due."""
        if self._soon:
            timeout_s = 0.0
        elif self._due:
            timeout_s = min(timeout_s, max(0.0, self._due[0][0] - time.monotonic()))
        for key, mask in self._selector.select(timeout_s):
            key.data(mask)
        for _ in range(len(self._soon)):
            self._soon.popleft()()
        now_s = time.monotonic()
        while self._due and self._due[0][0] <= now_s:
            heapq.heappop(self._due)[2]()

    def close(self) -> None:
        """Close the selector."""
        self._selector.close()
