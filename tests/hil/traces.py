"""What a machine leaves for whoever wants to know what happened in it, and a way into it."""

import shutil
import sys
from contextlib import suppress
from pathlib import Path

from tests.hil.emulator import MachineError
from tests.hil.machine import Machine

_JOURNAL = "journalctl --boot --no-pager --output=short-monotonic"


def keep(machine: Machine, record: Path) -> None:
    """Beside `record`: its serial port and its journal, of the last boot. What it can't tell any more is left out."""
    record.parent.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):
        shutil.copy(machine.console, record.with_suffix(".console.log"))
    with suppress(MachineError, AssertionError, KeyError):  # off, or its answer is to what was interrupted
        record.with_suffix(".journal.log").write_text(machine.run(_JOURNAL).said, encoding="utf-8")


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
