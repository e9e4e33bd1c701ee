"""The day of a camera: one module a step, in the order of the day. Each goes on where the one before it ended."""

from collections.abc import Callable
from pathlib import Path

from tests.campaigns.emulation import traces
from tests.campaigns.emulation.architecture import AMD64
from tests.campaigns.emulation.book import Book
from tests.campaigns.emulation.camera import cable, capture, installation, rights, tampers
from tests.campaigns.emulation.camera.site import CameraSite
from tests.campaigns.emulation.kiosk import Kiosk
from tests.campaigns.emulation.scratch import in_scratch

STEPS: dict[str, Callable[[CameraSite, Book], None]] = {
    "camera: installation": installation.play,
    "camera: capture": capture.play,
    "camera: cable": cable.play,
    "camera: rights": rights.play,
    "camera: tampers": tampers.play,
}


def play(record: Path, book: Book) -> list[str]:
    """All of it, on a machine of its own, whose traces are kept beside `record`.

    Not while the kiosk's day is played: an emulated contact that must bounce within milliseconds needs a whole
    processor. Returns what went wrong outside of any row.
    """

    def on_a_machine(directory: Path) -> None:
        with Kiosk(AMD64, directory) as kiosk:
            site = CameraSite(kiosk)
            try:
                for name, step in STEPS.items():
                    book.step = name
                    step(site, book)
            finally:
                traces.keep(kiosk, record)

    return in_scratch(on_a_machine)
