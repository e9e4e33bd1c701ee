"""A newer package is put over the old one while people press: nothing is lost but what the restart can't hear."""

import time
from bisect import bisect_right
from collections.abc import Sequence

from tests.hil.book import Book
from tests.hil.installed import STICK
from tests.hil.kiosk import Kiosk
from tests.hil.told import Alarm
from tests.hil.wiring import Pressed
from tests.support.wait import wait_for

_BUTTON = "medical"
_HELD_MS = 100.0
_APART_MS = 200.0
_AFTER = 5
"""Presses when it is over."""
_UPGRADE_S = 240.0
_ARRIVE_S = 60.0
_START = f"systemd-run --quiet --unit hil-upgrade apt-get install -y -q {STICK}/edge-agent_*+next_arm64.deb"
_STATES = "systemctl is-active hil-upgrade edge-agent || true"
_SETTINGS = "find /etc/edge-agent -type f | sort | xargs sha256sum | sha256sum"
_VERSION = "dpkg-query -W -f '${Version} ${db:Status-Status}' edge-agent"


def play(kiosk: Kiosk, book: Book) -> None:
    """On a kiosk that is online."""
    machine = kiosk.machine
    kiosk.come_to_rest()
    settings, before = machine.check(_SETTINGS), machine.check(_VERSION)
    known = len(kiosk.alarms(_BUTTON))
    births = kiosk.births()
    with book.row("apt-get puts a newer package over the old one while people press", essential=True) as row:
        began_s = time.monotonic()
        machine.check(_START)
        presses = _press_until_over(kiosk, began_s + _UPGRADE_S)
        after = machine.check(_VERSION)
        row.seen = f"{before} -> {after}, {len(presses)} presses in {time.monotonic() - began_s:.0f} s"
        assert after != before, machine.check("journalctl -u hil-upgrade -o cat --no-pager | tail -20")
        assert after.endswith("installed"), after
    with book.row("the unit is live again, its settings are as they were, its numbers go on") as row:
        restarts = machine.check("systemctl show -P NRestarts edge-agent").strip()
        row.seen = f"started {restarts} times by itself"
        assert restarts == "0", row.seen
        assert machine.check(_SETTINGS) == settings
        kiosk.wait_for_birth(births)
    with book.row("each press before, during and after arrives once, but while nobody listens") as row:
        last_ms = presses[-1].before_ns / 1e6

        def told() -> list[Alarm]:
            found = kiosk.alarms(_BUTTON)[known:]
            return found if any(each.monoms >= last_ms for each in found[-1].first.values()) else []

        alarms = wait_for(told, _ARRIVE_S, "the centre knows of the last press: that")
        assert len(alarms) == 1, f"{len(alarms)} alarms of one that nobody has closed"
        assert not alarms[0].untold, f"presses that no message has told: {alarms[0].untold}"
        heard, deaf_s = _heard(presses, alarms[0])
        row.figures |= {"presses": len(presses), "heard": heard, "deaf_s": round(deaf_s, 1)}
        row.seen = f"{heard} of {len(presses)} presses; deaf for {deaf_s:.1f} s at most"
    kiosk.wait_for_birth(births)
    kiosk.close_alarms()


def _press_until_over(kiosk: Kiosk, until_s: float) -> list[Pressed]:
    presses: list[Pressed] = []
    left = _AFTER
    while left:
        presses += kiosk.wiring.press_many(_BUTTON, 1, _HELD_MS, _APART_MS)
        assert time.monotonic() < until_s, "the upgrade does not end"
        left -= kiosk.machine.check(_STATES).split() == ["inactive", "active"]
    return presses


def _heard(presses: Sequence[Pressed], alarm: Alarm) -> tuple[int, float]:
    """How many were told, and for how long none was. Raises AssertionError unless those in between are in one row, and
    each message is of a press of its own."""
    starts_ms = [press.before_ns / 1e6 for press in presses]
    of = [bisect_right(starts_ms, message.monoms + 1) - 1 for message in alarm.first.values()]
    assert len(set(of)) == len(of), f"two messages tell of one press: {sorted(of)}"
    missing = sorted(set(range(len(presses))) - set(of))
    if not missing:
        return len(of), 0.0
    first, last = missing[0], missing[-1]
    assert missing == list(range(first, last + 1)), f"lost, and not in one row: {missing} of {len(presses)}"
    assert first > 0, f"lost from the beginning: {missing}"
    assert last + 1 < len(presses), f"lost to the end: {missing} of {len(presses)}"
    return len(of), (starts_ms[last + 1] - starts_ms[first - 1]) / 1000
