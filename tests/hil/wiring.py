"""What is wired to the header of the kiosk, and fingers for it: the pins of firmware_configs/base/kiosk.toml."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.hil.machine import Machine
from tests.support.wait import wait_for

BUTTONS = {"police": 17, "medical": 24, "fire": 25}
SECOND_CONTACT = 5
"""Of the police button: it opens when that is pressed."""
CONDITIONS = {"door": 6, "mains": 13, "battery": 19}
LIGHTS = {"yellow": 22, "green": 27, "beacon": 23, "tone": 18}
AT_REST = (SECOND_CONTACT, *CONDITIONS.values())
"""The pins that a contact ties to ground while nothing happens."""
_HELD_MS = 150.0
_LIGHT_S = 10.0


@dataclass(frozen=True, slots=True)
class Pressed:
    """When a contact closed: CLOCK_BOOTTIME of the machine in ns, before and after the kernel was told."""

    before_ns: int
    after_ns: int


class Wiring:
    """Contacts and lamps of a running machine. Main thread."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def press(self, button: str, held_ms: float = _HELD_MS) -> Pressed:
        """Press a button and let it go."""
        return self.press_many(button, 1, held_ms)[0]

    def press_many(self, button: str, count: int, held_ms: float, apart_ms: float = 0.0) -> list[Pressed]:
        """Press it so many times; `apart_ms` is from letting go to the next press."""
        one = [*self._close(button, apart_ms), *self._open(button, held_ms)]
        times = self.train(one * count)
        return times[:: len(one)]

    def hold(self, button: str) -> Pressed:
        """Press it and stay there."""
        return self.train(self._close(button, 0.0))[0]

    def let_go(self, button: str) -> None:
        """End `hold`."""
        self.train(self._open(button, 0.0))

    def train(self, steps: Sequence[tuple[int, bool, float]]) -> list[Pressed]:
        """Contacts by pin, closed or open, each so many ms after the one before."""
        duration_s = sum(pause_ms for _, _, pause_ms in steps) / 1000
        reply = self._machine.ask(30.0 + 2 * duration_s, do="contacts", train=steps)
        return [Pressed(*each) for each in reply["times_ns"]]

    def lit(self, light: str) -> bool:
        """Whether a light is on at this moment."""
        reply = self._machine.ask(30.0, do="levels", pins=[LIGHTS[light]])
        return bool(reply["high"][0])

    def wait_until_lit(self, light: str, *, lit: bool = True, timeout_s: float = _LIGHT_S) -> None:
        """Wait until a light is on, or off."""
        wait_for(lambda: self.lit(light) is lit, timeout_s, f"the {light} light {'on' if lit else 'off'}")

    @staticmethod
    def _close(button: str, pause_ms: float) -> list[tuple[int, bool, float]]:
        second = [(SECOND_CONTACT, False, 1.0)] if button == "police" else []
        return [(BUTTONS[button], True, pause_ms), *second]

    @staticmethod
    def _open(button: str, pause_ms: float) -> list[tuple[int, bool, float]]:
        second = [(SECOND_CONTACT, True, 1.0)] if button == "police" else []
        return [(BUTTONS[button], False, pause_ms), *second]
