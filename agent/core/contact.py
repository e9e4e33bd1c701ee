"""From edges to presses: what bounces is one press, and a held button is not many."""

from agent.core.events import Edge


class Contact:
    """One input. Reports a press at its first edge, so that nothing waits for a bounce to end.

    The next press needs the contact to have been open for `debounce_ms` first: a train of bounces is one
    press. No finger opens and closes a button within that time.
    """

    def __init__(self, debounce_ms: int) -> None:
        self._debounce_ns = debounce_ms * 1_000_000
        self._active = False
        self._opened_ns: int | None = None
        self._last_ns = 0

    def press(self, edge: Edge) -> bool:
        """Take the next edge of this input; true when it begins a press."""
        quiet = edge.boottime_ns - self._last_ns >= self._debounce_ns
        self._last_ns = edge.boottime_ns
        if not edge.active:
            if self._active:
                self._opened_ns = edge.boottime_ns
            self._active = False
            return False
        if self._active:
            # Two edges of closing with none of opening between: the opening was missed, the press was not. An edge
            # at start only repeats what is known.
            return quiet and not edge.at_start
        self._active = True
        opened_ns, self._opened_ns = self._opened_ns, None
        if opened_ns is None:
            return True
        return edge.boottime_ns - opened_ns >= self._debounce_ns
