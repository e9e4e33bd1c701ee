"""The siren's output line through gpiozero."""

from contextlib import suppress
from typing import Any

from gpiozero import OutputDevice

from agent.core.errors import HardwareError
from agent.core.wiring import SirenPin


class GpiozeroSiren:
    """The port Siren on any gpiozero pin factory. It has a line of its own, so a light's fault can't disable it."""

    def __init__(self, line: SirenPin, pin_factory: Any) -> None:
        self._line = line
        self._pin_factory = pin_factory
        self._device: Any = None

    def sound(self, on: bool) -> None:
        """See the port."""
        if self._device is None:
            self._device = self._claim()
        try:
            self._device.value = on
        except Exception as error:  # gpiozero and lgpio raise errors of unrelated types
            raise HardwareError(f"the siren's pin {self._line.pin} can't be driven ({error})") from error

    def is_on(self) -> bool:
        """See the port."""
        if self._device is None:
            raise HardwareError("the siren has no pin")
        try:
            return bool(self._device.value)
        except Exception as error:  # gpiozero and lgpio raise errors of unrelated types
            raise HardwareError(f"the siren's pin {self._line.pin} can't be read back ({error})") from error

    def close(self) -> None:
        """See the port."""
        device, self._device = self._device, None
        if device is not None:
            with suppress(Exception):  # closing releases the line in any case
                device.off()
            device.close()

    def _claim(self) -> Any:
        try:
            return OutputDevice(
                self._line.pin, active_high=self._line.active_high, initial_value=False, pin_factory=self._pin_factory
            )
        except Exception as error:  # gpiozero and lgpio raise errors of unrelated types
            raise HardwareError(
                f"the siren's pin {self._line.pin} can't be used ({error}); "
                "see what holds it with gpioinfo, or give the siren another pin in the settings"
            ) from error
