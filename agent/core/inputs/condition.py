"""A condition of the kiosk itself that an input watches: its door, its mains supply, its battery."""

from agent.contract.vocabulary import Fault
from agent.core.facts import ConditionChanged, Edge, InputFact, InputFault
from agent.core.wiring import ConditionRules


class Condition:
    """Reports the state at the start, and then each change that has lasted.

    Load-shedding is routine, and a door rattles: a beginning must last for `delay_s`, an end for `restore_s`.
    """

    def __init__(self, rules: ConditionRules) -> None:
        self._rules = rules
        self._delay_ns = int(rules.delay_s * 1e9)
        self._restore_ns = int(rules.restore_s * 1e9)
        self._level: bool | None = None
        self._changed_ns = 0
        self.active: bool | None = None
        """The state that was reported last; None until the first report."""
        self.faults: dict[Fault, str] = {}
        """The current faults, each with more about it."""

    def take(self, edge: Edge) -> list[InputFact]:
        """Take the next edge of its line. A level at start that is older than what is known changes nothing."""
        if edge.boottime_ns < self._changed_ns:
            return []
        facts = self.tick(edge.boottime_ns)
        if edge.active is not self._level:
            self._level, self._changed_ns = edge.active, edge.boottime_ns
        return facts + self.tick(edge.boottime_ns)

    def tick(self, now_ns: int) -> list[InputFact]:
        """Return what has become due."""
        due_ns = self.due_ns()
        if due_ns is None or now_ns < due_ns or self._level is None:
            return []
        self.active = self._level
        return [ConditionChanged(self._rules.name, self._rules.kind, self._level, self._changed_ns)]

    def due_ns(self) -> int | None:
        """Return when `tick` next has something to report; None if nothing waits."""
        if self._level is self.active:
            return None
        if self._level:
            return self._changed_ns + self._delay_ns
        return self._changed_ns + (0 if self.active is None else self._restore_ns)

    def lost(self, detail: str, now_ns: int) -> list[InputFact]:
        """Note that its line can't be watched."""
        self.faults[Fault.UNUSABLE] = detail
        return [InputFault(self._rules.name, Fault.UNUSABLE, True, now_ns, detail=detail)]
