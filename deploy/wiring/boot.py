"""What config.txt and cmdline.txt do to the pins before the agent runs."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from deploy.wiring.header import Board

LONGEST_LINE = 98
"""The firmware ignores the rest of a line."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Pins that something else than the settings uses."""

    pins: tuple[int, ...]
    user: str
    place: str


@dataclass(frozen=True, slots=True)
class PinAtBoot:
    """What `gpio=` lines say of one pin; None where they say nothing."""

    place: str
    output: bool | None = None
    high: bool | None = None
    pull: str | None = None


@dataclass(slots=True)
class Boot:
    """All that was read."""

    claims: list[Claim] = field(default_factory=list)
    pins: dict[int, PinAtBoot] = field(default_factory=dict)
    mistakes: list[str] = field(default_factory=list)


_UART = "the serial port, or a modem on it"
_SPI1 = (18, 19, 20, 21)
_PARAMETERS = {
    "i2c": ((2, 3), "I2C"),
    "i2c_arm": ((2, 3), "I2C"),
    "i2c1": ((2, 3), "I2C"),
    "i2c0": ((0, 1), "I2C of the EEPROM"),
    "i2c_vc": ((0, 1), "I2C of the EEPROM"),
    "spi": ((7, 8, 9, 10, 11), "SPI"),
    "i2s": ((18, 19, 20, 21), "I2S sound"),
    "uart0": ((14, 15), _UART),
}
_NO_PINS = {
    "audio", "watchdog", "strict_gpiod", "rtc", "rtc_bbat_vchg", "cooling_fan", "act_led_trigger", "pwr_led_trigger",
    "pciex1", "nvme", "fan_temp0", "fan_temp1", "fan_temp2", "fan_temp3",
}  # fmt: skip
_OVERLAYS: dict[str, tuple[tuple[int, ...], str]] = {
    "disable-wifi": ((), ""), "disable-wifi-pi5": ((), ""), "disable-bt-pi5": ((), ""),
    "vc4-kms-v3d": ((), ""), "vc4-fkms-v3d": ((), ""), "dwc2": ((), ""), "imx708": ((), ""), "imx219": ((), ""),
    "ov5647": ((), ""), "imx477": ((), ""),
    "disable-bt": ((14, 15), _UART), "miniuart-bt": ((14, 15), _UART), "uart0": ((14, 15), _UART),
    "i2c-rtc": ((2, 3), "the clock on I2C"), "i2c1": ((2, 3), "I2C"), "i2c0": ((0, 1), "I2C of the EEPROM"),
    "w1-gpio": ((4,), "1-wire"), "gpio-ir": ((18,), "infrared"), "gpio-shutdown": ((3,), "the power button"),
    "gpio-poweroff": ((26,), "power-off"), "gpio-fan": ((12,), "the fan"),
    "pwm": ((18,), "PWM"), "pwm-2chan": ((18, 19), "PWM"), "hifiberry-dac": ((18, 19, 20, 21), "I2S sound"),
    "spi0-1cs": ((8, 9, 10, 11), "SPI"), "spi0-2cs": ((7, 8, 9, 10, 11), "SPI"),
    "spi1-1cs": (_SPI1, "SPI"), "spi1-2cs": ((17, *_SPI1), "SPI"), "spi1-3cs": ((16, 17, *_SPI1), "SPI"),
}  # fmt: skip
_UARTS = {"uart2": (0, 1), "uart3": (4, 5), "uart4": (8, 9), "uart5": (12, 13)}
_UARTS_PI5 = {"uart1": (0, 1), "uart2": (4, 5), "uart3": (8, 9), "uart4": (12, 13)}
_PIN_PARAMETERS = {"gpiopin", "gpio_pin", "pin", "pin2"}


def read_boot(config: str, command_line: str, board: Board) -> Boot:
    """Both files, as `board` reads them."""
    boot = Boot()
    active = True
    for number, raw in enumerate(config.splitlines(), start=1):
        line, place = raw.strip(), f"config.txt:{number}"
        if section := re.fullmatch(r"\[(.+)\]", line):
            active = section[1] in board.filters or not re.match(r"pi\d|none$", section[1])
        elif active and line and not line.startswith("#"):
            if len(line) > LONGEST_LINE:
                boot.mistakes.append(f"{place}: longer than {LONGEST_LINE} characters: the rest is ignored")
            _read_line(line, place, board, boot)
    if console := re.search(r"console=(serial0|ttyS0|ttyAMA0)\S*", command_line):
        boot.claims.append(Claim((14, 15), "the console on the serial port", f"cmdline.txt: {console[0]}"))
    return boot


def _read_line(line: str, place: str, board: Board, boot: Boot) -> None:
    key, _, value = line.partition("=")
    if key == "gpio":
        _read_gpio(value, place, boot)
    elif key == "enable_uart" and value != "0":
        boot.claims.append(Claim((14, 15), _UART, place))
    elif key == "dtparam":
        for name, _, state in (part.partition("=") for part in value.split(",")):
            if name in _PARAMETERS and state not in {"off", "no", "false", "0"}:
                boot.claims.append(Claim(*_PARAMETERS[name], place))
            elif name not in _PARAMETERS and name not in _NO_PINS:
                boot.mistakes.append(f"{place}: which pins does dtparam={name} take?")
    elif key == "dtoverlay":
        name, *parts = value.split(",")
        parameters = dict(part.partition("=")[::2] for part in parts)
        boot.claims += _overlay(name, parameters, place, board, boot)


def _overlay(name: str, parameters: Mapping[str, str], place: str, board: Board, boot: Boot) -> Iterator[Claim]:
    uarts = _UARTS_PI5 if "pi5" in board.filters else _UARTS
    if name.removesuffix("-pi5") in uarts:
        yield Claim(uarts[name.removesuffix("-pi5")], _UART, place)
    elif name == "audremap":
        yield Claim((18, 19) if "pins_18_19" in parameters else (12, 13), "sound by PWM", place)
    elif name in _OVERLAYS:
        pins, user = _OVERLAYS[name]
        if given := tuple(int(parameters[each]) for each in sorted(_PIN_PARAMETERS & set(parameters))):
            pins = given
        if pins:
            yield Claim(pins, user, place)
    else:
        boot.mistakes.append(f"{place}: which pins does dtoverlay={name} take?")


def _read_gpio(value: str, place: str, boot: Boot) -> None:
    numbers, _, actions = value.partition("=")
    pins: list[int] = []
    for part in numbers.split(","):
        first, _, last = part.partition("-")
        if not first.isdigit() or (last and not last.isdigit()):
            boot.mistakes.append(f"{place}: {part!r} is no pin")
            return
        pins += range(int(first), int(last or first) + 1)
    for pin in pins:
        state = boot.pins.get(pin, PinAtBoot(place))
        for action in actions.split(","):
            if action in {"ip", "op"}:
                state = replace(state, output=action == "op")
            elif action in {"dh", "dl"}:
                state = replace(state, high=action == "dh")
            elif action in {"pu", "pd", "pn", "np"}:
                state = replace(state, pull=action)
            else:
                boot.mistakes.append(f"{place}: GPIO{pin} is given the function {action!r}")
        boot.pins[pin] = replace(state, place=place)
