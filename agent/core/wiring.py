"""Which line of the kiosk is wired to which pin, and how each input is judged. Pins are BCM numbers."""

from dataclasses import dataclass

from agent.contract.vocabulary import ContactKind


@dataclass(frozen=True, slots=True)
class InputLine:
    """One contact on one pin. With `pull_up` it connects the pin to ground, so low means closed.

    It is active when closed or, if `normally_closed`, when open. A supervised button has one of each under the same
    name. Where the pins can, they ignore a change for `glitch_filter_ms`.
    """

    name: str
    pin: int
    pull_up: bool = True
    normally_closed: bool = False
    glitch_filter_ms: float = 0.0

    @property
    def active_level(self) -> bool:
        """Whether the pin is high when the line is active."""
        return self.pull_up is self.normally_closed


@dataclass(frozen=True, slots=True)
class ButtonRules:
    """How the edges of one button are judged. A supervised button has a second, normally-closed line."""

    name: str
    debounce_ms: int = 30
    supervised: bool = False
    settle_ms: int = 50
    """How long the two lines of a supervised button may disagree before it is a fault."""
    hold_s: float = 0.0
    """A press counts once it has been held this long; 0 means at its first edge."""
    stuck_after_s: float = 30.0
    chatter_presses: int = 20
    """More presses than this within `chatter_window_s` are chatter; 0 means that every press is reported by itself."""
    chatter_window_s: float = 10.0


@dataclass(frozen=True, slots=True)
class ConditionRules:
    """How the edges of one condition are judged. It is reported when it has lasted for `delay_s`, and its end when it
    has been over for `restore_s`."""

    name: str
    kind: ContactKind
    delay_s: float
    restore_s: float


@dataclass(frozen=True, slots=True)
class SirenPin:
    """The output of the siren. Without `active_high` it sounds when the pin is low, as many relay boards need."""

    pin: int
    active_high: bool = True


@dataclass(frozen=True, slots=True)
class LightPins:
    """The outputs, lit when high. An output that is None does not exist and is not driven. Without `press_tones` the
    sounder gives no short tones."""

    yellow: int | None = None
    green: int | None = None
    beacon: int | None = None
    tone: int | None = None
    press_tones: bool = False

    def wired(self) -> dict[str, int]:
        """Return the pins that exist, by the name of their output."""
        pins = {"yellow": self.yellow, "green": self.green, "beacon": self.beacon, "tone": self.tone}
        return {name: pin for name, pin in pins.items() if pin is not None}
