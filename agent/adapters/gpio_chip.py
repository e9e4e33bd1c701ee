"""Asks the kernel's GPIO character device who uses which line. Asking claims nothing and disturbs nobody."""

import fcntl
import os
import re
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from agent.core.diagnosis.pins import PinUse
from agent.core.errors import HardwareError

_CHIP_INFO = struct.Struct("=32s32sI")
"""`struct gpiochip_info` of <linux/gpio.h>: name, label, lines."""
_LINE_INFO = struct.Struct("=32s32sIIQ160s16s")
"""`struct gpio_v2_line_info`: name, consumer, offset, number of attributes, flags, attributes, padding."""
_GET_CHIP_INFO = 0x8044B401
_GET_LINE_INFO = 0xC100B405
_USED = 1
_HEADER_OF_PI_5 = "pinctrl-rp1"

Ioctl = Callable[[int, int, bytes], bytes]


class GpioChip:
    """The chip of the header, which has the agent's pins."""

    def __init__(self, devices: Path = Path("/dev"), ioctl: Ioctl = fcntl.ioctl) -> None:
        self._devices = devices
        self._ioctl = ioctl

    def path(self) -> Path:
        """Return the chip that gpiozero would choose: number 4 if that is the RP1 of a Pi 5, else number 0."""
        four = self._devices / "gpiochip4"
        with suppress(OSError):
            label = _CHIP_INFO.unpack(self._ask(four, _GET_CHIP_INFO, bytes(_CHIP_INFO.size)))[1]
            if _text(label) == _HEADER_OF_PI_5:
                return four
        return self._devices / "gpiochip0"

    def uses(self, pins: Sequence[int]) -> list[PinUse]:
        """Return who uses each of the pins. Raises PermissionError or HardwareError."""
        chip = self.path()
        found = []
        for pin in pins:
            try:
                info = _LINE_INFO.unpack(self._ask(chip, _GET_LINE_INFO, self._question(pin)))
            except FileNotFoundError as error:
                raise HardwareError(f"there is no {chip}") from error
            except PermissionError:
                raise
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise HardwareError(f"{chip} does not describe pin {pin}: {reason}") from error
            found.append(PinUse(pin, used=bool(info[4] & _USED), consumer=_text(info[1])))
        return found

    def held_by(self, pid: int, proc: Path = Path("/proc")) -> set[int]:
        """Return the pins that a process holds; none if the kernel doesn't say: before Linux 6.1, or to other users."""
        chip, pins = f"gpio-chip:\t{self.path().name}\n", set()
        with suppress(OSError):
            for info in (proc / str(pid) / "fdinfo").iterdir():
                with suppress(OSError):  # closed meanwhile
                    text = info.read_text(encoding="ascii")
                    pins |= set(re.findall(r"^gpio-line:\t(\d+)$", text, re.MULTILINE)) if chip in text else set()
        return set(map(int, pins))

    def _ask(self, chip: Path, question: int, argument: bytes) -> bytes:
        descriptor = os.open(chip, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return self._ioctl(descriptor, question, argument)
        finally:
            os.close(descriptor)

    @staticmethod
    def _question(pin: int) -> bytes:
        return _LINE_INFO.pack(b"", b"", pin, 0, 0, b"", b"")


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "replace")
