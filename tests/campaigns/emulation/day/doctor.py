"""The technician asks the doctor, as root and beside the agent that runs."""

import time

from tests.campaigns.emulation.book import Book
from tests.campaigns.emulation.kiosk import Kiosk

_WITHIN_S = 60.0
"""What takes it 6 s, most of them for the start of an interpreter and a model's check."""


def play(kiosk: Kiosk, book: Book) -> None:
    """For a program: a person gets the same findings as a table."""
    with book.row("edge-agent doctor --json finds nothing wrong") as row:
        began_s = time.monotonic()
        said = kiosk.doctor()
        row.figures["doctor_s"] = seconds = round(time.monotonic() - began_s, 1)
        said.check_well()
        remarks = [f"{each.check}: {each.what}" for each in said.findings if each.state != "ok"]
        row.seen = f"exit 0, {said.user}, {said.summary} {'; '.join(remarks)}"
        assert seconds <= _WITHIN_S, f"{seconds} s"
