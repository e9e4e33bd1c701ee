"""The day of a camera: one module a step, in the order of the day. Each goes on where the one before it ended."""

from collections.abc import Callable
from pathlib import Path

from tests.campaigns.emulation import traces
from tests.campaigns.emulation.architecture import AMD64
from tests.campaigns.emulation.book import FAULTS, Book, DayOverError
from tests.campaigns.emulation.camera import cable, capture, installation, rights, tampers
from tests.campaigns.emulation.camera.site import CameraSite
from tests.campaigns.emulation.kiosk import Kiosk
from tests.campaigns.emulation.scratch import scratch

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
    with scratch() as directory:
        try:
            with Kiosk(AMD64, directory) as kiosk:
                site = CameraSite(kiosk)
                try:
                    for name, step in STEPS.items():
                        book.step = name
                        step(site, book)
                finally:
                    traces.keep(kiosk, record)
        except DayOverError:
            return ["nothing that would have followed made sense"]
        except FAULTS as error:
            return [f"{type(error).__name__}: {error}"]
    return []
