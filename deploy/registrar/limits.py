"""Who may ask again: a stranger that was refused often enough has to wait. In memory; a restart forgets it."""

import threading
import time
from collections import deque
from collections.abc import Callable

from deploy.registrar.refusal import Refusal

WINDOW_S = 3600
WRONG_SECRETS = 5
"""For one name, from one address: whoever guesses from elsewhere must not keep the technician out."""
REFUSALS = 60
"""From one address, for whatever reason. A site may have one address for all of its devices."""
_MOST = 10_000
"""Counts that are held at once; beyond them the oldest go."""


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
