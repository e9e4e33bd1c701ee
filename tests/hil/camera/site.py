"""A device with one camera on USB, and what a technician asks it."""

import json
import time
from typing import Any

from tests.hil.camera.told import Told
from tests.hil.camera.vivid import Vivid
from tests.hil.kiosk import SETTINGS, Kiosk

_DOCTOR_S = 120.0
CGROUP = "/sys/fs/cgroup/system.slice/edge-agent.service"


class CameraSite:
    """The machine, the camera on it, the broker and the centre. Main thread."""

    def __init__(self, kiosk: Kiosk) -> None:
        self.kiosk = kiosk
        self.machine = kiosk.machine
        self.vivid = Vivid(kiosk.machine)

    def listen(self) -> Told:
        """What the centre is told from now on."""
        return Told(self.kiosk.centre)

    def doctor(self, *only: str) -> tuple[int, dict[str, list[dict[str, str]]]]:
        """Its exit code, and what it finds, by check."""
        names = "".join(f" --only {name}" for name in only)
        done = self.machine.run(f"edge-agent doctor --config {SETTINGS} --json{names}", _DOCTOR_S)
        report: dict[str, Any] = json.loads(done.said)
        return done.code, {check["name"]: check["findings"] for check in report["checks"]}

    def processes(self) -> list[int]:
        """How often the unit has been started again, its core, and its camera process."""
        restarts = "systemctl show -P NRestarts edge-agent"
        return [int(each) for each in self.machine.check(f"{restarts}; cat {CGROUP}/cgroup.procs").split()]

    def boottime_s(self) -> float:
        """CLOCK_BOOTTIME of the machine."""
        return float(self.machine.ask(30.0, do="clock")["boottime_ns"]) / 1e9

    def log_mark(self) -> str:
        """For `log_lines`."""
        return self.machine.check(
            "journalctl --sync; journalctl -u edge-agent -n 0 --show-cursor | sed -n 's/^-- cursor: //p'"
        ).strip()

    def log_lines(self, mark: str) -> list[str]:
        """What the unit has logged since."""
        said = self.machine.check(f"journalctl --sync; journalctl -u edge-agent -o cat --after-cursor '{mark}'")
        return [line for line in said.splitlines() if line]

    def press(self) -> float:
        """Somebody presses: how many seconds until the centre hears of it. Its alarm is closed."""
        known = len(self.kiosk.alarms("medical"))
        began_s = time.monotonic()
        self.kiosk.wiring.press("medical")
        (alarm,) = self.kiosk.wait_for_presses(1, "medical", since=known)
        seconds = time.monotonic() - began_s
        self.kiosk.close_alarm(alarm)
        return seconds
