"""Tells whether anybody is watching, from what the command centres say on `host/{centre}/state`."""

from collections.abc import Iterable

from agent.core.facts import CentreWatched

_MOST_CENTRES = 64
_MOST_VOUCHED = 256


class Centres:
    """The states of the centres on the broker of the current connection. Times are CLOCK_BOOTTIME. One thread."""

    def __init__(self, *, required: bool, names: Iterable[str] = (), heard_within_s: float = 90.0) -> None:
        """With `names`, only these count. If a centre is `required`, one that was never heard of is not watching.

        A centre is absent if it is not heard of within `heard_within_s` of the connection, which is longer than the
        contract's `REPEAT_S`. One that has not repeated for twice that long that it watches is gone: not every broker
        reports its end.
        """
        self._required = required
        self._patience_ns = int(heard_within_s * 1e9)
        self._names = frozenset(names)
        self._said: dict[str, tuple[bool, int]] = {}
        """By centre: whether it watches, and when it last said so."""
        self._vouched_ns: dict[str, int] = {}
        """By centre, across all connections: when the centre itself last said that it watches. A state that the broker
        repeats because it is retained does not count, except for the first time that this run hears of a centre."""
        self._connected_ns: int | None = None
        self._waited_ns = 0
        """How long earlier connections have waited in vain since somebody last watched."""

    def connected(self, now_ns: int) -> None:
        """Start a new connection; what was said on another one is no longer known to be true."""
        self.disconnected(now_ns)
        self._connected_ns = now_ns

    def disconnected(self, now_ns: int) -> None:
        """End the connection; nothing is known now."""
        self._waited_ns = 0 if self.somebody(now_ns) else self._waited(now_ns)
        self._said.clear()
        self._connected_ns = None

    def heard(self, centre: str, online: bool | None, now_ns: int, *, retained: bool = False) -> None:
        """Note whether a centre says that it watches, or (None) that its state was cleared.

        `retained` is the broker's flag.
        """
        if self._names and centre not in self._names:
            return
        at_ns = self._vouch(centre, now_ns, retained=retained) if online else now_ns
        if now_ns - at_ns >= 2 * self._patience_ns:
            return  # a leftover of a centre that is gone: it says no more than silence
        if online is None:
            self._said.pop(centre, None)
        elif centre in self._said or len(self._said) < _MOST_CENTRES:
            self._said[centre] = (online, at_ns)
        elif online:
            # There is no room left: a centre that watches counts more than one that does not.
            gone = next((name for name, (there, _) in self._said.items() if not there), None)
            if gone is not None:
                del self._said[gone]
                self._said[centre] = (True, at_ns)

    def somebody(self, now_ns: int) -> bool:
        """Return whether a centre says that it watches."""
        return bool(self._there(now_ns))

    def _there(self, now_ns: int) -> list[str]:
        oldest_ns = now_ns - 2 * self._patience_ns
        return sorted(name for name, (online, heard_ns) in self._said.items() if online and heard_ns > oldest_ns)

    def _vouch(self, centre: str, now_ns: int, *, retained: bool) -> int:
        """Return when this centre itself last said that it watches."""
        if not (retained and centre in self._vouched_ns):
            self._vouched_ns.pop(centre, None)
            self._vouched_ns[centre] = now_ns
            if len(self._vouched_ns) > _MOST_VOUCHED:
                del self._vouched_ns[next(iter(self._vouched_ns))]
        return self._vouched_ns[centre]

    def _waited(self, now_ns: int) -> int:
        return self._waited_ns + (0 if self._connected_ns is None else now_ns - self._connected_ns)

    def watched(self, now_ns: int) -> CentreWatched | None:
        """Return whether anybody watches; None while that is unknown."""
        if self._connected_ns is None:
            return None
        there = self._there(now_ns)
        if there:
            return CentreWatched(online=True, detail=f"watched by {', '.join(there[:3])}")
        all_have_spoken = self._names and self._names <= self._said.keys()
        if not all_have_spoken and self._waited(now_ns) < self._patience_ns:
            return None  # a centre that watches may not have repeated it yet
        if self._said:
            silent = sorted(name for name, (online, _) in self._said.items() if online)
            why = f"has not said for {2 * self._patience_ns // 10**9} s that it watches" if silent else "not watching"
            return CentreWatched(online=False, detail=f"{', '.join((silent or sorted(self._said))[:3])}: {why}")
        if self._required:
            return CentreWatched(online=False, detail="no command centre says on this broker that it is watching")
        return CentreWatched(online=True, detail="no command centre says whether it is watching, and none has to")
