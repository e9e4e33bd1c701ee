"""A press that only counts if it is held."""

from agent.core.facts import Edge


class Hold:
    """Waits until a press has lasted for `hold_s`. An opening shorter than `debounce_ms` is a bounce."""

    def __init__(self, hold_s: float, debounce_ms: int) -> None:
        self.hold_ns = int(hold_s * 1e9)
        self._debounce_ns = debounce_ms * 1_000_000
        self._since_ns: int | None = None
        """When the press began that is still being held."""
        self._let_go_ns: int | None = None
        """When it was released; that may be a bounce until the debounce time is over."""
        self.cut_short = 0
        """Presses since the start that were released too soon."""

    def press(self, edge: Edge, *, begins: bool) -> bool:
        """Take the next edge, which `begins` a press or not; return True if the press counts at once.

        Call `tick` for this time first.
        """
        if self.hold_ns == 0:
            return begins
        if begins:
            self.cut_short += self._since_ns is not None  # its release was missed
            self._since_ns = edge.boottime_ns
        if self._since_ns is not None:
            self._let_go_ns = None if edge.active else edge.boottime_ns
        return False

    def tick(self, now_ns: int) -> int | None:
        """Return the time at which a press had been held long enough, once that is certain; otherwise None."""
        if self._since_ns is None:
            return None
        due_ns = self.due_ns()
        if due_ns is None or now_ns < due_ns:
            return None
        held_ns = self._since_ns + self.hold_ns
        cut_short = self._let_go_ns is not None  # before `held_ns`, as `press` comes after `tick`
        self._since_ns = self._let_go_ns = None
        self.cut_short += cut_short
        return None if cut_short else held_ns

    def due_ns(self) -> int | None:
        """Return when `tick` decides; None if nothing waits."""
        if self._since_ns is None:
            return None
        if self._let_go_ns is not None:
            return self._let_go_ns + self._debounce_ns
        return self._since_ns + self.hold_ns
