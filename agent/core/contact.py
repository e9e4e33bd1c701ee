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

    def press(self, edge: Edge) -> bool:
        """Take the next edge of this input; true when it begins a press."""
        if not edge.active:
            if self._active:
                self._opened_ns = edge.boottime_ns
            self._active = False
            return False
        if self._active:
            return False
        self._active = True
        opened_ns, self._opened_ns = self._opened_ns, None
        if opened_ns is None:
            return True
        return edge.boottime_ns - opened_ns >= self._debounce_ns
