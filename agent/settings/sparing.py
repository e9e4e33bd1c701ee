"""The settings of a site whose data is paid by the megabyte, or whose power fails."""

from typing import Self

from pydantic import Field, model_validator

from agent.core.section import Section


class DataSettings(Section):
    """How much may be sent and received in a month where a SIM card is paid by the megabyte. Alarms are sent anyway."""

    interface: str = Field(default="", pattern=r"^[^/\s]{0,15}$")
    """The network interface of the SIM card, such as `wwan0`; without it nothing is counted."""
    month_bytes: int = Field(default=0, ge=0)
    """How much goes over it in a month (of UTC), both ways, until recordings, live view and the pictures of events
    stop; 0: no limit."""

    @model_validator(mode="after")
    def _a_limit_is_of_something(self) -> Self:
        if self.month_bytes and not self.interface:
            raise ValueError("month_bytes needs interface: the network interface of the SIM card")
        return self


class BatterySettings(Section):
    """What cameras do while the kiosk runs on its battery; without this table all that they always do."""

    slow_after_s: float = Field(default=0.0, ge=0, le=86400)
    """How long the mains must be away until cameras look less often; an input of the kind `mains` tells, after its own
    delay."""
    frames_per_second: float = Field(default=2.0, ge=1, le=30)
    """How often they look then, at most."""
    stop_after_s: float = Field(default=1800.0, ge=60, le=86400)
    """How long the mains must be away until cameras stop. They stop at once when an input of the kind `battery` tells
    that it is low."""

    @model_validator(mode="after")
    def _slow_comes_first(self) -> Self:
        if self.stop_after_s < self.slow_after_s:
            raise ValueError("stop_after_s must not be below slow_after_s: cameras slow down before they stop")
        return self
