"""Somebody tampers with what the camera shows."""

import time

from tests.campaigns.emulation.book import Book
from tests.campaigns.emulation.camera.camera_log import kinds
from tests.campaigns.emulation.camera.site import CameraSite
from tests.campaigns.emulation.camera.vivid import BLACK, SCENE, STILL

_TOLD_S = 20.0
_DEEDS = (("frozen", "the picture is held still", STILL), ("covered", "the picture turns black at once", BLACK))


def play(site: CameraSite, book: Book) -> None:
    """A picture that is held, and a cap on the lens; each until it is over."""
    for kind, title, deed in _DEEDS:
        told = site.listen()
        with book.row(f"{title}: told as {kind}, and when it is over") as row:
            began_s = time.monotonic()
            site.vivid.set(**deed)
            told.wait_for_tamper(kind, active=True, timeout_s=_TOLD_S)
            found_s = time.monotonic() - began_s
            began_s = time.monotonic()
            site.vivid.set(**SCENE)
            told.wait_for_tamper(kind, active=False, timeout_s=_TOLD_S)
            row.seen = f"after {found_s:.1f} s, over after {time.monotonic() - began_s:.1f} s"
            row.figures[f"{kind}_s"] = round(found_s, 1)
            assert len(told.tampers()) == 2, kinds(told.tampers())
