"""The pin factory: real pins on a Pi, mock pins elsewhere. Never gpiozero's global one."""

import os
from typing import Any

from gpiozero import PinUnknownPi
from gpiozero.pins.mock import MockFactory

from agent.core.errors import HardwareError


def open_pin_factory(simulate: bool) -> Any:
    """A gpiozero pin factory: mock pins with `simulate`, else the kernel's character device through lgpio.

    The caller closes it. Raises HardwareError that says what to install or which group is missing.
    """
    if simulate:
        # Given here and not left to gpiozero, whose defaults come from environment variables. A Pi 4B.
        return MockFactory(revision="c03115", pin_class="mockpin")
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
    try:
        return LGPIOFactory()
    except PinUnknownPi as error:
        raise HardwareError("this machine is no Raspberry Pi: use --simulate") from error
    except lgpio.error as error:
        user = f"user id {os.geteuid()}"
        raise HardwareError(
            f"the GPIO chip can't be opened ({error}): add {user} to the group gpio that owns /dev/gpiochip*"
        ) from error
