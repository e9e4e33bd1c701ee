"""What the pipeline is told."""

from dataclasses import dataclass

from agent.core.events import AlarmDelivered, CentreAck, CentreWatched, SelfTested, UplinkChanged
from agent.runtime.sightings import CameraSaid


@dataclass(frozen=True, slots=True)
class Announce:
    """Publish the open alarms, since the broker may have forgotten them, or (`moved`) is another one."""

    moved: bool = False


@dataclass(frozen=True, slots=True)
class Identify:
    """Blink everything until `until_ns` (CLOCK_BOOTTIME)."""

    until_ns: int


Fact = AlarmDelivered | CentreAck | Announce | Identify | CameraSaid | UplinkChanged | CentreWatched | SelfTested
