"""A device with one camera on USB."""

import time

from tests.campaigns.emulation.camera.camera_log import CameraLog
from tests.campaigns.emulation.camera.vivid import Vivid
from tests.campaigns.emulation.figures import CGROUP
from tests.campaigns.emulation.kiosk import Kiosk


class CameraSite:
    """The machine, the camera on it, the broker and the centre. Main thread."""

    def __init__(self, kiosk: Kiosk) -> None:
        self.kiosk = kiosk
        self.machine = kiosk.machine
        self.vivid = Vivid(kiosk.machine)

    def listen(self) -> CameraLog:
        """What the centre is told from now on."""
        return CameraLog(self.kiosk.centre)

    def processes(self) -> list[int]:
        """How often the unit has been started again, its core, and its camera process."""
        restarts = "systemctl show -P NRestarts edge-agent"
        return [int(each) for each in self.machine.check(f"{restarts}; cat {CGROUP}/cgroup.procs").split()]

    def boottime_s(self) -> float:
        """CLOCK_BOOTTIME of the machine."""
        return float(self.machine.ask(30.0, do="clock")["boottime_ns"]) / 1e9

    def press(self) -> float:
        """Somebody presses: how many seconds until the centre hears of it. Its alarm is closed."""
        began_s = time.monotonic()
        alarm = self.kiosk.press_and_hear("medical")
        seconds = time.monotonic() - began_s
        self.kiosk.close_alarm(alarm)
        return seconds
