"""Enrolment on the emulated Pi: one module a step. Each goes on where the one before it ended."""

from collections.abc import Callable
from pathlib import Path

from tests.campaigns.emulation import traces
from tests.campaigns.emulation.book import FAULTS, Book, DayOverError
from tests.campaigns.emulation.enrolment import claim, decommission, power_cuts
from tests.campaigns.emulation.enrolment.new_kiosk import NewKiosk
from tests.campaigns.emulation.scratch import scratch

STEPS: dict[str, Callable[[NewKiosk, Book], None]] = {
    "enrolment: a claim on the card": claim.play,
    "enrolment: decommission": decommission.play,
    "enrolment: power cuts": power_cuts.play,
}


def play(record: Path, book: Book) -> list[str]:
    """All of it, with a registrar and a broker of its own; the machine's traces are kept beside `record`.

    Returns what went wrong outside of any row.
    """
    with scratch() as directory:
        try:
            with NewKiosk(directory) as kiosk:
                try:
                    for name, step in STEPS.items():
                        book.step = name
                        step(kiosk, book)
                finally:
                    traces.keep(kiosk, record)
        except DayOverError:
            return ["nothing that would have followed made sense"]
        except FAULTS as error:
            return [f"{type(error).__name__}: {error}"]
    return []
