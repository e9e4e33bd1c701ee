"""All inputs of the kiosk. Each is judged by itself, so a fault of one does not affect another."""

from collections.abc import Iterable
from typing import Any

from agent.contract.vocabulary import Fault
from agent.core.facts import Edge, InputFact
from agent.core.inputs.button import Button
from agent.core.inputs.condition import Condition
from agent.core.wiring import ButtonRules, ConditionRules

_DEAF = {Fault.OPEN, Fault.STUCK, Fault.UNUSABLE}
"""With one of these faults nobody can rely on a press, although it may still be heard."""


class Panel:
    """Turns edges into presses, faults and conditions. Used by one thread at a time."""

    def __init__(self, buttons: Iterable[ButtonRules], conditions: Iterable[ConditionRules] = ()) -> None:
        self._buttons = {rules.name: Button(rules) for rules in buttons}
        self._conditions = {rules.name: Condition(rules) for rules in conditions}
        self._inputs: dict[str, Button | Condition] = {**self._buttons, **self._conditions}

    @property
    def buttons(self) -> frozenset[str]:
        """The names of the inputs that can be pressed."""
        return frozenset(self._buttons)

    def hears(self, names: Iterable[str]) -> bool:
        """Return whether at least one of these buttons can be relied on to be heard; True if there are none."""
        faults = [self._buttons[name].faults.keys() for name in names]
        return not faults or any(not (each & _DEAF) for each in faults)

    def take(self, edge: Edge) -> list[InputFact]:
        """Take the next edge of any line, and return what it means."""
        return self._inputs[edge.input].take(edge)

    def lost(self, name: str, detail: str, now_ns: int) -> list[InputFact]:
        """Note that a line of the input can't be watched; `detail` is one line for a person."""
        return self._inputs[name].lost(detail, now_ns)

    def tick(self, now_ns: int) -> list[InputFact]:
        """Return what has become due by `now_ns` (CLOCK_BOOTTIME)."""
        return [fact for each in self._inputs.values() for fact in each.tick(now_ns)]

    def next_due_ns(self) -> int | None:
        """Return when `tick` must be called next; None if nothing waits."""
        return min((ns for each in self._inputs.values() if (ns := each.due_ns()) is not None), default=None)

    def report_next(self, name: str) -> None:
        """Report the next press of this input at once: its alarm was closed, so that press raises a new one.

        Ignores a name that is no button here, because an earlier run may have had it.
        """
        if name in self._buttons:
            self._buttons[name].report_next()

    def flush(self) -> list[InputFact]:
        """Return the presses that no sum has reported yet. Call it before an alarm is closed, and before the end."""
        return [fact for button in self._buttons.values() for fact in button.flush()]

    def figures(self) -> dict[str, dict[str, Any]]:
        """Return the figures that health reports for each input, by name. Any thread."""
        return {
            **{
                name: {"presses": button.presses, "cut_short": button.cut_short, "faults": [*button.faults]}
                for name, button in self._buttons.items()
            },
            **{
                name: {"active": condition.active, "faults": [*condition.faults]}
                for name, condition in self._conditions.items()
            },
        }
