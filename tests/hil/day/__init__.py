"""The day of a kiosk: one module a step, in the order of the day. Each goes on where the one before it ended."""

from collections.abc import Callable

from tests.hil.book import Book
from tests.hil.day import broker, doctor, faults, installation, load, network, presses, vision, watchdog
from tests.hil.kiosk import Kiosk

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
