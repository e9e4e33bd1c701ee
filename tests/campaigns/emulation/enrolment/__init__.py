"""Enrolment on the emulated Pi: one module a step. Each goes on where the one before it ended."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.campaigns.emulation import traces
from tests.campaigns.emulation.architecture import ARM64, ARM64_13, Architecture
from tests.campaigns.emulation.book import Book
from tests.campaigns.emulation.enrolment import card, claim, decommission, power_cuts, tpm
from tests.campaigns.emulation.enrolment.new_kiosk import NewKiosk
from tests.campaigns.emulation.scratch import in_scratch

_Step = Callable[[NewKiosk, Book], None]
STEPS: dict[str, _Step] = {
    "enrolment: a claim on the card": claim.play,
    "enrolment: decommission": decommission.play,
    "enrolment: power cuts": power_cuts.play,
}
STEPS_WITH_TPM: dict[str, _Step] = {"enrolment: a key in a TPM": tpm.play}


def play_card(record: Path, book: Book) -> list[str]:
    """A card that begins a machine; the rest is as in `play`."""

    def on_a_machine(directory: Path) -> None:
        with card.CardKiosk(directory) as kiosk:
            book.step = "enrolment: a prepared card"
            try:
                card.play(kiosk, book)
            finally:
                traces.keep(kiosk, record)

    return in_scratch(on_a_machine)


def play(record: Path, book: Book) -> list[str]:
    """All of it, each machine with a registrar and a broker of its own; its traces are kept beside `record`.

    Returns what went wrong outside of any row.
    """
    faults = _play(ARM64, STEPS, record, book)
    return faults + _play(ARM64_13, STEPS_WITH_TPM, record.with_stem(f"{record.stem}-tpm"), book)


def _play(architecture: Architecture, steps: Mapping[str, _Step], record: Path, book: Book) -> list[str]:
    def on_a_machine(directory: Path) -> None:
        with NewKiosk(architecture, directory) as kiosk:
            try:
                for name, step in steps.items():
                    book.step = name
                    step(kiosk, book)
            finally:
                traces.keep(kiosk, record)

    return in_scratch(on_a_machine)
