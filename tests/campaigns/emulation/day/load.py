"""Presses, a thousand if nobody says less, as fast as two hands can."""

from tests.campaigns.emulation.alarm_log import only, percentile
from tests.campaigns.emulation.book import Book, Row
from tests.campaigns.emulation.figures import IDLE_PERCENT, Meter, measure
from tests.campaigns.emulation.kiosk import Kiosk

PRESSES = 1000
_BUTTONS = ("police", "medical")
_HELD_MS, _APART_MS = 20.0, 30.0
"""From letting go of one to pressing the other: twenty presses a second, more than two hands can. Each contact is open
for more than the 30 ms that a press needs. Nearly twice as fast, the kernel's sixteen edges a line run over on a slow
host, whose emulated processor has no time left: that tells of the host."""
_ALL_S = 120.0
_CALM_PRESSES, _CALM_MS = 100, 60.0
_REST_S = 5.0
_TO_MESSAGE_P50_MS, _TO_CENTRE_P95_MS = 50.0, 1000.0
"""At most: no slow day makes 2 ms so long, nor 10 (with a second machine beside this one: 4 and 74)."""


def play(kiosk: Kiosk, book: Book, *, presses: int = PRESSES) -> None:
    """By two buttons that tell each press (`chatter_presses = 0`)."""
    meter = Meter(kiosk.machine)
    with book.row(f"{presses} presses through the kernel: each arrives, once") as row:
        known = {name: len(kiosk.alarms(name)) for name in _BUTTONS}
        each = presses // len(_BUTTONS)
        pressed = kiosk.wiring.press_in_turn(_BUTTONS, each, _HELD_MS, _APART_MS)
        meter.stop()
        took_s = (pressed[_BUTTONS[-1]][-1].after_ns - pressed[_BUTTONS[0]][0].before_ns) / 1e9
        for name in _BUTTONS:
            found = only(kiosk.wait_for_presses(each, name, since=known[name], timeout_s=_ALL_S))
            assert not found.untold, f"of {name}, no message tells of presses {found.untold[:20]}"
        row.figures |= {"presses": presses, "seconds": round(took_s, 1)}
        row.seen = f"{presses} told, 0 lost, 0 twice; {presses / took_s:.0f} a second, with two buttons"
    with book.row("what the core takes under this load") as row:
        meter.tell(row)
    kiosk.close_alarms()
    with book.row(f"from the edge to the centre, of {_CALM_PRESSES} presses at a finger's pace") as row:
        _latencies(kiosk, row)
    kiosk.close_alarms()
    with book.row("what the core takes at rest") as row:
        measure(kiosk.machine, row, _REST_S, IDLE_PERCENT)


def _latencies(kiosk: Kiosk, row: Row) -> None:
    known = len(kiosk.alarms("medical"))
    pressed = kiosk.wiring.press_many("medical", _CALM_PRESSES, _CALM_MS, _CALM_MS)
    found = only(kiosk.wait_for_presses(_CALM_PRESSES, "medical", since=known))
    ahead_ns = kiosk.machine.clock_ahead_ns()
    made = [found.first[n].monoms - each.before_ns / 1e6 for n, each in enumerate(pressed, 1)]
    arrived = [(found.first[n].arrived_ns + ahead_ns - each.before_ns) / 1e6 for n, each in enumerate(pressed, 1)]
    words = []
    for what, values in (("edge to message", made), ("edge to centre", arrived)):
        shares = {f"p{share * 100:.0f}": round(percentile(values, share), 1) for share in (0.5, 0.95, 0.99)}
        row.figures |= {f"{what.replace(' ', '_')}_{key}_ms": value for key, value in shares.items()}
        words.append(f"{what} {', '.join(f'{key} {value:.0f}' for key, value in shares.items())} ms")
    row.seen = f"{'; '.join(words)} (emulated processor)"
    assert percentile(made, 0.5) <= _TO_MESSAGE_P50_MS, row.seen
    assert percentile(arrived, 0.95) <= _TO_CENTRE_P95_MS, row.seen
