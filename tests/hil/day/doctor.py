"""The technician asks the doctor, as root and beside the agent that runs."""

import json
import time

from tests.hil.book import Book
from tests.hil.kiosk import SETTINGS, Kiosk

_WITHIN_S = 90.0


def play(kiosk: Kiosk, book: Book) -> None:
    """For a program: a person gets the same findings as a table."""
    with book.row("edge-agent doctor --json finds nothing wrong") as row:
        began_s = time.monotonic()
        done = kiosk.machine.run(f"edge-agent doctor --config {SETTINGS} --json 2>/dev/null", _WITHIN_S)
        row.figures["doctor_s"] = round(time.monotonic() - began_s, 1)
        report = json.loads(done.said)
        found = [(check["name"], each) for check in report["checks"] for each in check["findings"]]
        wrong = [f"{name}: {each['what']}" for name, each in found if each["state"] == "fail"]
        assert done.code == 0, f"exit code {done.code}: {'; '.join(wrong)}"
        remarks = [f"{name}: {each['what']}" for name, each in found if each["state"] != "ok"]
        row.seen = f"exit 0, {report['user']}, {report['summary']}. {'; '.join(remarks)}"
