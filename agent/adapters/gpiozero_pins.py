"""The pin factory: real pins on a Pi, mock pins elsewhere. Never gpiozero's global one."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gpiozero import PinUnknownPi
from gpiozero.pins.mock import MockFactory, MockPin

from agent.core.errors import HardwareError

_DEVICES = Path("/dev")
_UDEV_S = 5.0
"""At power-on the agent may be faster than udev, which gives the chip to its group."""
_POLL_S = 0.05


class HeldPin(MockPin):  # type: ignore[misc]
    """A mock pin that a contact holds high or low from the start, whatever its pull."""

    def __init__(self, factory: Any, info: Any, *, high: bool) -> None:
        super().__init__(factory, info)
        self._held_high = high

    def _set_pull(self, value: str) -> None:
        super()._set_pull(value)
        if self._held_high:
            self.drive_high()
        else:
            self.drive_low()


def open_pin_factory(simulated: Mapping[int, bool] | None, *, patience_s: float = _UDEV_S) -> Any:
    """Open a gpiozero pin factory: the kernel's character device through lgpio, or mock pins if `simulated` is given.

    `simulated` says which pins are high or low from the start; the others follow their pull. The caller closes the
    factory. If a chip is there but can't be opened, it tries again for `patience_s`. Raises HardwareError that says
    what to install or which group is missing.
    """
    if simulated is not None:
        # A Pi 4B. Given here because gpiozero's defaults come from environment variables.
        factory = MockFactory(revision="c03115", pin_class="mockpin")
        for pin, high in simulated.items():
            factory.pin(pin, pin_class=HeldPin, high=high)
        return factory
    try:
        # Importing lgpio makes a FIFO in the working directory, so it happens only where pins are wanted.
        import lgpio  # noqa: PLC0415
        from gpiozero.pins.lgpio import LGPIOFactory  # noqa: PLC0415
    except ImportError as error:
        raise HardwareError(
            "lgpio is not installed, so no pin can be reached: install python3-lgpio, or use --simulate"
        ) from error
    except OSError as error:
        raise HardwareError(
            f"lgpio can't be loaded: {error}; start in a directory that can be written, or set LG_WD"
        ) from error
    deadline_s = time.monotonic() + patience_s
    while True:
        try:
            return LGPIOFactory()
        except PinUnknownPi as error:
            raise HardwareError("this machine is not a Raspberry Pi: use --simulate") from error
        except lgpio.error as error:
            if not any(_DEVICES.glob("gpiochip*")):
                raise HardwareError("there is no GPIO chip, no /dev/gpiochip*: see `dmesg`") from error
            if time.monotonic() >= deadline_s:
                user = f"user id {os.geteuid()}"
                raise HardwareError(
                    f"the GPIO chip can't be opened ({error}): add {user} to the group gpio that owns /dev/gpiochip*"
                ) from error
        time.sleep(_POLL_S)
