"""Which broker next: the first that works, another one when an alarm does not get through, the first again later."""

from collections import OrderedDict

_LONGEST_RETURN_NS = 3600 * 10**9
_LONGEST_PAUSE_NS = 60 * 10**9
_CALM_NS = 120 * 10**9
_REMEMBERED = 256


class Paths:
    """The brokers of the settings, by their place in the list. Times are CLOCK_BOOTTIME. One thread.

    One path is in use at a time. Another one is tried beside it, and the one in use is left only when the other
    carries: whoever fails costs nothing.
    """

    def __init__(self, count: int, return_after_s: float = 300.0) -> None:
        self.count = count
        self.failures = 0
        """Tries that failed since a path last carried, but for those beside one that does."""
        self._failures_beside = self._failed_beside_ns = 0
        self._is_for_alarm = False
        """The try beside the path in use is made for an alarm."""
        self._last = count - 1
        """The path that was tried last, so that the first try is at the first."""
        self._current: int | None = None
        self._return_ns = self._pause_ns = int(return_after_s * 1e9)
        self._return_due_ns = 0
        self._returned_ns: int | None = None
        self._unwatched_pause_ns = self._return_ns
        self._unwatched_due_ns = 0
        self._moves = 0
        self._moved_ns = -_CALM_NS
        self._asked: OrderedDict[str, None] = OrderedDict()

    @property
    def untried(self) -> bool:
        """Whether paths have failed, but not all of them since the last time that all had."""
        return self.failures % self.count != 0

    @property
    def rounds(self) -> int:
        """How often in a row all paths that there are to try have failed, since one last came to carry. Beside a path
        that carries, only the tries for an alarm count: those of calm hours must not make it wait."""
        if self._current is None or self.count == 1:
            return self.failures // self.count
        return self._failures_beside // (self.count - 1)

    def next(self) -> int:
        """The path to try when none carries."""
        return (self._last + 1) % self.count

    def connected(self, path: int, now_ns: int) -> None:
        """This one carries now, and is the one in use."""
        self._last = self._current = path
        self.failures = self._failures_beside = 0
        self._return_due_ns = now_ns + self._pause_ns
        if path != 0:
            self._returned_ns = None

    def failed(self, path: int, now_ns: int) -> None:
        """This one was lost, or did not come to be.

        The first is trusted less each time that it fails soon after a return, and each time that a return fails.
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
        """An alarm does not get through on the path in use: the one to try instead.

        None when there is no other, or when all were tried lately: then not again before a pause that doubles up
        to a minute, so that an alarm that nobody takes does not keep the device from staying anywhere.
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
        """Nobody watches at the broker in use: the path to try instead.

        None when there is no other, or when nobody watched there either: then not before a pause that doubles up to
        an hour.
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
        """Somebody watches at the broker in use."""
        self._unwatched_pause_ns = self._return_ns
        self._unwatched_due_ns = 0

    def ask(self, reason: str) -> bool:
        """Whether this reason for another path is a new one: each counts once."""
        if reason in self._asked:
            return False
        self._asked[reason] = None
        if len(self._asked) > _REMEMBERED:
            self._asked.popitem(last=False)
        return True

    def return_due(self, now_ns: int) -> bool:
        """Whether it is time to see if the first path carries again, should no alarm be under way."""
        return bool(self._current) and now_ns >= self._return_due_ns

    def first_again(self, now_ns: int) -> int:
        """The first path, which is now tried beside the one in use."""
        self._returned_ns = now_ns
        self._is_for_alarm = False
        return 0

    def _judge_return(self, now_ns: int) -> None:
        """The first path is of no use: it is trusted less when that comes soon after a return to it."""
        returned_ns, self._returned_ns = self._returned_ns, None
        if returned_ns is not None:
            soon = self._current != 0 or now_ns - returned_ns < self._return_ns
            self._pause_ns = self._doubled(self._pause_ns) if soon else self._return_ns
            self._return_due_ns = now_ns + self._pause_ns

    def _doubled(self, pause_ns: int) -> int:
        return min(2 * pause_ns, max(_LONGEST_RETURN_NS, self._return_ns))

    def _next_but_current(self) -> int:
        for _ in range(2):
            self._last = (self._last + 1) % self.count
            if self._last != self._current:
                break
        return self._last
