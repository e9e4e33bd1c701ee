"""All inputs of the kiosk, each judged by itself, so that what is wrong with one changes nothing for another."""

from collections.abc import Iterable
from typing import Any

from agent.contract.vocabulary import Fault
from agent.core.events import Edge, InputFact
from agent.core.inputs.button import Button
from agent.core.inputs.condition import Condition
from agent.core.wiring import ButtonRules, ConditionRules

_DEAF = {Fault.OPEN, Fault.STUCK, Fault.UNUSABLE}
"""With these nobody may count on a press: it may still be heard."""


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
        """Whether a press of one of these buttons at least can be relied on to be heard; true when there are none."""
        faults = [self._buttons[name].faults.keys() for name in names]
        return not faults or any(not (each & _DEAF) for each in faults)

    def take(self, edge: Edge) -> list[InputFact]:
        """What the next edge of any line means."""
        return self._inputs[edge.input].take(edge)

    def lost(self, name: str, detail: str, now_ns: int) -> list[InputFact]:
        """A line of the input can't be watched; `detail` is one line for a person."""
        return self._inputs[name].lost(detail, now_ns)

    def tick(self, now_ns: int) -> list[InputFact]:
        """What has become due by `now_ns` (CLOCK_BOOTTIME)."""
        return [fact for each in self._inputs.values() for fact in each.tick(now_ns)]

    def next_due_ns(self) -> int | None:
        """When `tick` must be called next, or None when nothing waits."""
        return min((ns for each in self._inputs.values() if (ns := each.due_ns()) is not None), default=None)

    def report_next(self, name: str) -> None:
        """The alarm of this input was closed: its next press, which raises a new one, is told at once. Does nothing for
        a name that is no button here: an earlier run may have had it."""
        if name in self._buttons:
            self._buttons[name].report_next()

    def flush(self) -> list[InputFact]:
        """The presses that no sum has told yet. Before an alarm is closed, and before the end."""
        return [fact for button in self._buttons.values() for fact in button.flush()]

    def figures(self) -> dict[str, dict[str, Any]]:
        """What health says of each input, by its name. Any thread."""
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
