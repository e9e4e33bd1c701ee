"""The result topic: what a subscriber that is graded says of each device, on `{root}/conform/{centre}/view`."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Number = Annotated[int, Field(ge=0)]


class ViewAlarm(BaseModel):
    """An alarm that the subscriber shows as open."""

    model_config = ConfigDict(frozen=True, strict=True)

    alarm_id: str
    stage: str
    press_count: Number
    holder: str | None = None
    """Who has it: `by` of `held_by`, or its `issuer` where it names nobody."""
    actual: bool
    """Whether somebody may be sent out for it."""
    rings: Number
    """How often people have been called for it so far."""
    lost: bool = False
    """Whether its device no longer knows it."""


class View(BaseModel):
    """One device, as the subscriber shows it at this moment."""

    model_config = ConfigDict(frozen=True, strict=True)

    device: str
    """`/edge/{province}/{site}/{device}`."""
    online: bool
    alarms: list[ViewAlarm]
    """Those that are open."""
    events: Number
    """How many messages of `up/event/` it has told of so far."""
    missing: list[Annotated[list[Number], Field(min_length=2, max_length=2)]]
    """What is missing in its record: first and last of each range."""
    rejected: Number
    """How many messages on its topics were none of the contract."""

    def alarm(self, alarm_id: str) -> ViewAlarm | None:
        """Return an open alarm; None if it is not shown as open."""
        return next((alarm for alarm in self.alarms if alarm.alarm_id == alarm_id), None)

    def shows(self, alarm_id: str, **wanted: object) -> bool:
        """Return whether an alarm is shown as open, with these values."""
        alarm = self.alarm(alarm_id)
        return alarm is not None and all(getattr(alarm, name) == value for name, value in wanted.items())
