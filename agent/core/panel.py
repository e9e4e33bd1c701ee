"""All inputs of the kiosk, each judged by itself, so that what is wrong with one changes nothing for another."""

from collections.abc import Iterable
from typing import Any

from agent.core.button import Button
from agent.core.condition import Condition
from agent.core.events import Edge, InputFact
from agent.core.inputs import ButtonRules, ConditionRules


class Panel:
    """Turns edges into presses, faults and conditions. Used by one thread at a time."""

    def __init__(self, buttons: Iterable[ButtonRules], conditions: Iterable[ConditionRules] = ()) -> None:
        self._buttons = {rules.name: Button(rules) for rules in buttons}
        self._conditions = {rules.name: Condition(rules) for rules in conditions}
        self._inputs: dict[str, Button | Condition] = {**self._buttons, **self._conditions}

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

    def flush(self) -> list[InputFact]:
        """The presses that were not told yet. Before an orderly end."""
        return [fact for button in self._buttons.values() for fact in button.flush()]

    def trouble(self, name: str) -> str:
        """The faults of an input as one line for a person; empty when it has none."""
        faults = self._inputs[name].faults.items()
        return "; ".join(f"{fault}: {detail}" if detail else fault.value for fault, detail in faults)

    def figures(self) -> dict[str, dict[str, Any]]:
        """What health says of each input, by its name."""
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
