"""Output lines through gpiozero, and the thread that makes them blink."""

import logging
import threading
import time
from contextlib import ExitStack
from typing import Any

from gpiozero import OutputDevice

from agent.contract.lamps import HALF_PERIOD_S, LightState, Pattern
from agent.core.errors import HardwareError
from agent.core.wiring import LightPins

_log = logging.getLogger(__name__)

_BEEP_S = 0.15
"""The length of a short tone, and of the pause between two."""
_LONGEST_WAIT_S = 0.5
"""Even with nothing to do, the thread shows that it lives."""
_ALL_OFF = LightState(Pattern.OFF, Pattern.OFF, Pattern.OFF, Pattern.OFF)


class _Output:
    """One line. `since` is when its pattern began: a blinking output is lit first, but an alternating green dark."""

    def __init__(self, name: str, device: Any) -> None:
        self._name = name
        self._device = device
        self._level: bool | None = None
        self._failed = False
        self.pattern = Pattern.OFF
        self.since = 0.0
        self._beeps_since = 0.0
        self._beeps = 0

    def beep(self, times: int, now: float) -> None:
        """Begin `times` short tones at `now`, in place of any that are left."""
        self._beeps_since, self._beeps = now, times

    def drive(self, now: float) -> float | None:
        """Drive the pin to the level that pattern and beeps give at `now`; return when it next changes.

        A beep inverts the level, so that it is heard within a tone too.
        """
        level, changes = self._blinking(now)
        beeps = int((now - self._beeps_since) / _BEEP_S)  # half of them are the pauses
        if beeps >= 2 * self._beeps - 1:
            self._beeps = 0
            self._write(level)
            return changes
        self._write(level is not (beeps % 2 == 0))
        ends = self._beeps_since + (beeps + 1) * _BEEP_S
        return ends if changes is None else min(ends, changes)

    def _blinking(self, now: float) -> tuple[bool, float | None]:
        """Return the level that the pattern wants, and until when."""
        half_period = HALF_PERIOD_S.get(self.pattern)
        if half_period is None:
            return self.pattern is not Pattern.OFF, None
        half_periods = int((now - self.since) / half_period)
        dark_first = self.pattern is Pattern.ALTERNATE and self._name == "green"
        return half_periods % 2 == dark_first, self.since + (half_periods + 1) * half_period

    def read(self) -> bool:
        """Whether the pin is high. Raises HardwareError."""
        try:
            return bool(self._device.value)
        except Exception as error:  # gpiozero and lgpio raise errors of unrelated types
            raise HardwareError(f"light {self._name!r} can't be read back ({error})") from error

    def _write(self, level: bool) -> None:
        if level is self._level:
            return
        try:
            self._device.value = level
        except Exception as error:  # noqa: BLE001 - a dead light must not stop the others or the alarm
            _log.log(logging.DEBUG if self._failed else logging.ERROR, "light %s: %s", self._name, error)
            self._level, self._failed = None, True
        else:
            self._level, self._failed = level, False


class GpiozeroLights:
    """The port Lights on any gpiozero pin factory.

    One thread, `lights`, toggles every blinking output. gpiozero's own `blink` would start a thread for each output,
    and `show`, which runs between a press and its alarm, would have to wait for one to stop. Call `start` first: what
    is shown before it is only remembered.
    """

    def __init__(self, pins: LightPins, pin_factory: Any) -> None:
        self._pins = pins
        self._pin_factory = pin_factory
        self._claims = ExitStack()
        self._changed = threading.Condition()
        self._outputs: dict[str, _Output] = {}
        self._state = _ALL_OFF
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._turns = 0

    def start(self) -> None:
        """Claim the lines, dark, and start the thread. Raises HardwareError that names the lines that can't be claimed;
        the others work."""
        lost: list[HardwareError] = []
        outputs = {}
        with ExitStack() as claims:
            for name, pin in self._pins.wired().items():
                try:
                    device = OutputDevice(pin, pin_factory=self._pin_factory)
                except Exception as error:  # noqa: BLE001 - gpiozero and lgpio raise errors of unrelated types
                    lost.append(HardwareError(f"light {name!r}: pin {pin} can't be used ({error})"))
                    continue
                claims.callback(device.close)
                outputs[name] = _Output(name, device)
            self._claims = claims.pop_all()
        with self._changed:
            self._outputs = outputs
            self._stopping = False
            self._apply(self._state)
        self._thread = threading.Thread(target=self._blink, name="lights", daemon=True)
        self._thread.start()
        if lost:
            advice = "see what holds it with gpioinfo, or give the light another pin in the settings"
            raise HardwareError(f"{'; '.join(map(str, lost))}: {advice}") from lost[0]

    def show(self, state: LightState) -> None:
        """Drive the outputs whose pattern changes, at once; the others keep their rhythm."""
        with self._changed:
            if not self._stopping:
                self._state = state
                self._apply(state)

    def beep(self, times: int) -> None:
        """Give short tones, if there is a sounder and the settings want them; see the port."""
        with self._changed:
            tone = self._outputs.get("tone") if self._pins.press_tones else None
            if tone is not None:
                now = time.monotonic()
                tone.beep(times, now)
                tone.drive(now)
                self._changed.notify()

    def shown(self) -> LightState:
        """The state that was last given to `show`."""
        return self._state

    def levels(self) -> dict[str, bool]:
        """Whether each output is lit now; see the port."""
        with self._changed:
            return {name: output.read() for name, output in self._outputs.items()}

    def pulse(self) -> int | None:
        """Return a number that rises while the thread lives; None without one. Any thread."""
        return None if self._thread is None else self._turns

    def close(self) -> None:
        """Switch everything off and release the lines. Safe to call twice."""
        with self._changed:
            self._apply(_ALL_OFF)
            self._state = _ALL_OFF
            self._stopping = True
            self._outputs = {}
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._claims.close()

    def _apply(self, state: LightState) -> None:
        """Set the outputs whose pattern differs, and wake the thread for them. The caller holds the lock."""
        now = time.monotonic()
        for name, output in self._outputs.items():
            pattern: Pattern = getattr(state, name)
            if pattern is not output.pattern:
                output.pattern, output.since = pattern, now
                output.drive(now)
                self._changed.notify()

    def _blink(self) -> None:
        with self._changed:
            while not self._stopping:
                self._changed.wait(self._drive_all())
                self._turns += 1

    def _drive_all(self) -> float:
        """Drive every pin to its level of now; return for how many seconds nothing needs to change."""
        now = time.monotonic()
        due = [at for output in self._outputs.values() if (at := output.drive(now)) is not None]
        return min([_LONGEST_WAIT_S, *(at - now for at in due)])
