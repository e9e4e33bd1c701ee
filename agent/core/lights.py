"""What the lights say. The table is EN 81-28's: yellow, the call is being sent; green, a person has it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from agent.core.stages import Stage


class Pattern(StrEnum):
    """How one output behaves."""

    OFF = "off"
    ON = "on"
    STEADY = "steady"
    """The beacon at rest: lit, to be found at night."""
    FLASH = "flash"
    FAST_FLASH = "fast-flash"
    SLOW_PULSE = "slow-pulse"


@dataclass(frozen=True, slots=True)
class LightState:
    """The pattern of every output of the kiosk at one moment."""

    yellow: Pattern = Pattern.OFF
    green: Pattern = Pattern.OFF
    beacon: Pattern = Pattern.STEADY
    tone: Pattern = Pattern.OFF

    def as_dict(self) -> dict[str, str]:
        """The form that `edge-agent sim outputs` prints."""
        return {"yellow": self.yellow, "green": self.green, "beacon": self.beacon, "tone": self.tone}


IDLE = LightState()
PRESSED = LightState(yellow=Pattern.ON, beacon=Pattern.FLASH)
IDENTIFY = LightState(Pattern.FAST_FLASH, Pattern.FAST_FLASH, Pattern.FAST_FLASH)
"""A technician looks for this kiosk among many."""

_BY_STAGE = {
    Stage.IDLE: IDLE,
    Stage.RAISED: PRESSED,
    Stage.SENT: PRESSED,
    Stage.REGISTERED: LightState(Pattern.ON, Pattern.ON, Pattern.FLASH),
    Stage.DISPATCHED: LightState(Pattern.ON, Pattern.SLOW_PULSE, Pattern.FLASH),
    Stage.CLOSED: IDLE,
}


def for_open_alarms(audible_stages: Iterable[Stage]) -> LightState:
    """The lights for the open alarms that are not silent.

    Of several, the least advanced one decides: green must not tell the second person who pressed that the
    first one's answer is theirs.
    """
    return _BY_STAGE[min(audible_stages, key=Stage.rank, default=Stage.IDLE)]
