"""People press buttons: from contacts that bounce to the centre, and back to the lamps."""

from tests.campaigns.emulation.alarm_log import check_once, only
from tests.campaigns.emulation.book import Book
from tests.campaigns.emulation.day.installation import GLITCH_MS
from tests.campaigns.emulation.kiosk import Kiosk
from tests.campaigns.emulation.wiring import Pressed
from tests.support.wait import wait_for

_BOUNCE_MS = 45.0
"""A bounce that the emulator has made longer than this says nothing, as it may be two presses: it is made again."""
_RELEASES = 6
_REST_MS = 60.0
"""No finger is quicker, and the settings ask for 30 ms between two presses."""
_TRIES = 5


def play(kiosk: Kiosk, book: Book) -> None:
    """From a button that was held before the power came, to two buttons at once."""
    _held_at_boot(kiosk, book)
    _bounces(kiosk, book)
    _glitch(kiosk, book)
    _two_at_once(kiosk, book)


def _held_at_boot(kiosk: Kiosk, book: Book) -> None:
    with book.row("the button that was held when the power came is an alarm", essential=True) as row:
        alarm = only(kiosk.wait_for_presses(1, "medical", timeout_s=60))
        row.seen = f"1 alarm of {alarm.input}, press_count {alarm.presses}"
    with book.row("yellow on: the call is being sent") as row:
        row.seen = kiosk.wiring.wait_for_lights("pressed", 5)
    for action in ("registered", "dispatched"):
        with book.row(f"the centre's signed answer: {action}") as row:
            kiosk.centre.acknowledge(alarm.alarm_id, kiosk.key, action)
            row.seen = kiosk.wiring.wait_for_lights(action)
    with book.row("closed by the centre, though the button is still held") as row:
        kiosk.close_alarm(alarm)
        row.seen = kiosk.wiring.wait_for_lights("idle")


def _bounces(kiosk: Kiosk, book: Book) -> None:
    wiring = kiosk.wiring
    with book.row("contacts that bounce as they close and open are one press") as row:
        for _ in range(_TRIES):
            before = len(kiosk.alarms("police"))
            closing = wiring.bounce("police", closed=True)
            opening = wiring.bounce("police", closed=False)
            wait_for(lambda: kiosk.alarms("police")[before:], 20, "an alarm of police")  # noqa: B023 - it is called here
            kiosk.close_alarms()
            lasted_ms = [_lasted_ms(edges) for edges in (closing, opening)]
            if max(lasted_ms) < _BOUNCE_MS:
                break
        check_once(kiosk.alarms("police")[before:], 1)
        edges = f"{len(closing)} edges in {lasted_ms[0]:.0f} ms, {len(opening)} in {lasted_ms[1]:.0f} ms"
        row.seen = f"{edges}, on two lines: 1 alarm, press_count 1"
    with book.row("nor is letting go, when the centre has closed the alarm meanwhile") as row:
        before = len(kiosk.alarms("police"))
        for count in range(1, _RELEASES + 1):
            wiring.hold("police", after_ms=_REST_MS)
            kiosk.wait_for_presses(count, "police", since=before)
            kiosk.close_alarms()
            wiring.bounce("police", closed=False, pause_ms=0.2)
        wiring.wait_for_lights("idle")
        found = kiosk.wait_for_presses(_RELEASES, "police", since=before)
        assert len(found) == _RELEASES, f"{len(found)} alarms of {_RELEASES} presses"
        row.seen = f"{_RELEASES} presses, {_RELEASES} alarms"
    with book.row("yellow lights within 100 ms of the edge") as row:
        before = len(kiosk.alarms("police"))
        _, lit_ms = wiring.press_and_look("police", "yellow")
        wiring.let_go("police")
        only(kiosk.wait_for_presses(1, "police", since=before))
        row.seen = f"at most {lit_ms:.1f} ms, on the emulated processor"
        row.figures["edge_to_yellow_ms"] = round(lit_ms, 2)
        assert lit_ms <= 100, row.seen
    kiosk.close_alarms()


def _glitch(kiosk: Kiosk, book: Book) -> None:
    with book.row(f"a spike that is shorter than the glitch filter ({GLITCH_MS} ms) is nothing") as row:
        for _ in range(_TRIES):
            before = len(kiosk.alarms("fire"))
            spike = kiosk.wiring.spike("fire", GLITCH_MS / 4)
            length_ms = (spike[1].after_ns - spike[0].before_ns) / 1e6
            if length_ms < GLITCH_MS:
                break
        kiosk.wiring.press("fire")
        kiosk.wait_for_presses(1, "fire", since=before)
        kiosk.close_alarms()
        check_once(kiosk.alarms("fire")[before:], 1)
        row.seen = f"{length_ms:.1f} ms: nothing; the press after it: 1 alarm, press_count 1"


def _two_at_once(kiosk: Kiosk, book: Book) -> None:
    with book.row("two buttons at once are two alarms") as row:
        before = {name: len(kiosk.alarms(name)) for name in ("police", "fire")}
        times = kiosk.wiring.press_together("police", "fire")
        for name, known in before.items():
            only(kiosk.wait_for_presses(1, name, since=known))
        apart_ms = (times[1].after_ns - times[0].before_ns) / 1e6
        row.seen = f"{apart_ms:.1f} ms apart: one of police, one of fire"
    kiosk.close_alarms()


def _lasted_ms(edges: list[Pressed]) -> float:
    """From before the first edge to after the last."""
    return (edges[-1].after_ns - edges[0].before_ns) / 1e6
