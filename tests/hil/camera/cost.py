"""What core and camera process take of the emulated machine, by the kernel's own counts."""

import json
from dataclasses import dataclass
from typing import Any

from tests.hil.book import Row
from tests.hil.machine import Machine

_READ = """\
import json, os, re, subprocess, time
show = ["systemctl", "show", "edge-agent", "-p", "MainPID", "-p", "MemoryCurrent", "-p", "CPUUsageNSec"]
unit = dict(line.split("=") for line in subprocess.check_output(show, text=True).split())
def process(pid):
    spent = open(f"/proc/{pid}/stat").read().rpartition(") ")[2].split()[11:13]
    pss = re.search(r"^Pss: +([0-9]+)", open(f"/proc/{pid}/smaps_rollup").read(), re.M)
    return {"pss_kb": int(pss[1]), "spent_s": sum(map(int, spent)) / os.sysconf("SC_CLK_TCK")}
pids = open("/sys/fs/cgroup/system.slice/edge-agent.service/cgroup.procs").read().split()
(camera,) = set(pids) - {unit["MainPID"]}
print(json.dumps({"at_s": time.clock_gettime(time.CLOCK_BOOTTIME), "memory": int(unit["MemoryCurrent"]),
    "spent_s": int(unit["CPUUsageNSec"]) / 1e9, "core": process(unit["MainPID"]), "camera": process(camera)}))
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Over a time. Shares are of one emulated processor; memory is proportional (PSS), in MB, at its end."""

    seconds: float
    unit_share: float
    unit_mb: float
    core_share: float
    core_mb: float
    camera_share: float
    camera_mb: float

    def enter(self, row: Row, when: str) -> None:
        """As words and figures of a row."""
        row.seen = (
            f"core {self.core_mb:.0f} MB, {self.core_share:.0%} of a processor;"
            f" camera {self.camera_mb:.0f} MB, {self.camera_share:.0%};"
            f" unit {self.unit_mb:.0f} MB, {self.unit_share:.0%} ({self.seconds:.0f} s)"
        )
        for name in ("core", "camera", "unit"):
            row.figures[f"{when}_{name}_mb"] = round(getattr(self, f"{name}_mb"), 1)
            row.figures[f"{when}_{name}_share"] = round(getattr(self, f"{name}_share"), 3)


class Meter:
    """Begins to count when it is made. Raises MachineError."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._began = self._read()

    def cost(self) -> Cost:
        """Since the beginning."""
        began, now = self._began, self._read()
        seconds: float = now["at_s"] - began["at_s"]

        def share(who: str) -> float:
            spent_s: float = now[who]["spent_s"] - began[who]["spent_s"]
            return spent_s / seconds

        return Cost(
            seconds=seconds,
            unit_share=(now["spent_s"] - began["spent_s"]) / seconds,
            unit_mb=now["memory"] / 1e6,
            core_share=share("core"),
            core_mb=now["core"]["pss_kb"] * 1024 / 1e6,
            camera_share=share("camera"),
            camera_mb=now["camera"]["pss_kb"] * 1024 / 1e6,
        )

    def _read(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self._machine.check(f"python3 -S -c '{_READ}'"))
        return read
