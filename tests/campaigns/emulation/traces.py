"""What a machine leaves for whoever wants to know what happened in it, and a way into it."""

import shutil
import sys
from contextlib import suppress
from pathlib import Path

from tests.campaigns.emulation.emulator import MachineError
from tests.campaigns.emulation.kiosk import Kiosk
from tests.campaigns.emulation.machine import Machine

_JOURNAL = "journalctl --boot --no-pager --output=short-monotonic"


def keep(kiosk: Kiosk, record: Path) -> None:
    """Beside `record`: the machine's serial port and its journal, of the last boot, and the broker's log.

    What it can't tell any more is left out, and so is what an earlier day has left.
    """
    console, journal, broker = (record.with_suffix(f".{name}.log") for name in ("console", "journal", "broker"))
    record.parent.mkdir(parents=True, exist_ok=True)
    for each in (console, journal, broker):
        each.unlink(missing_ok=True)
    broker.write_text(kiosk.broker.log(), encoding="utf-8")
    with suppress(OSError):
        shutil.copy(kiosk.machine.console, console)
    with suppress(MachineError, AssertionError):  # it is off
        journal.write_text(kiosk.machine.run(_JOURNAL).said, encoding="utf-8")


def stay(machine: Machine) -> None:
    """Run each line of standard input as root in the machine, until there is none."""
    print("each line runs as root in the machine; Ctrl-D switches it off", flush=True)
    for line in sys.stdin:
        try:
            done = machine.run(line)
        except MachineError as error:
            print(error, flush=True)
        else:
            print(f"{done.said}(code {done.code})", flush=True)
