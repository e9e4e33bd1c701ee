import errno
import os
import struct
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.adapters.gpio_chip import GpioChip
from agent.core.diagnosis.pins import PinUse
from agent.core.errors import HardwareError

GET_CHIP_INFO, GET_LINE_INFO = 0x8044B401, 0xC100B405
CONSUMER_AT, OFFSET_AT, FLAGS_AT = 32, 64, 72


@dataclass
class Kernel:
    """Stands for the ioctl calls of <linux/gpio.h>, byte for byte."""

    label: bytes = b"pinctrl-bcm2711"
    lines: int = 28
    consumers: dict[int, bytes] = field(default_factory=dict)

    def __call__(self, descriptor: int, question: int, argument: bytes) -> bytes:
        if question == GET_CHIP_INFO:
            assert len(argument) == 68
            return struct.pack("32s32sI", b"gpiochip0", self.label, self.lines)
        assert question == GET_LINE_INFO
        assert len(argument) == 256
        (offset,) = struct.unpack_from("I", argument, OFFSET_AT)
        if offset >= self.lines:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        answer = bytearray(argument)
        if offset in self.consumers:
            struct.pack_into("32s", answer, CONSUMER_AT, self.consumers[offset])
            struct.pack_into("Q", answer, FLAGS_AT, 1 | 4)
        return bytes(answer)


def chip_with(tmp_path: Path, kernel: Kernel, *numbers: int) -> GpioChip:
    for number in numbers:
        (tmp_path / f"gpiochip{number}").touch()
    return GpioChip(tmp_path, kernel)


def test_the_kernel_tells_who_uses_a_pin(tmp_path: Path) -> None:
    chip = chip_with(tmp_path, Kernel(consumers={8: b"spi0 CS0", 9: b""}), 0)
    assert chip.uses([7, 8, 9]) == [PinUse(7, False), PinUse(8, True, "spi0 CS0"), PinUse(9, True, "")]


def test_the_kernel_tells_which_pins_a_process_holds(tmp_path: Path) -> None:
    fdinfo = tmp_path / "proc/812/fdinfo"
    fdinfo.mkdir(parents=True)
    (fdinfo / "3").write_text("pos:\t0\nflags:\t02\n")
    (fdinfo / "4").write_text("pos:\t0\ngpio-chip:\tgpiochip0\ngpio-line:\t17\ngpio-line:\t27\n")
    (fdinfo / "5").write_text("pos:\t0\ngpio-chip:\tgpiochip0\ngpio-line:\t22\n")
    (fdinfo / "6").write_text("pos:\t0\ngpio-chip:\tgpiochip1\ngpio-line:\t4\n")
    chip = chip_with(tmp_path, Kernel(), 0)
    assert chip.held_by(812, tmp_path / "proc") == {17, 22, 27}
    assert chip.held_by(813, tmp_path / "proc") == set()


@pytest.mark.parametrize(
    ("label", "numbers", "name"),
    [
        (b"pinctrl-bcm2711", [0], "gpiochip0"),
        (b"pinctrl-rp1", [0, 4], "gpiochip4"),
        (b"pinctrl-rp1", [0], "gpiochip0"),
        (b"raspberrypi-exp-gpio", [0, 4], "gpiochip0"),
    ],
)
def test_the_chip_is_the_one_that_gpiozero_takes(tmp_path: Path, label: bytes, numbers: list[int], name: str) -> None:
    assert chip_with(tmp_path, Kernel(label), *numbers).path() == tmp_path / name


def test_a_chip_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(HardwareError, match=r"there is no \S+gpiochip0"):
        chip_with(tmp_path, Kernel()).uses([17])


def test_what_is_no_chip_is_named(tmp_path: Path) -> None:
    (tmp_path / "gpiochip0").touch()
    with pytest.raises(HardwareError, match="does not describe pin 17: inappropriate ioctl"):
        GpioChip(tmp_path).uses([17])


def test_a_pin_that_the_chip_has_not_is_named(tmp_path: Path) -> None:
    with pytest.raises(HardwareError, match="does not describe pin 40: invalid argument"):
        chip_with(tmp_path, Kernel(), 0).uses([40])
