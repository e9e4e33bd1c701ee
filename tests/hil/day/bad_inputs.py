"""What a device may find when it starts: no chip, a pin that is taken, a full disk, a clock that was never set.

The last three come together, as trouble does; the doctor and the log have a line for each.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.hil.book import Book
from tests.hil.kiosk import SETTINGS, Kiosk
from tests.hil.machine import Machine
from tests.hil.told import check_once
from tests.hil.wiring import BUTTONS
from tests.support.wait import wait_for

_DOCTOR_S = 120.0
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
_IN_1970 = "date -u -s @86400"
_NO_CHIP = "echo gpio-sim > /sys/bus/platform/drivers/gpio-sim/unbind; ! ls /dev/gpiochip* 2> /dev/null"
_CHIP = "echo gpio-sim > /sys/bus/platform/drivers/gpio-sim/bind"


def play(kiosk: Kiosk, book: Book) -> None:
    """On a kiosk that is online."""
    kiosk.come_to_rest()
    _no_chip(kiosk, book)
    _pin_disk_and_clock(kiosk, book)


def _no_chip(kiosk: Kiosk, book: Book) -> None:
    machine = kiosk.machine
    with book.row("no GPIO chip: the log and the doctor say so, and systemd goes on trying", essential=True) as row:
        machine.check("systemctl stop edge-agent")
        machine.check(_NO_CHIP)
        machine.run("systemctl start edge-agent", _START_S)
        line = _log_line(machine, "there is no GPIO chip")
        said = _ask(machine, "agent", "pins")
        row.seen = f"log: {line}; doctor: {said.the('pins', 'there is no /dev/gpiochip0')}"
        said.the("agent", "the service ends by itself")
        assert said.code == 1, f"exit code {said.code}"
    with book.row("the chip is back: the buttons are live again by themselves, and a press arrives", essential=True):
        births = kiosk.births()
        machine.check(_CHIP)
        kiosk.wiring.rewire()
        machine.check(_until_active(), _START_S)
        _press_and_close(kiosk, "fire", births)


def _pin_disk_and_clock(kiosk: Kiosk, book: Book) -> None:
    machine, births = kiosk.machine, kiosk.births()
    machine.check("systemctl stop edge-agent")
    machine.check(f"{_PIN_TAKEN}\n{_DISK_FULL}\n{_IN_1970}")
    machine.check("systemctl start edge-agent", _START_S)
    kiosk.wiring.press("police")
    said = _ask(machine, "pins", "disk", "clock")
    with book.row("a pin that another driver holds: the log and the doctor say which") as row:
        line = _log_line(machine, "input-fire does not work")
        row.seen = f"log: {line}; doctor: {said.the('pins', 'pin 25 of button fire is in use by')}"
        assert said.code == 1, f"exit code {said.code}"
    with book.row("a state partition without any room: the log and the doctor say so") as row:
        line = _log_line(machine, "the disk is full")
        row.seen = f"log: {line}; doctor: {said.the('disk', 'is full')}"
    with book.row("a clock in 1970: the log and the doctor say so") as row:
        line = _log_line(machine, "check this device's clock", at_least=1)
        row.seen = f"log: {line}; doctor: {said.the('clock', 'the clock is wrong')}"
    known = {name: len(kiosk.alarms(name)) for name in BUTTONS}
    with book.row("a press in 1970 lights yellow, and arrives once somebody has set the clock") as row:
        assert kiosk.alarms("police")[known["police"] :] == []
        kiosk.wiring.wait_until_lit("yellow")
        machine.check(f"date -u -s @{time.time():.0f}")
        (alarm,) = kiosk.wait_for_presses(1, "police", timeout_s=_ARRIVE_S, since=known["police"])
        check_once([alarm], 1)
        row.seen = f"1 alarm, timeq {alarm.first[1].timeq}"
        kiosk.wait_for_birth(births)
        kiosk.close_alarms()
    with book.row("beside a taken pin and a full disk another button works"):
        _press_and_close(kiosk, "medical", births)
    with book.row("all mended: the doctor finds nothing wrong, and the button that was taken works", essential=True):
        births = kiosk.births()
        machine.check(f"{_DISK_FREE}; {_PIN_FREE}; systemctl restart edge-agent", _START_S)
        said = _ask(machine, "agent", "pins", "disk", "clock")
        assert said.code == 0, str(said)
        _press_and_close(kiosk, "fire", births)


@dataclass(frozen=True, slots=True)
class _Said:
    """What the doctor said."""

    code: int
    findings: Sequence[tuple[str, str, str, str]]
    """Check, state, what is so, and what to do."""

    def the(self, check: str, what: str) -> str:
        """What it says is wrong with this, and what to do. Raises AssertionError when it does not."""
        found = [
            f"{says} -> {do}"
            for name, state, says, do in self.findings
            if name == check and state == "fail" and what in says and do
        ]
        assert found, f"the doctor does not say {what!r}, but {self}"
        return found[0]

    def __str__(self) -> str:
        return "; ".join(f"{state} {check}: {says}" for check, state, says, _ in self.findings)


def _ask(machine: Machine, *checks: str) -> _Said:
    only = " ".join(f"--only {check}" for check in checks)
    done = machine.run(f"edge-agent doctor --config {SETTINGS} --json {only} 2>/dev/null", _DOCTOR_S)
    findings = [
        (check["name"], each["state"], each["what"], each["do"])
        for check in json.loads(done.said)["checks"]
        for each in check["findings"]
    ]
    return _Said(done.code, findings)


def _log_line(machine: Machine, text: str, at_least: int | None = None) -> str:
    """The line of the log of this start that tells of it. There is one, or `at_least` so many where the text is about a
    connection that is tried again."""
    script = 'journalctl -o cat --no-pager _SYSTEMD_INVOCATION_ID="$(systemctl show -P InvocationID edge-agent)"'

    def lines() -> list[str]:
        return [line for line in machine.check(script).splitlines() if text in line]

    found = wait_for(lines, 20, f"a line about {text!r} in the log")
    assert at_least is not None or len(found) == 1, f"{len(found)} lines: {found}"
    return found[0]


def _until_active() -> str:
    return 'until [ "$(systemctl show -P ActiveState edge-agent)" = active ]; do sleep 0.3; done'


def _press_and_close(kiosk: Kiosk, button: str, births: int) -> None:
    """`births` is how many there were before the last start."""
    known = len(kiosk.alarms(button))
    kiosk.wiring.press(button)
    check_once(kiosk.wait_for_presses(1, button, timeout_s=_ARRIVE_S, since=known), 1)
    kiosk.wait_for_birth(births)
    kiosk.close_alarms()
