"""What goes wrong at the buttons and with the answer: nobody answers, a cable is cut, a button stays pressed."""

from tests.campaigns.emulation.alarm_log import check_once, only
from tests.campaigns.emulation.book import Book
from tests.campaigns.emulation.kiosk import Kiosk
from tests.support.centre import Message

_STUCK_S = 30
"""The settings' own figure, as for an alarm that becomes unconfirmed."""
_PATIENCE_S = _STUCK_S + 30.0


def play(kiosk: Kiosk, book: Book) -> None:
    """The medical button is held since before the power came: it becomes stuck meanwhile."""
    wiring = kiosk.wiring
    kiosk.rest("medical")
    known = {name: len(kiosk.alarms(name)) for name in ("police", "medical", "fire")}
    wiring.cut_cable()
    wiring.hold("fire")
    with book.row("nobody answers for 10 s: yellow flashes fast") as row:
        only(kiosk.wait_for_presses(1, "fire", since=known["fire"]))
        row.seen = wiring.wait_for_lights("delayed", 20)
    with book.row("the supervised button's cable is cut: fault open") as row:
        row.seen = _told(_fault(kiosk, "police", "open"))
    with book.row("nobody answers for 30 s: a tone as well") as row:
        row.seen = wiring.wait_for_lights("unconfirmed", _PATIENCE_S)
    for name in ("medical", "fire"):
        with book.row(f"the button {name}, held for {_STUCK_S} s: fault stuck") as row:
            row.seen = _told(_fault(kiosk, name, "stuck"))
    with book.row("no button is left that works: out of service") as row:
        kiosk.close_alarms()
        event = kiosk.centre.wait_for("event/out-of-service", timeout_s=_PATIENCE_S)
        row.seen = f"{', '.join(event.data['reasons'])}; {wiring.wait_for_lights('out of service')}"
        assert event.data["reasons"] == ["no-button"], row.seen
    with book.row("mended and let go: all is well again, and no press was invented") as row:
        wiring.mend_cable()
        wiring.let_go("medical")
        wiring.let_go("fire")
        for name, fault in (("police", "open"), ("medical", "stuck"), ("fire", "stuck")):
            _fault(kiosk, name, fault, active=False)
        row.seen = f"3 faults over; {wiring.wait_for_lights('idle')}"
        new = {name: len(kiosk.alarms(name)) - count for name, count in known.items()}
        assert new == {"police": 0, "medical": 0, "fire": 1}, f"new alarms: {new}"
        check_once(kiosk.alarms("fire")[known["fire"] :], 1)


def _fault(kiosk: Kiosk, button: str, fault: str, *, active: bool = True) -> Message:
    def fits(message: Message) -> bool:
        data = message.data
        return (data["input"], data["fault"], data["active"]) == (button, fault, active)

    return kiosk.centre.wait_for("event/input-fault", fits, _PATIENCE_S)


def _told(message: Message) -> str:
    return f"{message.data['input']} {message.data['fault']}: {message.data['detail'] or 'active'}"
