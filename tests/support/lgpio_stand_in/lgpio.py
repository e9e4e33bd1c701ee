"""Stands for the library lgpio in a process of its own, below gpiozero's real LGPIOFactory.

The directory `LGPIO_STAND_IN` is the chip: `busy` has the pins that another driver holds, a word each; what is driven
is in `out-PIN`; a line `PIN LEVEL` into the pipe `edges` is an edge. Without `busy` there is no chip.
"""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gpiozero.pins import local

SET_PULL_NONE, SET_PULL_UP, SET_PULL_DOWN = 128, 32, 64
RISING_EDGE, FALLING_EDGE, BOTH_EDGES = 1, 2, 3
_OUTPUT = 2

_chip = Path(os.environ["LGPIO_STAND_IN"])
_levels: dict[int, int] = {}
_modes: dict[int, int] = {}
_callbacks: dict[int, Callable[[int, int, int, int], None]] = {}

local.get_pi_revision = lambda: 0xC03115  # a Pi 4B


class error(Exception):  # noqa: N801, N818 - the library's own name
    """What the library raises."""


def gpiochip_open(chip: int) -> int:
    if not (_chip / "busy").exists():
        raise error("can not open gpiochip")
    threading.Thread(target=_listen, daemon=True).start()
    return chip


def gpiochip_close(handle: int) -> None:
    _modes.clear()


def gpio_claim_input(handle: int, pin: int, flags: int = 0) -> None:
    _claim(pin, flags)


def gpio_claim_output(handle: int, pin: int, level: int = 0, flags: int = 0) -> None:
    _claim(pin, _OUTPUT)
    gpio_write(handle, pin, level)


def gpio_claim_alert(handle: int, pin: int, edges: int, flags: int = 0) -> None:
    _claim(pin, flags)


def gpio_free(handle: int, pin: int) -> None:
    _modes.pop(pin, None)


def gpio_get_mode(handle: int, pin: int) -> int:
    return _modes.get(pin, 0)


def gpio_read(handle: int, pin: int) -> int:
    return _levels.get(pin, 1)


def gpio_write(handle: int, pin: int, level: int) -> None:
    _levels[pin] = int(level)
    (_chip / f"out-{pin}").write_text(str(int(level)))


class callback:  # noqa: N801 - the library's own name
    """Calls `func` at each edge until it is cancelled."""

    def __init__(self, handle: int, pin: int, edges: int, func: Callable[[int, int, int, int], Any]) -> None:
        self._pin = pin
        _callbacks[pin] = func

    def cancel(self) -> None:
        _callbacks.pop(self._pin, None)


def _claim(pin: int, mode: int) -> None:
    if str(pin) in (_chip / "busy").read_text().split():
        raise error("GPIO busy")
    _modes[pin] = mode


def _listen() -> None:
    while True:
        with (_chip / "edges").open() as edges:
            for line in edges:
                pin, level = map(int, line.split())
                _levels[pin] = level
                if pin in _callbacks:
                    _callbacks[pin](0, pin, level, time.monotonic_ns())
