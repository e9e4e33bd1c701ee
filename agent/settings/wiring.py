"""The settings of everything wired to the kiosk's pins: buttons, conditions, lights and the siren."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from agent.contract.vocabulary import SELF_TEST, ContactKind
from agent.core.section import Section, TopicLevel


def _not_the_clocks(pin: int) -> int:
    if pin in {2, 3}:
        raise ValueError("pins 2 and 3 belong to the clock module (I2C): choose one from 4 to 27")
    return pin


Pin = Annotated[
    int,
    Field(ge=2, le=27, description="BCM number; 0 and 1 belong to the HAT EEPROM, 2 and 3 to the clock module"),
    AfterValidator(_not_the_clocks),
]


def _not_the_self_test(name: str) -> str:
    if name == SELF_TEST:
        raise ValueError("this is the input of the self-test's own alarm; take another name")
    return name


class _Line(Section):
    """One contact between its pin and ground (or 3.3 V when `pull_up` is false)."""

    name: Annotated[TopicLevel, AfterValidator(_not_the_self_test)]
    pin: Pin
    pull_up: bool = True
    glitch_filter_ms: float = Field(default=0.0, ge=0, le=20)
    """The pins ignore any change shorter than this. It delays every press by the same time."""


class ButtonSettings(_Line):
    """One panic input. With `pin_nc` it is supervised: a second contact there opens when the button is pressed."""

    kind: Literal["panic", "duress", "medical", "fire"] = "panic"
    silent: bool = False
    pin_nc: Pin | None = None
    settle_ms: int = Field(default=50, ge=1, le=1000)
    """How long the two contacts of a supervised button may disagree."""
    debounce_ms: int = Field(default=30, ge=0, le=1000)
    hold_s: float = Field(default=0.0, ge=0, le=10)
    """A press counts once it has been held this long; 0 means at its first edge."""
    stuck_after_s: float = Field(default=30.0, gt=0, le=3600)
    chatter_presses: int = Field(default=20, ge=0, le=1000)
    """If there are more presses than this within the window, they are reported as a sum each second; 0: never."""
    chatter_window_s: float = Field(default=10.0, gt=0, le=600)

    @model_validator(mode="after")
    def _times_fit(self) -> Self:
        if max(self.hold_s, self.settle_ms / 1000) >= self.stuck_after_s:
            raise ValueError("hold_s and settle_ms must be shorter than stuck_after_s")
        return self


class ConditionSettings(_Line):
    """A contact that tells of the kiosk itself. It opens when something is wrong, so that a cut cable tells too. Or, of
    the kind `service`, one inside the cabinet that a technician holds closed to have the service page."""

    kind: ContactKind
    active_when: Literal["open", "closed"] = "open"
    delay_s: float | None = Field(default=None, ge=0, le=3600)
    """How long it must last before it is reported; by default 60 for mains, 5 for battery, 3 for service
    and 0 for tamper."""
    restore_s: float = Field(default=10.0, ge=0, le=3600)
    """How long it must be over before its end is reported. A service contact asks again only after so long."""

    @model_validator(mode="after")
    def _a_cut_cable_opens_nothing(self) -> Self:
        if self.kind == "service" and self.active_when == "open":
            raise ValueError(
                'a contact for the service page needs active_when = "closed": a cut cable must not open it'
            )
        return self


class LightsSettings(Section):
    """Output pins; one that is not given is not driven."""

    yellow: Pin | None = None
    green: Pin | None = None
    beacon: Pin | None = None
    tone: Pin | None = None

    def any(self) -> bool:
        """Return whether any of the outputs is set."""
        return any(pin is not None for pin in (self.yellow, self.green, self.beacon, self.tone))


class SirenSettings(Section):
    """The last resort: a siren, strobe or relay that is on when nobody answers an alarm. Off without this table."""

    pin: Pin
    active_high: bool = True
    """False: the siren sounds when the pin is low, as many relay boards need."""
    when: Literal["delayed", "unconfirmed"] = "unconfirmed"
    """The stage from which an alarm calls for the siren."""
    after_s: float = Field(default=30.0, ge=0, le=600)
    """How long the alarm must have called for it."""
    limit_s: float = Field(default=180.0, ge=1, le=900)
    """How long the siren sounds, counted from the last press. By-laws on noise differ, so ask."""
    total_s: float = Field(default=900.0, ge=1, le=3600)
    """How long the siren sounds for one alarm in total, whatever is pressed in the meantime."""

    @model_validator(mode="after")
    def _limits_fit(self) -> Self:
        if self.total_s < self.limit_s:
            raise ValueError("total_s must not be below limit_s: it is the sum of all stretches")
        return self
