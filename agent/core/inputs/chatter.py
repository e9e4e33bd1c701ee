"""Too many presses, by rain in a button or a hand that does not stop: none is lost, but not each is reported."""

from collections import deque
from dataclasses import replace

from agent.contract.vocabulary import Fault
from agent.core.facts import InputFact, InputFault, Pressed

_SUMMARY_NS = 1_000_000_000
"""The time between summaries."""


class PressReporter:
    """Reports each press of one button at once, until there are more than `limit` within the window.

    From then on it reports a sum at most once a second, until a whole window has passed without a press.
    """

    def __init__(self, name: str, limit: int, window_s: float) -> None:
        """With a `limit` of 0 every press is always reported."""
        self._name = name
        self._limit = limit
        self._window_ns = int(window_s * 1e9)
        self._recent: deque[int] = deque(maxlen=limit + 1)
        self._since_ns: int | None = None
        """When the chatter began; None while there is none."""
        self._last_ns = self._next_summary_ns = 0
        self._unsaid: Pressed | None = None
        self.presses = 0
        """All presses since the start."""

    def press(self, edge_ns: int, held_ns: int = 0) -> list[InputFact]:
        """Count one more press, held for `held_ns` until `edge_ns`. Call `tick` for this time first."""
        self.presses += 1
        self._last_ns = edge_ns
        if self._since_ns is not None:
            first = self._unsaid or Pressed(self._name, edge_ns, edge_ns, 0, held_ns)
            self._unsaid = replace(first, last_ns=edge_ns, count=first.count + 1)
            return self._sum_up(edge_ns) if edge_ns >= self._next_summary_ns else []
        facts: list[InputFact] = [Pressed(self._name, edge_ns, edge_ns, held_ns=held_ns)]
        self._recent.append(edge_ns)
        if 0 < self._limit < len(self._recent) and edge_ns - self._recent[0] <= self._window_ns:
            self._since_ns = self._recent[0]
            self._next_summary_ns = edge_ns + _SUMMARY_NS
            facts.append(self._fault(active=True))
        return facts

    def tick(self, now_ns: int) -> list[InputFact]:
        """Return what has become due."""
        if self._since_ns is None:
            return []
        quiet = now_ns >= self._last_ns + self._window_ns
        facts = self._sum_up(now_ns) if quiet or now_ns >= self._next_summary_ns else []
        if quiet:
            facts.append(self._fault(active=False))
            self._since_ns = None
        return facts

    def due_ns(self) -> int | None:
        """Return when `tick` next has something to report; None if nothing waits."""
        if self._since_ns is None:
            return None
        quiet_ns = self._last_ns + self._window_ns
        return min(quiet_ns, self._next_summary_ns) if self._unsaid else quiet_ns

    def report_next(self) -> None:
        """Report the next press at once, even during chatter: no alarm is open any more that it would count towards."""
        self._next_summary_ns = 0

    def flush(self) -> list[InputFact]:
        """Return the presses that no summary has reported yet."""
        return self._sum_up(self._last_ns)

    def _sum_up(self, now_ns: int) -> list[InputFact]:
        if self._unsaid is None:
            return []
        summary, self._unsaid = self._unsaid, None
        self._next_summary_ns = now_ns + _SUMMARY_NS
        return [summary]

    def _fault(self, *, active: bool) -> InputFault:
        assert self._since_ns is not None
        return InputFault(self._name, Fault.CHATTER, active, self._since_ns)
