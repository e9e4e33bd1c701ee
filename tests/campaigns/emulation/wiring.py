"""What is wired to the header of the kiosk, and fingers for it: the pins of firmware_configs/base/kiosk.toml."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.campaigns.emulation import lamps
from tests.campaigns.emulation.machine import Machine
from tests.support.wait import wait_for

BUTTONS = {"police": 17, "medical": 24, "fire": 25}
SECOND_CONTACT = 5
"""Of the police button: it opens when that is pressed."""
CONDITIONS = {"door": 6, "mains": 13, "battery": 19}
LIGHTS = {"yellow": 22, "green": 27, "beacon": 23, "tone": 18}
AT_REST = (SECOND_CONTACT, *CONDITIONS.values())
"""The pins that a contact ties to ground while nothing happens."""
_HELD_MS = 150.0
_BOUNCES = 5
"""Steps of a bounce: odd, so that it ends where it shall."""
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
        self._lit_ns: int | None = None

    def press(self, button: str, held_ms: float = _HELD_MS) -> Pressed:
        """Press a button and let it go."""
        return self.press_many(button, 1, held_ms)[0]

    def press_many(self, button: str, count: int, held_ms: float, apart_ms: float = 0.0) -> list[Pressed]:
        """Press it so many times; `apart_ms` is from letting go to the next press."""
        one = [*self._close(button, apart_ms), *self._open(button, held_ms)]
        times = self.train(one * count)
        return times[:: len(one)]

    def press_and_look(self, button: str, lamp: str) -> tuple[Pressed, float]:
        """Press it and stay there; when its contact closed, and after how many ms at most `lamp` was lit.

        Raises AssertionError when it stays dark.
        """
        times = self.train(self._close(button, 0.0), lamp)
        assert self._lit_ns is not None, f"the {lamp} light stays dark"
        return times[0], (self._lit_ns - times[0].before_ns) / 1e6

    def bounce(self, button: str, *, closed: bool, pause_ms: float = 0.5) -> list[Pressed]:
        """Press it and stay there, or let it go, as a worn contact does: for some milliseconds it can't decide."""
        steps = []
        for pin, rests, _ in self._close(button, 0.0) if closed else self._open(button, 0.0):
            steps += [(pin, rests if n % 2 == 0 else not rests, pause_ms) for n in range(_BOUNCES)]
        return self.train(steps)

    def press_in_turn(
        self, buttons: Sequence[str], count: int, held_ms: float, apart_ms: float
    ) -> dict[str, list[Pressed]]:
        """Press each so many times, by turns; `apart_ms` is from letting go of one to pressing the next."""
        turn = [(name, [*self._close(name, apart_ms), *self._open(name, held_ms)]) for name in buttons]
        times = self.train([step for _, steps in turn for step in steps] * count)
        pressed: dict[str, list[Pressed]] = {}
        length, start = sum(len(steps) for _, steps in turn), 0
        for name, steps in turn:
            pressed[name] = times[start::length]
            start += len(steps)
        return pressed

    def spike(self, button: str, for_ms: float) -> list[Pressed]:
        """Interference on its cable: closed and open again, far too short for a finger."""
        return self.train([(BUTTONS[button], True, 0.0), (BUTTONS[button], False, for_ms)])

    def press_together(self, one: str, other: str, held_ms: float = _HELD_MS) -> list[Pressed]:
        """Press both and let them go; when the contact of each closed."""
        closing = [self._close(button, 0.0) for button in (one, other)]
        steps = [step for each in closing for step in each]
        opening = [*self._open(one, held_ms), *self._open(other, 0.0)]
        times = self.train([*steps, *opening])
        return [times[0], times[len(closing[0])]]

    def rewire(self) -> None:
        """The chip was away and is back: wire its pins as they are at rest."""
        self._machine.ask(30.0, do="rewire", closed=list(AT_REST))

    def cut_cable(self) -> None:
        """All wires of the police button: whatever its contacts do, the pins are open."""
        self.train([(SECOND_CONTACT, False, 0.0), (BUTTONS["police"], False, 0.0)])

    def mend_cable(self) -> None:
        """Of the police button, at rest."""
        self.train([(SECOND_CONTACT, True, 0.0)])

    def hold(self, button: str, after_ms: float = 0.0) -> Pressed:
        """Press it, so long from now, and stay there."""
        return self.train(self._close(button, after_ms))[0]

    def let_go(self, button: str) -> None:
        """End `hold`."""
        self.train(self._open(button, 0.0))

    def train(self, steps: Sequence[tuple[int, bool, float]], lamp: str | None = None) -> list[Pressed]:
        """Contacts by pin, closed or open, each so many ms after the one before; then wait until `lamp` is lit."""
        duration_s = sum(pause_ms for _, _, pause_ms in steps) / 1000
        look = None if lamp is None else LIGHTS[lamp]
        reply = self._machine.ask(30.0 + 2 * duration_s, do="contacts", train=steps, lamp=look)
        self._lit_ns = reply["lit_ns"]
        return [Pressed(*each) for each in reply["times_ns"]]

    def lit(self, light: str) -> bool:
        """Whether a light is on at this moment."""
        reply = self._machine.ask(30.0, do="levels", pins=[LIGHTS[light]])
        return bool(reply["high"][0])

    def wait_until_lit(self, light: str) -> None:
        """Wait until a light is on."""
        wait_for(lambda: self.lit(light), _LIGHT_S, f"the {light} light on")

    def wait_for_lights(self, state: str, timeout_s: float = _LIGHT_S) -> str:
        """Wait until the lamps say what they say in this state of `lamps.STATES`; returns what they did, in words."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            for_s = lamps.watch_s(state)
            reply = self._machine.ask(30.0 + 2 * for_s, do="watch", pins=list(LIGHTS.values()), for_s=for_s)
            found = lamps.patterns(list(LIGHTS), reply["seen"])
            if found == lamps.STATES[state]:
                return lamps.in_words(found)
            if time.monotonic() > deadline_s:
                raise AssertionError(f"the lamps don't say {state} within {timeout_s:g} s, but {lamps.in_words(found)}")

    @staticmethod
    def _close(button: str, pause_ms: float) -> list[tuple[int, bool, float]]:
        second = [(SECOND_CONTACT, False, 1.0)] if button == "police" else []
        return [(BUTTONS[button], True, pause_ms), *second]

    @staticmethod
    def _open(button: str, pause_ms: float) -> list[tuple[int, bool, float]]:
        second = [(SECOND_CONTACT, True, 1.0)] if button == "police" else []
        return [(BUTTONS[button], False, pause_ms), *second]
