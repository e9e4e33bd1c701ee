"""How many looks may begin and go on: each is an event that is never left out, so there may not be any number."""

MOST_BEGIN, MOST = 20, 100
"""In a minute, of all keys together: so many may begin, and so many begin or go on."""
_MINUTE_NS = 60 * 10**9


class Pace:
    """Counts them, minute by minute."""

    def __init__(self) -> None:
        self._from_ns = 0
        self._began = self._all = 0

    def allows(self, now_ns: int, *, begins: bool) -> bool:
        """Return whether one more may begin or go on now, and count it if so."""
        if now_ns - self._from_ns >= _MINUTE_NS:
            self._from_ns, self._began, self._all = now_ns, 0, 0
        if self._all >= MOST or (begins and self._began >= MOST_BEGIN):
            return False
        self._all += 1
        self._began += begins
        return True
