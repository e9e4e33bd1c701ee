"""The far end of simulated pins: a finger on each button, and an eye on each light."""

import threading
from collections.abc import Sequence
from typing import Protocol

from agent.core.inputs import InputLine, LightPins
from agent.core.lights import LightState, Pattern
from agent.ports import Clock

FAULT = "fault"
NOT_WIRED = "not-wired"
_LIT = {Pattern.ON, Pattern.STEADY}
_LOOKS = 6


class MockPin(Protocol):
    """What gpiozero's mock pins offer beyond a real pin."""

    @property
    def state(self) -> bool:
        """Whether the pin is high."""
        ...

    def drive_high(self) -> None:
        """Connect it to the supply; the pin's callback runs in here."""
        ...

    def drive_low(self) -> None:
        """Connect it to ground; the pin's callback runs in here."""
        ...


class MockPins(Protocol):
    """gpiozero's mock pin factory."""

    def pin(self, name: int) -> MockPin:
        """The pin with this BCM number."""
        ...


class SimPins:
    """Drives the inputs of a simulated kiosk and reads its outputs. One thread."""

    def __init__(self, lines: Sequence[InputLine], lights: LightPins, factory: MockPins, clock: Clock) -> None:
        self._lines = {line.name: line for line in lines}
        self._lights = lights.wired()
        self._factory = factory
        self._clock = clock
        self._pause = threading.Event()

    @property
    def names(self) -> list[str]:
        """The inputs there are."""
        return list(self._lines)

    def set(self, name: str, active: bool) -> int:
        """Press or release an input; returns CLOCK_BOOTTIME in ns just before the pin was driven.

        The agent's own handling of the edge has run when this returns. Raises KeyError for an unknown name.
        """
        line = self._lines[name]
        pin = self._factory.pin(line.pin)
        drive = pin.drive_low if active == line.pull_up else pin.drive_high
        driven_ns = self._clock.boottime_ns()
        drive()
        return driven_ns

    def is_active(self, name: str) -> bool:
        """Whether an input is pressed now. Raises KeyError."""
        line = self._lines[name]
        return self._factory.pin(line.pin).state != line.pull_up

    def inputs(self) -> dict[str, str]:
        """Every input: pressed or released."""
        return {name: "pressed" if self.is_active(name) else "released" for name in self._lines}

    def outputs(self, shown: LightState) -> dict[str, str]:
        """Every output: the pattern that is shown, or `fault` where its pin says otherwise.

        A blinking output is not compared; one without a pin is `not-wired`.
        """
        patterns = {name: Pattern(value) for name, value in shown.as_dict().items()}
        return {name: self._output(name, pattern) for name, pattern in patterns.items()}

    def _output(self, name: str, pattern: Pattern) -> str:
        if name not in self._lights:
            return NOT_WIRED
        pin = self._factory.pin(self._lights[name])
        if pattern is Pattern.OFF or pattern in _LIT:
            expected = pattern in _LIT
            return pattern if pin.state == expected else FAULT
        return pattern

    def read(self, lights: "ShownLights") -> dict[str, str]:
        """`outputs` of what the lights show now. A fault is looked at again: the lights may be changing."""
        for _ in range(_LOOKS):
            outputs = self.outputs(lights.shown())
            if FAULT not in outputs.values():
                break
            self._pause.wait(0.01)
        return outputs


class ShownLights(Protocol):
    """The part of the port Lights that is read here."""

    def shown(self) -> LightState:
        """The state that was last driven."""
        ...
