"""From edges to presses: what bounces is one press, and a held button is not many."""

from agent.core.events import Edge


class Contact:
    """One input. Reports a press at its first edge, so that nothing waits for a bounce to end.

    The next press needs the contact to have been open for `debounce_ms` first: a train of bounces is one
    press. No finger opens and closes a button within that time.

    The kernel names an edge after the level that it finds when it gets to it. So when a contact bounces as it opens,
    the first edge may say that it closes, and so does that of a press whose release was missed. What has come so is a
    press when the contact is still closed after `debounce_ms`, which no bounce is.
    """

    def __init__(self, debounce_ms: int) -> None:
        self._debounce_ns = debounce_ms * 1_000_000
        self._active = False
        self._opened_ns: int | None = None
        self._last_ns = 0
        self._doubt_ns: int | None = None
        """When it closed without having opened, which may be a press or a bounce of letting go."""

    def press(self, edge: Edge) -> bool:
        """Take the next edge of this input; true when it begins a press. The caller has called `tick` for this time."""
        quiet = edge.boottime_ns - self._last_ns >= self._debounce_ns
        self._last_ns = edge.boottime_ns
        if not edge.active:
            if self._active:
                self._opened_ns = edge.boottime_ns
            self._active = False
            self._doubt_ns = None
            return False
        if self._active:
            # An edge at start only repeats what is known.
            if not quiet or edge.at_start:
                return False
            if self._debounce_ns and self._doubt_ns is None:
                self._doubt_ns = edge.boottime_ns
            return not self._debounce_ns
        self._active = True
        opened_ns, self._opened_ns = self._opened_ns, None
        if opened_ns is None:
            return True
        return edge.boottime_ns - opened_ns >= self._debounce_ns

    def tick(self, now_ns: int) -> int | None:
        """The time of a press whose release before it was missed, if it is certain by now."""
        due_ns = self.due_ns()
        if due_ns is None or now_ns < due_ns:
            return None
        press_ns, self._doubt_ns = self._doubt_ns, None
        return press_ns

    def due_ns(self) -> int | None:
        """When `tick` decides."""
        return None if self._doubt_ns is None else self._doubt_ns + self._debounce_ns
