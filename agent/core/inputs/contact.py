"""Turns edges into presses: a bounce is not a second press, and neither is a button that is held."""

from agent.core.facts import Edge


class Contact:
    """One contact. Reports a press at its first edge, so that nothing waits for a bounce to end.

    Before the next press the contact must have been open for `debounce_ms`, so a train of bounces is one press. No
    finger opens and closes a button within that time.

    The kernel names an edge after the level that it finds when it handles the edge. So if a contact bounces as it
    opens, the first edge may say that it closes. The same happens at a press whose preceding release was missed. Such
    an edge is a press if the contact is still closed after `debounce_ms`, which no bounce is.
    """

    def __init__(self, debounce_ms: int) -> None:
        self._debounce_ns = debounce_ms * 1_000_000
        self._active = False
        self._opened_ns: int | None = None
        self._last_ns = 0
        self._doubt_ns: int | None = None
        """When it closed without having opened, which may be a press or a bounce of the release."""

    def press(self, edge: Edge) -> bool:
        """Take the next edge of this input; return True if it begins a press. Call `tick` for this time first."""
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
            if self._debounce_ns:
                self._doubt_ns = edge.boottime_ns
            return not self._debounce_ns
        self._active = True
        opened_ns, self._opened_ns = self._opened_ns, None
        if opened_ns is None:
            return True
        return edge.boottime_ns - opened_ns >= self._debounce_ns

    def tick(self, now_ns: int) -> int | None:
        """Return the time of a press whose preceding release was missed, once it is certain."""
        due_ns = self.due_ns()
        if due_ns is None or now_ns < due_ns:
            return None
        press_ns, self._doubt_ns = self._doubt_ns, None
        return press_ns

    def due_ns(self) -> int | None:
        """Return when `tick` decides; None if nothing waits."""
        return None if self._doubt_ns is None else self._doubt_ns + self._debounce_ns
