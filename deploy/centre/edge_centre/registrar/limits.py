"""Limits how often a stranger may ask after refusals, and how much of it is logged. In memory; a restart forgets it."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TextIO

from edge_centre.registrar.refusal import Refusal

WINDOW_S = 3600
WRONG_SECRETS = 5
"""For one name, from one address: whoever guesses from elsewhere must not keep the technician out."""
REFUSALS = 60
"""From one address, for whatever reason. A site may have one address for all of its devices."""
_MOST = 10_000
"""Counts that are held at once; beyond them the oldest go."""
_LINES_AT_ONCE, _SECONDS_A_LINE = 30, 2.0
_LONGEST_LINE = 2000


class Limits:
    """Counts refusals within the last hour. Any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._refused: dict[tuple[str, str], deque[float]] = {}

    def check(self, address: str, name: str = "") -> None:
        """Raise Refusal with 429 if this address was refused too often: for this name if there is one, else at all. So
        a stranger at the address of a site keeps nobody out who has a claim."""
        with self._lock:
            if name:
                self._check((address, name), WRONG_SECRETS, f"Too many wrong claims for {name}.")
            else:
                self._check((address, ""), REFUSALS, "This device was refused too often.")

    def refused(self, address: str, name: str = "") -> None:
        """Count one more refusal, and with a name a wrong secret for it."""
        with self._lock:
            for key in {(address, ""), (address, name)}:
                times = self._refused.pop(key, None) or deque(maxlen=REFUSALS)
                times.append(self._clock())
                self._refused[key] = times  # again at the end: the newest
            while len(self._refused) > _MOST:
                del self._refused[next(iter(self._refused))]

    def _check(self, key: tuple[str, str], most: int, what: str) -> None:
        times = self._refused.get(key, deque())
        while times and times[0] <= self._clock() - WINDOW_S:
            times.popleft()
        if len(times) >= most:
            wait = int(times[-most] + WINDOW_S - self._clock()) + 1
            raise Refusal(f"{what} Try again in {wait // 60 + 1} minutes.", 429, retry_after_s=wait)


class BoundedLog(logging.StreamHandler[TextIO]):
    """Writes log lines to standard error: 30 at once, then one every two seconds, each of at most 2,000 characters.
    The next line that is written says how many were left out. Any thread."""

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self._clock = clock
        self._room = float(_LINES_AT_ONCE)
        self._counted_s = clock()
        self._left_out = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, or count it."""
        now_s = self._clock()
        self._room = min(_LINES_AT_ONCE, self._room + (now_s - self._counted_s) / _SECONDS_A_LINE)
        self._counted_s = now_s
        if self._room < 1:
            self._left_out += 1
            return
        self._room -= 1
        super().emit(record)

    def format(self, record: logging.LogRecord) -> str:
        """Format a line, cut to its limit."""
        text = super().format(record)
        if len(text) > _LONGEST_LINE:
            text = f"{text[:_LONGEST_LINE]}... ({len(text)} characters)"
        left_out, self._left_out = self._left_out, 0
        return f"({left_out} lines before this one were left out) {text}" if left_out else text

    def close(self) -> None:
        """Write how many lines were left out since the last."""
        if self._left_out:
            self.stream.write(f"({self._left_out} more lines were left out)\n")
            self.flush()
            self._left_out = 0
        super().close()
