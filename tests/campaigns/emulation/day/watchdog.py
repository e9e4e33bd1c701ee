"""The core hangs: what systemd does about it, and what becomes of a press meanwhile."""

import time

from tests.campaigns.emulation.alarm_log import only
from tests.campaigns.emulation.book import Book
from tests.campaigns.emulation.figures import main_process
from tests.campaigns.emulation.kiosk import Kiosk

_FROZEN_S = 3.0
_FOUND_S = 30.0
"""Of the promise: "found within 30 s"."""
_BACK_S = 120.0
_STOP = "cut -d' ' -f1 /proc/uptime; kill -STOP {pid}"
_UNTIL_FOUND = """\
until [ "$(systemctl show -P NRestarts edge-agent)" != {restarts} ]; do sleep 0.3; done
cut -d' ' -f1 /proc/uptime
"""


def play(kiosk: Kiosk, book: Book) -> None:
    """First for a moment, then for good."""
    machine, wiring = kiosk.machine, kiosk.wiring
    pid = main_process(machine)
    with book.row(f"the core stands still for {_FROZEN_S:g} s (SIGSTOP): a press meanwhile arrives") as row:
        known = len(kiosk.alarms("police"))
        machine.check(f"kill -STOP {pid}")
        pressed = wiring.press("police")
        machine.check(f"sleep {_FROZEN_S}; kill -CONT {pid}")
        alarm = only(kiosk.wait_for_presses(1, "police", since=known))
        late_s = alarm.first[1].monoms / 1000 - pressed.before_ns / 1e9
        row.seen = f"the kernel kept its edges: 1 alarm, {late_s:.1f} s after the edge"
        row.figures["late_s"] = round(late_s, 1)
    kiosk.close_alarms()
    known, mark = len(kiosk.alarms("medical")), kiosk.log_mark()
    with book.row(
        f"the core hangs (SIGSTOP): systemd finds it within {_FOUND_S:g} s and starts it again", essential=True
    ) as row:
        restarts = machine.check("systemctl show -P NRestarts edge-agent").strip()
        began_s = time.monotonic()
        stopped_s = float(machine.check(_STOP.format(pid=pid)))
        wiring.hold("medical")
        found_s = float(machine.check(_UNTIL_FOUND.format(restarts=restarts), _BACK_S)) - stopped_s
        kiosk.wait_until_active(_BACK_S)
        back_s = time.monotonic() - began_s
        said = kiosk.wait_for_log(mark, "Watchdog timeout")
        row.seen = f"systemd: {said}; restarted {found_s:.0f} s after the halt, its buttons live after {back_s:.0f} s"
        row.figures |= {"found_s": round(found_s, 1), "back_s": round(back_s, 1)}
        assert found_s <= _FOUND_S, row.seen
        assert main_process(machine) != pid, "it is the same process"
    with book.row("the button that was pressed meanwhile and is still held is an alarm") as row:
        only(kiosk.wait_for_presses(1, "medical", since=known, timeout_s=60))
        wiring.let_go("medical")
        row.seen = "1 alarm, press_count 1"
    kiosk.close_alarms()
