"""A camera whose node the service may not use: a rule of udev is missing, or wrong."""

import time

from tests.campaigns.emulation.book import Book
from tests.campaigns.emulation.camera.camera_log import NAME
from tests.campaigns.emulation.camera.site import CameraSite
from tests.campaigns.emulation.camera.vivid import NODE

_MOST_LINES = 4
"""That it has gone, and why it can't be opened; each may be told by the camera process and by the core."""
_BACK_S = 60.0
"""The agent tries again after 1, 2, 4, 8, 16 s, and then each 30 s."""


def play(site: CameraSite, book: Book) -> None:
    """It comes back to a machine whose rules give its node to root alone, until somebody mends them."""
    told, mark = site.listen(), site.kiosk.log_mark()
    before = site.processes()
    with book.row("a camera that only root may use is told as signal-lost") as row:
        site.vivid.forbid()
        site.vivid.unplug()
        site.vivid.plug_in()
        row.seen = site.machine.check(f"stat -L -c '%A %U:%G' {NODE}").strip()
        told.wait_for_tamper("signal-lost", active=True, timeout_s=30)
    with book.row("the doctor, beside the running service, names the node and what to do") as row:
        finding = site.kiosk.doctor("camera").fault(f"camera-{NAME}", f"may not use {NODE}")
        row.seen = str(finding)
        assert "udev" in finding.do, row.seen
    with book.row("the log says it once, and a press arrives as ever") as row:
        seconds = site.press()
        lines = site.kiosk.log_lines(mark)
        of_rights = [line for line in lines if line.startswith("ERROR vision: ") and "may not use" in line]
        row.seen = f"{'; '.join(of_rights)}; press: {seconds:.2f} s"
        assert len(of_rights) == 1, lines
        assert sum(NODE in line for line in lines) <= _MOST_LINES, lines
    with book.row("with the right rule pictures come again by themselves") as row:
        began_s = time.monotonic()
        site.vivid.allow()
        told.wait_for_tamper("signal-lost", active=False, timeout_s=_BACK_S)
        row.seen = f"after {time.monotonic() - began_s:.1f} s"
        assert site.processes() == before, f"{before} before, {site.processes()} after"
