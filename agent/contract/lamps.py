"""What the lights show, by the table of EN 81-28: yellow, the call is being sent; green, a person has it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from agent.contract.stages import Stage


class Pattern(StrEnum):
    """How one output behaves."""

    OFF = "off"
    ON = "on"
    STEADY = "steady"
    """The beacon at rest: lit, so that people find the kiosk at night."""
    FLASH = "flash"
    FAST_FLASH = "fast-flash"
    SLOW_PULSE = "slow-pulse"
    ALTERNATE = "alternate"
    """Yellow and green alternate."""


HALF_PERIOD_S = {Pattern.FLASH: 0.5, Pattern.FAST_FLASH: 0.125, Pattern.SLOW_PULSE: 1.0, Pattern.ALTERNATE: 0.5}
"""How long an output that blinks is lit, and how long it is dark."""


@dataclass(frozen=True, slots=True)
class LightState:
    """The pattern of every output of the kiosk at one moment."""

    yellow: Pattern = Pattern.OFF
    green: Pattern = Pattern.OFF
    beacon: Pattern = Pattern.STEADY
    tone: Pattern = Pattern.OFF

    def as_dict(self) -> dict[str, str]:
        """Return the form that `edge-agent sim outputs` prints."""
        return {"yellow": self.yellow, "green": self.green, "beacon": self.beacon, "tone": self.tone}


IDLE = LightState()
PRESSED = LightState(yellow=Pattern.ON, beacon=Pattern.FLASH)
DELAYED = LightState(yellow=Pattern.FAST_FLASH, beacon=Pattern.FLASH)
UNCONFIRMED = LightState(yellow=Pattern.FAST_FLASH, beacon=Pattern.FLASH, tone=Pattern.ON)
IDENTIFY = LightState(Pattern.FAST_FLASH, Pattern.FAST_FLASH, Pattern.FAST_FLASH)
"""A technician is looking for this kiosk among many."""
TEST_MODE = LightState(Pattern.SLOW_PULSE, Pattern.SLOW_PULSE)
"""A press now would be a test, of every button or of those that the technician has named."""
OUT_OF_SERVICE = LightState(Pattern.ALTERNATE, Pattern.ALTERNATE, Pattern.OFF)
"""A press would be stored and sent, but perhaps nobody would hear of it soon."""
NOT_ENROLLED = LightState(Pattern.ALTERNATE, Pattern.ALTERNATE, Pattern.SLOW_PULSE)
"""No press is heard: the device has not been let in yet. Yellow and green as when nobody would hear a press, which is
what a resident must know; the beacon shows a technician the rest."""
REFUSED = LightState(Pattern.ALTERNATE, Pattern.ALTERNATE, Pattern.FAST_FLASH)
"""The same, and it does not go on by itself: somebody must do what the card says."""

_BY_STAGE = {
    Stage.IDLE: IDLE,
    Stage.RAISED: PRESSED,
    Stage.SENT: PRESSED,
    Stage.DELAYED: DELAYED,
    Stage.UNCONFIRMED: UNCONFIRMED,
    Stage.REGISTERED: LightState(Pattern.ON, Pattern.ON, Pattern.FLASH),
    Stage.DISPATCHED: LightState(Pattern.ON, Pattern.SLOW_PULSE, Pattern.FLASH),
    Stage.CLOSED: IDLE,
}
_WORST_FIRST = (
    Stage.UNCONFIRMED,
    Stage.DELAYED,
    Stage.RAISED,
    Stage.SENT,
    Stage.REGISTERED,
    Stage.DISPATCHED,
    Stage.CLOSED,
    Stage.IDLE,
)


def for_open_alarms(audible_stages: Iterable[Stage]) -> LightState:
    """Return the lights for the open alarms that are not silent.

    If there are several, the one that is worst off decides: green must not tell the second person who pressed that they
    have the answer to the first person's call, and a call that has long gone unanswered must keep showing it.
    """
    return _BY_STAGE[min(audible_stages, key=_WORST_FIRST.index, default=Stage.IDLE)]
