"""A newer package is put over the old one while people press: nothing is lost but what the restart can't hear."""

import time

from tests.campaigns.emulation.alarm_log import Alarm, heard, only
from tests.campaigns.emulation.book import Book
from tests.campaigns.emulation.installed import STICK
from tests.campaigns.emulation.kiosk import Kiosk
from tests.campaigns.emulation.wiring import Pressed
from tests.support.wait import wait_for

_BUTTON = "medical"
_HELD_MS = 100.0
_APART_MS = 200.0
_AT_A_TIME = 4
"""To ask whether it is over takes the machine as long as a press."""
_AFTER = 2
"""So many times when it is over."""
_UPGRADE_S = 240.0
_ARRIVE_S = 60.0
_START = f"systemd-run --quiet --unit emulation-upgrade apt-get install -y -q {STICK}/edge-agent_*+next_arm64.deb"
_STATES = "systemctl is-active emulation-upgrade edge-agent || true"
_SETTINGS = "find /etc/edge-agent -type f | sort | xargs sha256sum | sha256sum"
_START_TIMES = "systemctl show -P InactiveExitTimestampMonotonic -P ActiveEnterTimestampMonotonic edge-agent"
_BETWEEN_S = 5.0
"""Beside the start itself, whose seconds depend on the host: an orderly stop, and from a press to the next one that is
told. Less than apt takes to unpack, while which the old agent must listen."""
_VERSION = "dpkg-query -W -f '${Version} ${db:Status-Status}' edge-agent"


def play(kiosk: Kiosk, book: Book) -> None:
    """On a kiosk that is online."""
    machine = kiosk.machine
    settings, before = machine.check(_SETTINGS), machine.check(_VERSION)
    known = len(kiosk.alarms(_BUTTON))
    births = kiosk.births()
    with book.row("apt-get puts a newer package over the old one while people press", essential=True) as row:
        began_s = time.monotonic()
        machine.check(_START)
        presses = _press_until_over(kiosk, began_s + _UPGRADE_S)
        after = machine.check(_VERSION)
        row.seen = f"{before} -> {after}, {len(presses)} presses in {time.monotonic() - began_s:.0f} s"
        assert after != before, machine.check("journalctl -u emulation-upgrade -o cat --no-pager | tail -20")
        assert after.endswith("installed"), after
    with book.row("the unit is live again, its settings are as they were, its numbers go on") as row:
        restarts = machine.check("systemctl show -P NRestarts edge-agent").strip()
        birth = kiosk.wait_for_birth(births)
        before_it = [each for each in kiosk.messages() if each.monoms < birth.monoms and not each.is_will]
        last = max(each.seq for each in before_it)
        row.seen = f"started {restarts} times by itself; the last number before was {last}, the first one {birth.seq}"
        assert restarts == "0", row.seen
        assert last < birth.seq, row.seen
        assert machine.check(_SETTINGS) == settings, "the settings have changed"
    with book.row("each press before, during and after arrives once, but while nobody listens") as row:
        last_ms = presses[-1].before_ns / 1e6

        def told() -> list[Alarm]:
            found = kiosk.alarms(_BUTTON)[known:]
            return found if found and any(each.monoms >= last_ms for each in found[-1].first.values()) else []

        alarm = only(wait_for(told, _ARRIVE_S, "the centre knows of the last press: that"))
        assert not alarm.untold, f"presses that no message has told: {alarm.untold}"
        count, deaf_s = heard([press.before_ns / 1e6 for press in presses], alarm)
        began, live = machine.check(_START_TIMES).split()
        start_s = (int(live) - int(began)) / 1e6
        row.figures |= {"presses": len(presses), "heard": count, "deaf_s": round(deaf_s, 1)}
        row.seen = f"{count} of {len(presses)} presses; deaf for {deaf_s:.1f} s at most, {start_s:.1f} s of it a start"
        assert deaf_s <= start_s + _BETWEEN_S, row.seen
    kiosk.close_alarms()


def _press_until_over(kiosk: Kiosk, until_s: float) -> list[Pressed]:
    presses: list[Pressed] = []
    left = _AFTER
    while left:
        presses += kiosk.wiring.press_many(_BUTTON, _AT_A_TIME, _HELD_MS, _APART_MS)
        assert time.monotonic() < until_s, "the upgrade does not end"
        left -= kiosk.machine.check(_STATES).split() == ["inactive", "active"]
    return presses
