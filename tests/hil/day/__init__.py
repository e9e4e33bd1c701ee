"""The day of a kiosk: one module a step, in the order of the day. Each goes on where the one before it ended."""

from collections.abc import Callable

from tests.hil.book import Book
from tests.hil.day import installation, presses
from tests.hil.kiosk import Kiosk

STEPS: dict[str, Callable[[Kiosk, Book], None]] = {
    "installation": installation.play,
    "presses": presses.play,
}
