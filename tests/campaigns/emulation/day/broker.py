"""The broker goes away and comes back."""

from tests.campaigns.emulation.book import Book
from tests.campaigns.emulation.kiosk import BROKER, Kiosk

_PRESSES = 4
_BACK_S = 60.0


def play(kiosk: Kiosk, book: Book) -> None:
    """Presses meanwhile are kept, and arrive once."""
    wiring = kiosk.wiring
    known = {name: len(kiosk.alarms(name)) for name in ("police", "medical")}
    kiosk.broker.stop()
    with book.row("the broker is gone: presses light yellow, and green stays dark") as row:
        wiring.press_many("police", _PRESSES, held_ms=60, apart_ms=60)
        wiring.press("medical")
        row.seen = wiring.wait_for_lights("pressed")
    with book.row("the doctor says that it can't be reached, and what to do") as row:
        # Not that nothing listens: QEMU takes the connection before it knows that there is no broker behind it.
        row.seen = str(kiosk.doctor("broker").fault("broker-1", f"{BROKER} closed the connection"))
    with book.row("it is back: each of these presses arrives, once") as row:
        kiosk.broker.start()
        kiosk.join()
        for name, count in (("police", _PRESSES), ("medical", 1)):
            found = kiosk.wait_for_presses(count, name, since=known[name], timeout_s=_BACK_S)
            assert not found[0].untold, f"of {name}, no message tells of press {found[0].untold}"
        row.seen = f"2 alarms, {_PRESSES} presses of police and 1 of medical"
    with book.row("the broker's word lights no green, the centre's does") as row:
        dark = not wiring.lit("green")
        for name in known:
            kiosk.centre.acknowledge(kiosk.alarms(name)[-1].alarm_id, kiosk.key, "registered")
        row.seen = wiring.wait_for_lights("registered")
        assert dark, "green was lit before anybody had answered"
    kiosk.close_alarms()
