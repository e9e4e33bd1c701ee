"""Nonces that date a command by the boot clock: a device whose wall clock is not set can still refuse an old one."""

import re
import secrets
from hashlib import blake2b

RENEWED_NS = 300 * 10**9
"""How long a nonce stays the newest one."""
_NONCE = re.compile(r"([0-9]{1,9})-[0-9a-f]{16}")


class Nonces:
    """The nonces of one start of the agent, on CLOCK_BOOTTIME. Nobody can predict a later one. Any thread.

    Each is made from a secret and its number, so none has to be remembered, and the number gives its time of birth.
    """

    def __init__(self, now_ns: int) -> None:
        self._start_ns = now_ns
        self._secret = secrets.token_bytes()
        self.first = self._make(0)
        """The first nonce, which identifies this start of the agent for as long as it runs."""

    def newest(self, now_ns: int) -> str:
        """Return the nonce that messages carry at this moment."""
        return self._make((now_ns - self._start_ns) // RENEWED_NS)

    def age_s(self, nonce: str, now_ns: int) -> float | None:
        """Return the seconds since the nonce was first given out; None if it is not from this start of the agent."""
        match = _NONCE.fullmatch(nonce)
        if match is None or nonce != self._make(number := int(match[1])):
            return None
        since_birth_ns = now_ns - self._start_ns - number * RENEWED_NS
        return since_birth_ns / 1e9 if since_birth_ns >= 0 else None

    def _make(self, number: int) -> str:
        return f"{number}-{blake2b(b'%d' % number, digest_size=8, key=self._secret).hexdigest()}"
