"""The core hangs: what systemd does about it, and what becomes of a press meanwhile."""

import time

from tests.hil.book import Book
from tests.hil.day.figures import main_process
from tests.hil.kiosk import Kiosk
from tests.hil.told import check_once

_FROZEN_S = 3.0
_WATCHDOG_S = 20
"""`WatchdogSec` of the unit."""
_FOUND_S = 30.0
"""Of the promise: "found within 30 s"."""
_BACK_S = 120.0
_UNTIL_BACK = """\
until [ "$(systemctl show -P NRestarts edge-agent)" != {restarts} ]; do sleep 0.3; done
cut -d' ' -f1 /proc/uptime
until [ "$(systemctl show -P ActiveState edge-agent)" = active ]; do sleep 0.3; done
"""


def play(kiosk: Kiosk, book: Book) -> None:
    """First for a moment, then for good."""
    machine, wiring = kiosk.machine, kiosk.wiring
    with book.row(f"the core stands still for {_FROZEN_S:g} s (SIGSTOP): a press meanwhile arrives") as row:
        known = len(kiosk.alarms("police"))
        pid = main_process(machine)
        machine.check(f"kill -STOP {pid}")
        pressed = wiring.press("police")
        machine.check(f"sleep {_FROZEN_S}; kill -CONT {pid}")
        (alarm,) = kiosk.wait_for_presses(1, "police", since=known)
        check_once([alarm], 1)
        late_s = alarm.first[1].monoms / 1000 - pressed.before_ns / 1e9
        row.seen = f"the kernel kept its edges: 1 alarm, {late_s:.1f} s after the edge"
        row.figures["late_s"] = round(late_s, 1)
    kiosk.close_alarms()
    with book.row("the core hangs (SIGSTOP): systemd's watchdog ends it and starts it again", essential=True) as row:
        known = len(kiosk.alarms("medical"))
        restarts = machine.check("systemctl show -P NRestarts edge-agent").strip()
        stopped_s = time.monotonic()
        machine.check(f"kill -STOP {main_process(machine)}")
        wiring.hold("medical")
        machine.check(_UNTIL_BACK.format(restarts=restarts), _BACK_S)
        took_s = time.monotonic() - stopped_s
        said = machine.check("journalctl -u edge-agent -o cat --no-pager -n 60 | grep -F -i watchdog | head -1").strip()
        row.seen = f"systemd: {said}; {took_s:.0f} s from the halt until the buttons are live again"
        row.figures["back_s"] = round(took_s, 1)
        assert "Watchdog timeout" in said, said
        assert main_process(machine) != pid, "it is the same process"
    with book.row("the button that was pressed meanwhile and is still held is an alarm") as row:
        check_once(kiosk.wait_for_presses(1, "medical", since=known, timeout_s=60), 1)
        wiring.let_go("medical")
        row.seen = "1 alarm, press_count 1"
    kiosk.close_alarms()
