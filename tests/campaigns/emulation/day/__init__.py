"""The day of a kiosk: one module a step, in the order of the day. Each goes on where the one before it ended."""

from collections.abc import Callable
from functools import partial

from tests.campaigns.emulation.book import Book
from tests.campaigns.emulation.day import (
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
from tests.campaigns.emulation.kiosk import Kiosk

AT_REST = ("broker", "load", "network", "doctor", "watchdog", "upgrade", "bad-inputs", "power-cuts", "vision")
"""Steps that begin with every button let go, whichever came before them."""
CUTS = 5
"""Power cuts, unless more are asked for: each costs a start of the emulated machine."""


SHORT_CUTS, SHORT_PRESSES = 3, 300
"""Of the short form: the two cuts at moments of their own, and one at a random one."""


def steps(cuts: int, seed: int, in_a_row: int = load.PRESSES) -> dict[str, Callable[[Kiosk, Book], None]]:
    """By name; all but two of the `cuts` come at moments that are drawn from `seed`."""
    return {
        "installation": installation.play,
        "presses": presses.play,
        "faults": faults.play,
        "broker": broker.play,
        "load": partial(load.play, presses=in_a_row),
        "network": network.play,
        "doctor": doctor.play,
        "watchdog": watchdog.play,
        "upgrade": upgrade.play,
        "bad-inputs": bad_inputs.play,
        "power-cuts": partial(power_cuts.play, cuts=cuts, seed=seed),
        "vision": vision.play,  # the last, as it makes every start slower
    }


NAMES = tuple(steps(CUTS, 0))
