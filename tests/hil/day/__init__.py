"""The day of a kiosk: one module a step, in the order of the day. Each goes on where the one before it ended."""

from collections.abc import Callable

from tests.hil.book import Book
from tests.hil.day import broker, doctor, faults, installation, load, network, presses, vision, watchdog
from tests.hil.kiosk import Kiosk

AT_REST = ("broker", "load", "network", "doctor", "watchdog", "vision")
"""Steps that begin with every button let go, whichever came before them."""
STEPS: dict[str, Callable[[Kiosk, Book], None]] = {
    "installation": installation.play,
    "presses": presses.play,
    "faults": faults.play,
    "broker": broker.play,
    "load": load.play,
    "network": network.play,
    "doctor": doctor.play,
    "watchdog": watchdog.play,
    "vision": vision.play,
}
