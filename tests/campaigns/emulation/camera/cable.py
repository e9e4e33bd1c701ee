"""Somebody pulls the camera's cable, and plugs it in again."""

import time

from tests.campaigns.emulation.book import Book
from tests.campaigns.emulation.camera.camera_log import kinds
from tests.campaigns.emulation.camera.site import CameraSite
from tests.campaigns.emulation.figures import IDLE_PERCENT, measure

_PROMISED_S = 4.0
"""Of signal-lost in docs/contract.md."""
_MARGIN_S = 3.0
"""A sign of life of the camera process each second, and an emulated processor."""
_BACK_S = 40.0
_IDLE_S = 10.0
"""Not from the pull on: a look that has begun by then takes a second of an emulated processor."""


def play(site: CameraSite, book: Book) -> None:
    """From the pull to pictures again, all by itself."""
    before = site.processes()
    told = site.listen()
    with book.row("the cable is pulled: signal-lost is told in time") as row:
        began_s = site.boottime_s()
        site.vivid.unplug()
        lost = told.wait_for_tamper("signal-lost", active=True, timeout_s=30)
        seconds = lost.monoms / 1000 - began_s
        row.seen = f"after {seconds:.1f} s"
        row.figures["signal_lost_s"] = round(seconds, 1)
        assert seconds <= _PROMISED_S + _MARGIN_S, row.seen
    with book.row("a press meanwhile arrives as ever") as row:
        row.seen = f"{site.press():.2f} s from the contact to the centre"
    with book.row("what it takes, idle") as row:
        measure(site.machine, row, _IDLE_S, IDLE_PERCENT)
    with book.row("it is plugged in again: pictures come, and that it is over is told") as row:
        began_s = time.monotonic()
        site.vivid.plug_in()
        told.wait_for_tamper("signal-lost", active=False, timeout_s=_BACK_S)
        row.seen = f"after {time.monotonic() - began_s:.1f} s; told: {kinds(told.tampers())}"
        site.listen().wait_for_rate(10)
        assert len(told.tampers()) == 2, row.seen
    with book.row("core and camera process are still the same") as row:
        row.seen = "restarts, core, camera: " + ", ".join(map(str, before))
        assert site.processes() == before, f"{before} before, {site.processes()} after"
