"""What a device may find when it starts: no chip, a pin that is taken, a full disk, a clock that was never set.

The last three come together, as trouble does; the doctor and the log have a line for each.
"""

import time

from tests.campaigns.emulation.alarm_log import only
from tests.campaigns.emulation.book import Book
from tests.campaigns.emulation.kiosk import Kiosk
from tests.campaigns.emulation.machine import Machine
from tests.campaigns.emulation.wiring import BUTTONS
from tests.support.wait import wait_for

_START_S = 120.0
_ARRIVE_S = 60.0
_FIRST_PIN = 512
"""Of the chip, in the old numbering of /sys/class/gpio."""
_PIN_TAKEN = f"echo {_FIRST_PIN + BUTTONS['fire']} > /sys/class/gpio/export"
_PIN_FREE = f"echo {_FIRST_PIN + BUTTONS['fire']} > /sys/class/gpio/unexport"
_DISK_FULL = """\
fallocate -l $(stat -f -c '%a*%S' / | sed 's/.*/echo $((&))/' | sh) /var/tmp/fill 2> /dev/null || true
dd if=/dev/zero of=/var/tmp/rest bs=4k 2> /dev/null || true
sync
"""
_DISK_FREE = "rm /var/tmp/fill /var/tmp/rest"
_IN_1970 = "date -u -s 1970-12-01"
"""Not in January: e2fsck takes a time of deletion for an inode's number when it is lower than their count."""
_NO_CHIP = "echo gpio-sim > /sys/bus/platform/drivers/gpio-sim/unbind; ! ls /dev/gpiochip* 2> /dev/null"
_CHIP = "echo gpio-sim > /sys/bus/platform/drivers/gpio-sim/bind"


def play(kiosk: Kiosk, book: Book) -> None:
    """On a kiosk that is online."""
    _no_chip(kiosk, book)
    _pin_disk_and_clock(kiosk, book)


def _no_chip(kiosk: Kiosk, book: Book) -> None:
    machine = kiosk.machine
    with book.row("no GPIO chip: the log and the doctor say so, and systemd goes on trying", essential=True) as row:
        machine.check("systemctl stop edge-agent")
        machine.check(_NO_CHIP)
        machine.run("systemctl start edge-agent", _START_S)
        line = _log_line(machine, "there is no GPIO chip")
        said = kiosk.doctor("agent", "pins")
        row.seen = f"log: {line}; doctor: {said.fault('pins', 'there is no /dev/gpiochip0')}"
        said.fault("agent", "the service keeps ending")
    with book.row("the chip is back: the buttons are live again by themselves, and a press arrives", essential=True):
        births = kiosk.births()
        machine.check(_CHIP)
        kiosk.wiring.rewire()
        kiosk.wait_until_active(_START_S)
        _press_and_close(kiosk, "fire", births)


def _pin_disk_and_clock(kiosk: Kiosk, book: Book) -> None:
    machine, births = kiosk.machine, kiosk.births()
    machine.check("systemctl stop edge-agent")
    machine.check(f"{_PIN_TAKEN}\n{_DISK_FULL}\n{_IN_1970}")
    machine.check("systemctl start edge-agent", _START_S)
    known = len(kiosk.alarms("police"))
    kiosk.wiring.press("police")
    with book.row("a pin that another driver holds: the log and the doctor say which", essential=True) as row:
        said = kiosk.doctor("pins", "disk", "clock")
        line = _log_line(machine, "input-fire does not work")
        row.seen = f"log: {line}; doctor: {said.fault('pins', 'pin 25 of button fire is in use by')}"
    with book.row("a state partition without any room: the log and the doctor say so") as row:
        line = _log_line(machine, "the disk is full")
        # The agent gives up what it has confirmed, so by now there may be a little room again.
        words = ("is full", "less than the")
        found = [each for each in said.findings if each.check == "disk" and each.state in {"warn", "fail"} and each.do]
        short = [each for each in found if any(word in each.what for word in words)]
        assert short, f"the doctor says nothing of it: {said}"
        row.seen = f"log: {line}; doctor: {short[0]}"
    with book.row("a clock in 1970: the log and the doctor say so") as row:
        line = _log_line(machine, "check this device's clock", once=False)  # it tries to connect again and again
        row.seen = f"log: {line}; doctor: {said.fault('clock', 'the clock is wrong')}"
    with book.row("a press in 1970 lights yellow, and arrives once somebody has set the clock") as row:
        kiosk.wiring.wait_until_lit("yellow")
        assert len(kiosk.alarms("police")) == known, "an alarm came through: the clock is not wrong"
        machine.check(f"date -u -s @{time.time():.0f}")
        alarm = only(kiosk.wait_for_presses(1, "police", timeout_s=_ARRIVE_S, since=known))
        row.seen = f"1 alarm, timeq {alarm.first[1].timeq}"
        kiosk.wait_for_birth(births)
        kiosk.close_alarms()
    with book.row("beside a taken pin and a full disk another button works"):
        _press_and_close(kiosk, "medical", births)
    with book.row("all mended: the doctor finds nothing wrong, and the button that was taken works", essential=True):
        births = kiosk.births()
        machine.check(f"{_DISK_FREE}; {_PIN_FREE}; systemctl restart edge-agent", _START_S)
        kiosk.doctor("agent", "pins", "disk", "clock").check_well()
        _press_and_close(kiosk, "fire", births)


def _log_line(machine: Machine, text: str, *, once: bool = True) -> str:
    """The line of the log of the unit's last start that tells of it, the only one unless it may be told again."""
    script = 'journalctl -o cat --no-pager _SYSTEMD_INVOCATION_ID="$(systemctl show -P InvocationID edge-agent)"'

    def lines() -> list[str]:
        return [line for line in machine.check(script).splitlines() if text in line]

    found = wait_for(lines, 20, f"a line about {text!r} in the log")
    assert len(found) == 1 or not once, f"{len(found)} lines: {found}"
    return found[0]


def _press_and_close(kiosk: Kiosk, button: str, births: int) -> None:
    """`births` is how many there were before the last start."""
    kiosk.press_and_hear(button, _ARRIVE_S)
    kiosk.wait_for_birth(births)
    kiosk.close_alarms()
