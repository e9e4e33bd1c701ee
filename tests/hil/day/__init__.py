"""The day of a kiosk: one module a step, in the order of the day. Each goes on where the one before it ended."""

from collections.abc import Callable
from functools import partial

from tests.hil.book import Book
from tests.hil.day import (
    bad_inputs,
    broker,
    doctor,
    faults,
    installation,
    load,
    network,
    power_cuts,
    presses,
    upgrade,
    vision,
    watchdog,
)
from tests.hil.kiosk import Kiosk

CUTS = 3
"""Power cuts at random moments, unless more are asked for: so many fit."""


def steps(cuts: int, seed: int) -> dict[str, Callable[[Kiosk, Book], None]]:
    """By name; `cuts` come at moments that are drawn from `seed`."""
    return {
        "installation": installation.play,
        "presses": presses.play,
        "faults": faults.play,
        "broker": broker.play,
        "load": load.play,
        "network": network.play,
        "doctor": doctor.play,
        "watchdog": watchdog.play,
        "upgrade": upgrade.play,
        "bad-inputs": bad_inputs.play,
        "power-cuts": partial(power_cuts.play, cuts=cuts, seed=seed),
        "vision": vision.play,  # the last, as it makes every start slower
    }


NAMES = tuple(steps(CUTS, 0))
