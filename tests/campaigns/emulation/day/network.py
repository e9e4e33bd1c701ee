"""A mobile network in bad weather, made by the guest's own kernel (netem), on what leaves the kiosk."""

import time

from tests.campaigns.emulation.book import Book
from tests.campaigns.emulation.kiosk import Kiosk

_WEATHER = "tc qdisc replace dev eth0 root netem {}"
_CALM = "tc qdisc del dev eth0 root"
_CUT_S = 5.0
_PATIENCE_S = 120.0


def play(kiosk: Kiosk, book: Book) -> None:
    """Whatever the network does, each press arrives once."""
    machine = kiosk.machine
    with book.row("30 % of all packets lost, 500 ms of delay: each press arrives, once") as row:
        machine.check(_WEATHER.format("loss 30% delay 500ms"))
        try:
            row.figures["all_told_s"], alarms, presses = _presses(kiosk, 5)
        finally:
            machine.check(_CALM)
        row.seen = f"{presses} presses in {alarms} alarms; all told {row.figures['all_told_s']:.1f} s after the last"
    kiosk.close_alarms()
    with book.row(f"nothing gets out for {_CUT_S:g} s, without a word: each press arrives, once") as row:
        known = len(kiosk.alarms())
        machine.check(_WEATHER.format("loss 100%"))
        try:
            kiosk.wiring.press("police")
            kiosk.wiring.press("medical")
            seen = kiosk.wiring.wait_for_lights("pressed")
            machine.check(f"sleep {_CUT_S}")
            early = len(kiosk.alarms()) - known
        finally:
            machine.check(_CALM)
        mended_s = time.monotonic()
        kiosk.wait_for_presses(2, since=known, timeout_s=_PATIENCE_S)
        row.figures["all_told_s"] = round(time.monotonic() - mended_s, 1)
        row.seen = f"2 presses; told {row.figures['all_told_s']:.1f} s after its end; meanwhile {seen}"
        assert not early, "the cut is none: an alarm came through"
    kiosk.close_alarms()


def _presses(kiosk: Kiosk, count: int) -> tuple[float, int, int]:
    """How long it took after the last, in how many alarms, how many presses."""
    known = len(kiosk.alarms())
    pressed = kiosk.wiring.press_in_turn(("police", "medical"), count, 50, 50)
    last_s = time.monotonic()
    made = sum(map(len, pressed.values()))
    found = kiosk.wait_for_presses(made, since=known, timeout_s=_PATIENCE_S)
    return round(time.monotonic() - last_s, 1), len(found), made
