"""The far end of simulated pins: a finger on each button, and an eye on each light."""

import threading
from collections.abc import Collection
from typing import Protocol

from agent.contract.lamps import LightState, Pattern
from agent.core.wiring import InputLine, LightPins, SirenPin
from agent.ports import Clock, Lights
from agent.sim.contacts import SimContacts

FAULT = "fault"
NOT_WIRED = "not-wired"
_LIT = {Pattern.ON, Pattern.STEADY}
_ATTEMPTS = 6


class MockPin(Protocol):
    """What gpiozero's mock pins offer beyond a real pin."""

    @property
    def state(self) -> bool:
        """Whether the pin is high."""
        ...

    def drive_high(self) -> None:
        """Connect it to the supply; runs the pin's callback."""
        ...

    def drive_low(self) -> None:
        """Connect it to ground; runs the pin's callback."""
        ...


class MockPins(Protocol):
    """gpiozero's mock pin factory."""

    def pin(self, name: int) -> MockPin:
        """Return the pin with this BCM number."""
        ...


class SimPins:
    """Drives the inputs of a simulated kiosk and reads its outputs. One thread."""

    def __init__(
        self,
        contacts: SimContacts,
        lights: LightPins,
        factory: MockPins,
        clock: Clock,
        conditions: Collection[str] = (),
        siren: SirenPin | None = None,
    ) -> None:
        """`conditions` are the inputs that are not buttons."""
        self._contacts = contacts
        self._lights = lights.wired()
        self._siren = siren
        self._factory = factory
        self._clock = clock
        self._conditions = frozenset(conditions)
        self._pause = threading.Event()

    @property
    def names(self) -> list[str]:
        """The names of all inputs."""
        return list(dict.fromkeys(line.name for line in self._contacts.lines))

    def set(self, name: str, active: bool, *, lasting: bool = False) -> int:
        """Press or release an input; return CLOCK_BOOTTIME in ns just before its last pin was driven.

        The agent's own handling of the edge has run when this returns. With `lasting`, the state survives a restart of
        the agent. Raises KeyError for an unknown name.
        """
        if name not in self.names:
            raise KeyError(name)
        self._contacts.press(name, active=active)
        if lasting:
            self._contacts.keep()
        return self._drive(name)

    def break_line(self, name: str, *, normally_closed: bool, closed: bool) -> None:
        """Break one line of the input: from now on it is closed or open."""
        for line in self._contacts.of(name):
            if line.normally_closed is normally_closed:
                self._contacts.breaks(line, closed=closed)
        self._contacts.keep()
        self._drive(name)

    def mend(self, name: str) -> None:
        """Repair the input and leave it at rest."""
        self._contacts.mend(name)
        self._contacts.keep()
        self._drive(name)

    def has_line(self, name: str, *, normally_closed: bool) -> bool:
        """Whether the input has a line of that kind."""
        return any(line.normally_closed is normally_closed for line in self._contacts.of(name))

    def is_condition(self, name: str) -> bool:
        """Whether this input is a condition and not a button."""
        return name in self._conditions

    def is_active(self, name: str) -> bool:
        """Whether an input is pressed now. Raises KeyError."""
        if name not in self.names:
            raise KeyError(name)
        return self._contacts.is_pressed(name)

    def inputs(self) -> dict[str, str]:
        """Return each input's state: pressed or released; for a condition active or inactive."""
        words = {False: ("released", "pressed"), True: ("inactive", "active")}
        return {name: words[self.is_condition(name)][self.is_active(name)] for name in self.names}

    def _drive(self, name: str) -> int:
        # As in a changeover contact: the closed line opens before the open one closes.
        driven_ns = 0
        for line in sorted(self._contacts.of(name), key=self._closes):
            high = self._contacts.is_high(line)
            pin = self._factory.pin(line.pin)
            driven_ns = self._clock.boottime_ns()
            (pin.drive_high if high else pin.drive_low)()
        return driven_ns

    def _closes(self, line: InputLine) -> bool:
        return self._contacts.is_high(line) is not line.pull_up

    def outputs(self, shown: LightState) -> dict[str, str]:
        """Return each output's shown pattern, or `fault` if its pin says otherwise.

        A blinking output is not compared; one without a pin is `not-wired`. A siren is reported as its pin says.
        """
        patterns = {name: Pattern(value) for name, value in shown.as_dict().items()}
        outputs = {name: self._output(name, pattern) for name, pattern in patterns.items()}
        if self._siren is not None:
            sounds = self._factory.pin(self._siren.pin).state is self._siren.active_high
            outputs["siren"] = Pattern.ON if sounds else Pattern.OFF
        return outputs

    def _output(self, name: str, pattern: Pattern) -> str:
        if name not in self._lights:
            return NOT_WIRED
        pin = self._factory.pin(self._lights[name])
        if pattern is Pattern.OFF or pattern in _LIT:
            expected = pattern in _LIT
            return pattern if pin.state == expected else FAULT
        return pattern

    def read(self, lights: Lights) -> dict[str, str]:
        """Return `outputs` for what the lights show now. Retries after a fault: the lights may just be changing."""
        for _ in range(_ATTEMPTS):
            outputs = self.outputs(lights.shown())
            if FAULT not in outputs.values():
                break
            self._pause.wait(0.01)
        return outputs
