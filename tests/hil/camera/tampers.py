"""Somebody tampers with what the camera shows."""

import time

from tests.hil.book import Book
from tests.hil.camera.site import CameraSite
from tests.hil.camera.told import kinds

_TOLD_S = 20.0
_STILL = {"osd_text_mode": 2}
"""The running clock is what moves in vivid's picture."""
_MOVING = {"osd_text_mode": 0}
_BLACK, _BARS = {"test_pattern": 5, "osd_text_mode": 2}, {"test_pattern": 0, "osd_text_mode": 0}


def play(site: CameraSite, book: Book) -> None:
    """A picture that is held, and a cap on the lens; each until it is over."""
    for kind, does, ends in (("frozen", _STILL, _MOVING), ("covered", _BLACK, _BARS)):
        title = "the picture is held still" if kind == "frozen" else "the picture turns black at once"
        told = site.listen()
        with book.row(f"{title}: told as {kind}, and when it is over") as row:
            began_s = time.monotonic()
            site.vivid.set(**does)
            told.wait_for_tamper(kind, active=True, timeout_s=_TOLD_S)
            found_s = time.monotonic() - began_s
            began_s = time.monotonic()
            site.vivid.set(**ends)
            told.wait_for_tamper(kind, active=False, timeout_s=_TOLD_S)
            row.seen = f"after {found_s:.1f} s, over after {time.monotonic() - began_s:.1f} s"
            row.figures[f"{kind}_s"] = round(found_s, 1)
            assert len(told.tampers()) == 2, kinds(told.tampers())
