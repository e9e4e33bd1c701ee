"""A thousand presses, as fast as two hands can."""

from tests.hil.book import Book, Row
from tests.hil.day import figures
from tests.hil.kiosk import Kiosk
from tests.hil.told import Alarm, check_once, percentile
from tests.hil.wiring import Pressed

_PRESSES = 1000
_BUTTONS = ("police", "medical")
_HELD_MS, _APART_MS = 10.0, 16.0
"""From letting go of one to pressing the other: so each contact is open for more than the 30 ms that a press needs."""
_ALL_S = 120.0
_REST_S = 5.0


def play(kiosk: Kiosk, book: Book) -> None:
    """By two buttons that tell each press (`chatter_presses = 0`), and one that rains."""
    with book.row(f"{_PRESSES} presses through the kernel: each arrives, once") as row:
        known = {name: len(kiosk.alarms(name)) for name in _BUTTONS}
        each = _PRESSES // len(_BUTTONS)
        before = figures.look(kiosk.machine)
        pressed = kiosk.wiring.press_in_turn(_BUTTONS, each, _HELD_MS, _APART_MS)
        after = figures.look(kiosk.machine)
        took_s = (pressed[_BUTTONS[-1]][-1].after_ns - pressed[_BUTTONS[0]][0].before_ns) / 1e9
        found: dict[str, Alarm] = {}
        for name in _BUTTONS:
            (found[name],) = kiosk.wait_for_presses(each, name, since=known[name], timeout_s=_ALL_S)
            check_once([found[name]], each)
            assert not found[name].untold, f"of {name}, no message tells of presses {found[name].untold[:20]}"
        row.figures |= {"presses": _PRESSES, "seconds": round(took_s, 1)}
        row.seen = f"{_PRESSES} told, 0 lost, 0 twice; {_PRESSES / took_s:.0f} a second, with two buttons"
    if row.fault is None:
        with book.row("how long they took") as row:
            _latencies(kiosk, row, found, pressed)
    with book.row("the core under this load") as row:
        figures.tell(row, before, after)
    kiosk.close_alarms()
    with book.row("the core at rest") as row:
        figures.measure(kiosk.machine, row, _REST_S)


def _latencies(kiosk: Kiosk, row: Row, found: dict[str, Alarm], pressed: dict[str, list[Pressed]]) -> None:
    ahead_ns = kiosk.machine.clock_ahead_ns()
    made, arrived = [], []
    for name, times in pressed.items():
        for count, each in enumerate(times, 1):
            message = found[name].first[count]
            made.append(message.monoms - each.before_ns / 1e6)
            arrived.append((message.arrived_ns + ahead_ns - each.before_ns) / 1e6)
    words = []
    for what, values in (("edge to message", made), ("edge to centre", arrived)):
        shares = {f"p{share * 100:.0f}": round(percentile(values, share), 1) for share in (0.5, 0.95, 0.99)}
        row.figures |= {f"{what.replace(' ', '_')}_{key}_ms": value for key, value in shares.items()}
        words.append(f"{what} {', '.join(f'{key} {value:.0f}' for key, value in shares.items())} ms")
    row.seen = f"{'; '.join(words)} (emulated processor)"
