"""Looks at the lights whenever the agent has come to rest, and holds them against the contract's table."""

from collections import Counter
from collections.abc import Iterable

from agent.contract.lamps import LightState
from agent.sim.pins import FAULT, SimPins

Lights = tuple[str, str, str, str]
"""Yellow, green, beacon and tone."""

_WORST_FIRST: dict[str, Lights] = {
    "unconfirmed": ("fast-flash", "off", "flash", "on"),
    "delayed": ("fast-flash", "off", "flash", "off"),
    "raised": ("on", "off", "flash", "off"),
    "sent": ("on", "off", "flash", "off"),
    "registered": ("on", "on", "flash", "off"),
    "dispatched": ("on", "slow-pulse", "flash", "off"),
}
_AT_REST: frozenset[Lights] = frozenset({("off", "off", "steady", "off"), ("alternate", "alternate", "off", "off")})
"""In service, and out of it."""
_TESTED: frozenset[Lights] = frozenset({("off", "off", "off", "off"), ("on", "on", "steady", "off")})
"""What a self-test shows for an eye's time."""


class Eyes:
    """Of somebody who sees everything and knows which alarms are open."""

    def __init__(self) -> None:
        self.looks = 0
        self._faults: Counter[str] = Counter()

    @property
    def faults(self) -> list[str]:
        """What was wrong, and how often."""
        return [f"{count} times {what}" for what, count in self._faults.items()]

    def look(self, pins: SimPins, shown: LightState, audible_stages: Iterable[str], *, testing: bool) -> Lights:
        """What is to be seen; whatever contradicts the open alarms that are not silent is a fault."""
        self.looks += 1
        outputs = pins.outputs(shown)
        seen = (outputs["yellow"], outputs["green"], outputs["beacon"], outputs["tone"])
        stages = {*audible_stages}
        worst = next((lights for stage, lights in _WORST_FIRST.items() if stage in stages), None)
        right = {worst} if worst else _AT_REST | (_TESTED if testing else frozenset())
        if FAULT in seen:
            self._faults[f"a pin was not as the light {shown}"] += 1
        elif seen not in right:
            self._faults[f"{seen} was shown for {sorted(stages) or 'no audible alarm'}"] += 1
        return seen

    def compare(self, before: Lights, after: Lights) -> None:
        """Between these two nothing happened but a silent press."""
        if before != after:
            self._faults[f"a silent press changed the lights from {before} to {after}"] += 1
