"""Nonces that date a command on the boot clock, so that a device whose wall clock is not set can refuse an old one."""

import secrets
from hashlib import blake2b

RENEWED_NS = 300 * 10**9
"""How long a nonce is the newest one."""


class Nonces:
    """The nonces of one start of the agent, on CLOCK_BOOTTIME. Nobody can tell a later one in advance. Any thread.

    Each is made from a secret and its number, so none has to be remembered, and its number gives its birth.
    """

    def __init__(self, now_ns: int) -> None:
        self._start_ns = now_ns
        self._secret = secrets.token_bytes(32)
        self.first = self._make(0)
        """The nonce of the start itself, which names this start for as long as it lasts."""

    def newest(self, now_ns: int) -> str:
        """The nonce that messages of this moment carry."""
        return self._make((now_ns - self._start_ns) // RENEWED_NS)

    def age_s(self, nonce: str, now_ns: int) -> float | None:
        """Seconds since the nonce was first given out; None if this start of the agent has not given it out."""
        digits = nonce.partition("-")[0]
        if not digits.isascii() or not digits.isdecimal() or len(digits) > 9:
            return None
        since_birth_ns = now_ns - self._start_ns - int(digits) * RENEWED_NS
        return since_birth_ns / 1e9 if since_birth_ns >= 0 and nonce == self._make(int(digits)) else None

    def _make(self, number: int) -> str:
        return f"{number}-{blake2b(b'%d' % number, digest_size=8, key=self._secret).hexdigest()}"
