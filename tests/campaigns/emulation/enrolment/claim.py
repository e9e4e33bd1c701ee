"""A card from the office: the package, and a claim on the boot partition. Nobody edits a file, and nobody logs in."""

import time

from tests.campaigns.emulation.book import Book, in_a_row
from tests.campaigns.emulation.enrolment.new_kiosk import BOARD, BUILT_AGO_S, NewKiosk
from tests.support.agent_process import USER

_1970 = ("-rtc", "base=1970-01-01T00:00:00")
_CLOCK_PATIENCE_S = 120.0
"""So long enrolment waits for a time service."""
_CLOCK_OFF_S = 300.0


def play(kiosk: NewKiosk, book: Book) -> None:
    """From power-on to a press that arrives."""
    machine = kiosk.machine
    with book.row("the clock begins in 1970: it is set to the day of the package", essential=True) as row:
        kiosk.put_claim()
        machine.options = _1970
        machine.boot()
        machine.options = ()
        row.seen = kiosk.said("edge-agent-clock", "the clock was earlier", 60.0)
        ahead_s = int(machine.check("date +%s")) - (time.time() - BUILT_AGO_S)
        assert abs(ahead_s) < _CLOCK_OFF_S, f"{ahead_s:.0f} s beside the package's date: {row.seen}"
    with book.row(
        "no time service: enrolment says so, then what the clock says, and takes no certificate unseen"
    ) as row:
        waiting = kiosk.said("edge-agent-enrol", "waiting for the time service", 60.0)
        refused = kiosk.said("edge-agent-enrol", "is not valid yet", _CLOCK_PATIENCE_S + 60)
        assert not kiosk.told("issued")
        row.seen = f"{waiting} {refused}"
    with book.row("the time is set: it enrols over TLS by itself, and the claim is gone", essential=True) as row:
        began_s = time.monotonic()
        kiosk.set_time()
        kiosk.wait_until_enrolled()
        row.figures["enrolled_s"] = round(time.monotonic() - began_s, 1)
        state = in_a_row(machine.check("systemctl is-active edge-agent; systemctl is-enabled edge-agent"))
        row.seen = f"after {row.figures['enrolled_s']:.0f} s; edge-agent is {state}"
        assert state == "active, enabled", row.seen
    with book.row("the certificate has the device's name, and the serial number of its board") as row:
        row.seen = in_a_row(kiosk.certificate())
        assert f"CN={USER}" in row.seen.replace("\\", ""), row.seen
        assert f"URI:urn:edge-agent:board:{BOARD}" in row.seen, row.seen
    with book.row("a press arrives under that name", essential=True) as row:
        kiosk.wait_for_birth(0)
        began_s = time.monotonic()
        kiosk.press_and_hear("police")
        row.seen = f"{kiosk.alarms()[0].input}, {time.monotonic() - began_s:.1f} s from the contact to the centre"
