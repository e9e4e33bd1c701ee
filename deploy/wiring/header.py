"""The 40-pin header, the same on every board since the Pi 2, and the boards that the profiles are for."""

from dataclasses import dataclass

_ROWS = """
3V3 5V  GPIO2 5V  GPIO3 GND  GPIO4 GPIO14  GND GPIO15  GPIO17 GPIO18  GPIO27 GND  GPIO22 GPIO23  3V3 GPIO24
GPIO10 GND  GPIO9 GPIO25  GPIO11 GPIO8  GND GPIO7  GPIO0 GPIO1  GPIO5 GND  GPIO6 GPIO12  GPIO13 GND
GPIO19 GPIO16  GPIO26 GPIO20  GND GPIO21
"""
HEADER = dict(enumerate(_ROWS.split(), start=1))
"""What each pin of the header is, by the number printed on drawings: odd ones in one row, even ones in the other."""
PHYSICAL = {int(name[4:]): number for number, name in HEADER.items() if name.startswith("GPIO")}
"""The pin of the header of each BCM number."""
GROUNDS = tuple(number for number, name in HEADER.items() if name == "GND")
EEPROM = frozenset({0, 1})
"""Reserved: the firmware looks there for the EEPROM of an add-on board."""
PULLED_UP_AT_RESET = frozenset(range(9))
"""From power-on until something else is said these have a pull-up, and the others a pull-down."""


def nearest_ground(pin: int) -> int:
    """The nearest ground in the same row of a pin of the header, so that no wire crosses to the other side."""
    row = [ground for ground in GROUNDS if ground % 2 == pin % 2]
    return min(row, key=lambda ground: (abs(ground - pin), ground))


@dataclass(frozen=True, slots=True)
class Board:
    """What differs from board to board."""

    name: str
    filters: frozenset[str]
    """The sections of config.txt that it reads."""
    csi: str
    """Its sockets for camera cables."""
    supply: str
    socket: str
    """Where the supply goes in."""
    network: tuple[str, str]
    """Its socket, and what leads there."""


BOARDS = {
    "zero2w": Board(
        "Raspberry Pi Zero 2 W",
        frozenset({"all", "pi02", "pi3"}),
        "22-pin CSI",
        "5.1 V, 2.5 A",
        "micro-USB, PWR IN",
        ("Wi-Fi", "2.4 GHz; or a modem, or an adapter, on USB"),
    ),
    "pi4": Board(
        "Raspberry Pi 4",
        frozenset({"all", "pi4"}),
        "15-pin CSI",
        "5.1 V, 3 A",
        "USB-C",
        ("Ethernet", "Cat 5e or better; or a modem on USB"),
    ),
    "pi5": Board(
        "Raspberry Pi 5",
        frozenset({"all", "pi5"}),
        "22-pin CAM/DISP",
        "5.1 V, 5 A",
        "USB-C",
        ("Ethernet", "Cat 5e or better; or a modem on USB"),
    ),
}


def board_of(profile: str) -> Board:
    """The board of a profile, whose name ends with it."""
    return BOARDS[profile.rpartition("-")[2]]
