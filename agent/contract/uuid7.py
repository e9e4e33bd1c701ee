"""UUID version 7 (RFC 9562) that stays in order when the wall clock steps back.

The standard library has it from Python 3.14; this covers 3.11 to 3.13.
"""

import os
import threading

_COUNTER_BITS = 42
_COUNTER_START_MASK = (1 << (_COUNTER_BITS - 1)) - 1


class Uuid7Source:
    """Makes identifiers that sort in the order in which they were made. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        """Milliseconds and counter as one number, so a counter that overflows carries into the next millisecond."""

    def next(self, unix_ms: int) -> str:
        """Return a new identifier for the time `unix_ms` (milliseconds since 1970).

        If the time is at or before the last one, it keeps the last millisecond and raises the counter. So setting the
        clock back affects neither order nor uniqueness.
        """
        noise = int.from_bytes(os.urandom(10))
        fresh = unix_ms << _COUNTER_BITS | noise >> 32 & _COUNTER_START_MASK
        with self._lock:
            self._last = last = max(fresh, self._last + 1)
        value = (
            last >> _COUNTER_BITS << 80
            | 0x7 << 76
            | (last >> 30 & 0xFFF) << 64
            | 0b10 << 62
            | (last & 0x3FFFFFFF) << 32
            | noise & 0xFFFFFFFF
        )
        digits = f"{value:032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
