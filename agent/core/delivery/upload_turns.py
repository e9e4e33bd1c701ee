"""Whose turn it is among segments that wait for a store: none that fails, and no host, holds up the others. Pure."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from agent.core.delivery.backoff import Backoff


@dataclass(slots=True)
class _Rest:
    backoff: Backoff
    until_ns: int = 0
    failed_ns: int = 0
    """When the newest try ended; 0 if that was none that failed."""


class Turns:
    """Segments and hosts, and which of them rest because a try has failed. One thread; times are boot times."""

    def __init__(self, backoff: Callable[[], Backoff]) -> None:
        """`backoff` makes one, for each segment and each host that fails."""
        self._backoff = backoff
        self._segments: dict[str, _Rest] = {}
        self._hosts: dict[str, _Rest] = {}

    def resting_hosts(self, now_ns: int) -> Collection[str]:
        """Return the hosts to which nothing goes now."""
        return {host for host, rest in self._hosts.items() if now_ns < rest.until_ns}

    def rank(self, segment: str, host: str, now_ns: int) -> int | None:
        """Return a lower number for whose turn comes sooner, and the same for those whose urgency decides; None for a
        segment that rests. While a host takes nothing, that goes first which failed there the longest time ago, or
        never did, as it may be the segment's URL that is dead."""
        rest = self._segments.get(segment)
        if rest is None:
            return 0
        if now_ns < rest.until_ns:
            return None
        return rest.failed_ns if host in self._hosts else 0

    def failed(self, segment: str, host: str, now_ns: int, asked_s: float = 0.0) -> float:
        """Note a try that may go better later; return the seconds until the segment's next one, at the earliest.

        `asked_s` is what the store asked for: it may ask for more time, never for none.
        """
        delays = []
        for rests, key in ((self._segments, segment), (self._hosts, host)):
            rest = rests.setdefault(key, _Rest(self._backoff()))
            delays.append(max(rest.backoff.failed(), asked_s))
            rest.until_ns, rest.failed_ns = now_ns + int(delays[-1] * 1e9), now_ns
        return max(delays)

    def answered(self, host: str) -> None:
        """Note that a host works."""
        self._hosts.pop(host, None)

    def forget(self, segment: str) -> None:
        """Note that a segment waits no more."""
        self._segments.pop(segment, None)

    def wake(self) -> None:
        """Let nothing rest any longer."""
        for each in (*self._segments.values(), *self._hosts.values()):
            each.until_ns = 0
