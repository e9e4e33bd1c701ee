"""Which line of the kiosk is wired to which pin. Pins are BCM numbers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ButtonLine:
    """One input. With `pull_up` the button connects the pin to ground, and low means pressed."""

    name: str
    pin: int
    pull_up: bool = True


@dataclass(frozen=True, slots=True)
class LightPins:
    """The outputs, lit when high. An output that is None is not there and is not driven."""

    yellow: int | None = None
    green: int | None = None
    beacon: int | None = None
    tone: int | None = None

    def wired(self) -> dict[str, int]:
        """The pins that exist, by the name of their output."""
        pins = {"yellow": self.yellow, "green": self.green, "beacon": self.beacon, "tone": self.tone}
        return {name: pin for name, pin in pins.items() if pin is not None}
