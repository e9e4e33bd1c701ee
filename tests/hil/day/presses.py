"""Somebody presses a button: from the contact to the centre and back to the lamps."""

from tests.hil.book import Book
from tests.hil.kiosk import Kiosk


def play(kiosk: Kiosk, book: Book) -> None:
    """One press of the supervised button, and its answer."""
    wiring = kiosk.wiring
    with book.row("a press lights yellow and arrives as an alarm", essential=True) as row:
        wiring.press("police")
        wiring.wait_until_lit("yellow")
        alarm = kiosk.centre.wait_for_alarm(input="police", timeout_s=20)
        row.seen = f"alarm of {alarm.data['input']}, press_count {alarm.data['press_count']}"
    with book.row("the centre's signed answer lights green"):
        kiosk.centre.acknowledge(alarm.data["alarm_id"], kiosk.key)
        wiring.wait_until_lit("green")
