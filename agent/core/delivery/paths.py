"""Chooses the broker: the first that works, another if an alarm does not get through, later the first again."""

from collections import OrderedDict

_LONGEST_RETURN_NS = 3600 * 10**9
_LONGEST_PAUSE_NS = 60 * 10**9
_CALM_NS = 120 * 10**9
_REMEMBERED = 256


class Paths:
    """The brokers of the settings, by their position in the list. Times are CLOCK_BOOTTIME. One thread.

    One path is in use at a time. Another is tried beside it, and the one in use is left only once the other has
    connected, so a failed try costs nothing.
    """

    def __init__(self, count: int, return_after_s: float = 300.0) -> None:
        self.count = count
        self.failures = 0
        """Failed tries since the last connection, not counting those made beside a path that is connected."""
        self._failures_beside = self._failed_beside_ns = self._moves = self._moved_ns = 0
        self._is_for_alarm = False
        """Whether the try beside the path in use is made for an alarm."""
        self._last = count - 1
        """The path that was tried last. It starts at the last one, so that the first try goes to the first path."""
        self._current: int | None = None
        self._return_ns = self._pause_ns = int(return_after_s * 1e9)
        self._return_due_ns = self._unwatched_due_ns = 0
        self._returned_ns: int | None = None
        self._unwatched_pause_ns = self._return_ns
        self._asked: OrderedDict[str, None] = OrderedDict()

    @property
    def untried(self) -> bool:
        """Whether some paths have failed since the start of the current round, but not all of them."""
        return self.failures % self.count != 0

    @property
    def rounds(self) -> int:
        """Complete failed rounds since the last connection.

        While a path is connected, only tries for an alarm count: tries of calm hours must not make an alarm wait.
        """
        if self._current is None or self.count == 1:
            return self.failures // self.count
        return self._failures_beside // (self.count - 1)

    def next(self) -> int:
        """Return the path to try when none is connected."""
        return (self._last + 1) % self.count

    def connected(self, path: int, now_ns: int) -> None:
        """Note that this path has connected and is now the one in use."""
        self._last = self._current = path
        self.failures = self._failures_beside = 0
        self._return_due_ns = now_ns + self._pause_ns
        if path != 0:
            self._returned_ns = None

    def failed(self, path: int, now_ns: int) -> None:
        """Note that this path was lost, or failed to connect.

        The first path is trusted less each time that it fails soon after a return to it, and each time that a return
        fails.
        """
        if self._current in {None, path}:
            self.failures += 1
        elif self._is_for_alarm:
            self._failures_beside += 1
            self._failed_beside_ns = now_ns
        self._last = path
        if path == 0:
            self._judge_return(now_ns)
        if self._current == path:
            self._current = None

    def other(self, now_ns: int) -> int | None:
        """Return the path to try because an alarm does not get through on the one in use.

        None if there is no other path, or if all were tried lately. The next try then waits for a pause that doubles up
        to a minute, so that an alarm that no broker takes does not keep the device moving for ever.
        """
        if self.count == 1 or self._current is None:
            return None
        if now_ns - self._moved_ns >= _CALM_NS:
            self._moves = 0
        if now_ns - self._failed_beside_ns >= _LONGEST_RETURN_NS:
            self._failures_beside = 0
        rounds, within = divmod(self._moves, self.count - 1)
        if rounds and not within and now_ns - self._moved_ns < min(2**rounds * 10**9, _LONGEST_PAUSE_NS):
            return None
        self._moves += 1
        self._moved_ns = now_ns
        self._is_for_alarm = True
        return self._next_but_current()

    def unwatched(self, now_ns: int) -> int | None:
        """Return the path to try because nobody watches at the broker in use.

        None if there is no other path, or if nobody watched there either. The next try then waits for a pause that
        doubles up to an hour.
        """
        if self.count == 1 or self._current is None or now_ns < self._unwatched_due_ns:
            return None
        self._is_for_alarm = False
        self._unwatched_due_ns = now_ns + self._unwatched_pause_ns
        self._unwatched_pause_ns = self._doubled(self._unwatched_pause_ns)
        if self._current == 0:
            self._judge_return(now_ns)
        return self._next_but_current()

    def watched(self) -> None:
        """Note that somebody watches at the broker in use."""
        self._unwatched_pause_ns = self._return_ns
        self._unwatched_due_ns = 0

    def ask(self, reason: str) -> bool:
        """Return whether this reason to try another path is new: each counts once."""
        if reason in self._asked:
            return False
        self._asked[reason] = None
        if len(self._asked) > _REMEMBERED:
            self._asked.popitem(last=False)
        return True

    def return_due(self, now_ns: int) -> bool:
        """Return whether it is time to see if the first path connects again, provided that no alarm is under way."""
        return bool(self._current) and now_ns >= self._return_due_ns

    def first_again(self, now_ns: int) -> int:
        """Return the first path, and note that it is now tried beside the one in use."""
        self._returned_ns = now_ns
        self._is_for_alarm = False
        return 0

    def _judge_return(self, now_ns: int) -> None:
        """Note that the first path is of no use. It is trusted less if that happens soon after a return to it."""
        returned_ns, self._returned_ns = self._returned_ns, None
        if returned_ns is not None:
            soon = self._current != 0 or now_ns - returned_ns < self._return_ns
            self._pause_ns = self._doubled(self._pause_ns) if soon else self._return_ns
            self._return_due_ns = now_ns + self._pause_ns

    def _doubled(self, pause_ns: int) -> int:
        return min(2 * pause_ns, max(_LONGEST_RETURN_NS, self._return_ns))

    def _next_but_current(self) -> int:
        self._last = self.next()
        if self._last == self._current:
            self._last = self.next()
        return self._last
