"""What core and camera processes take of the emulated machine, by the kernel's own counts."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from tests.campaigns.emulation.book import Row
from tests.campaigns.emulation.machine import Machine

CGROUP = "/sys/fs/cgroup/system.slice/edge-agent.service"
_LOOK = f"""\
set -e
cut -d' ' -f1 /proc/uptime
systemctl show -P CPUUsageNSec edge-agent
systemctl show -P MemoryCurrent edge-agent
getconf CLK_TCK
for pid in $(cat {CGROUP}/cgroup.procs); do
  tr '\\0' ' ' < /proc/$pid/cmdline
  sed -n 's/^Pss: *\\([0-9]*\\) kB/|\\1/p' /proc/$pid/smaps_rollup | tr '\\n' '|'
  sed 's/.*) //' /proc/$pid/stat | cut -d' ' -f12,13
done
"""
_CAMERA = "agent.vision"
CORE_MIB, CAMERA_MIB = 80.0, 150.0
"""At most, of proportional memory: half as much again as they took when this was written (55 and 100)."""
IDLE_PERCENT = 60.0
"""At most, of the whole unit: twice and more what it took on a busy host (25)."""


@dataclass(frozen=True, slots=True)
class _Look:
    """At one moment: seconds of processor time since the start, and MiB, by who took them. Proportional memory (PSS) of
    processes; of the unit, that of its control group, with its page cache and what the kernel needs for it."""

    uptime_s: float
    spent_s: Mapping[str, float]
    mib: Mapping[str, float]


class Meter:
    """Begins to count when it is made. Raises MachineError."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._began = self._look()
        self._ended: _Look | None = None

    def stop(self) -> None:
        """What follows does not count."""
        self._ended = self._look()

    def tell(self, row: Row, most_percent: float = math.inf) -> None:
        """In words and figures, up to now or to `stop`. Raises AssertionError when a process takes too much memory, or
        the unit more of the processor than this."""
        began, now = self._began, self._ended or self._look()
        words = []
        for who, mib in now.mib.items():
            spent_s = now.spent_s[who] - began.spent_s.get(who, 0.0)
            percent = 100 * spent_s / (now.uptime_s - began.uptime_s)
            row.figures |= {f"{who}_mib": round(mib, 1), f"{who}_percent": round(percent, 1)}
            words.append(f"{who} {mib:.0f} MiB, {percent:.0f} %")
        row.seen = f"{'; '.join(words)} of one emulated processor"
        for who, most in (("core", CORE_MIB), ("camera", CAMERA_MIB)):
            assert now.mib.get(who, 0.0) <= most, f"{who} takes more than {most:g} MiB: {row.seen}"
        assert row.figures["unit_percent"] <= most_percent, f"more than {most_percent:g} %: {row.seen}"

    def _look(self) -> _Look:
        uptime, spent_ns, memory, ticks, *processes = self._machine.check(_LOOK).splitlines()
        spent_s, mib = {"unit": int(spent_ns) / 1e9}, {"unit": int(memory) / 2**20}
        for line in processes:
            command, kib, spent = line.rsplit("|", 2)
            who = "camera" if _CAMERA in command else "core"
            mib[who] = mib.get(who, 0.0) + int(kib) / 1024
            spent_s[who] = spent_s.get(who, 0.0) + sum(map(int, spent.split())) / int(ticks)
        return _Look(float(uptime), spent_s, mib)


def measure(machine: Machine, row: Row, for_s: float, most_percent: float = math.inf) -> None:
    """Over so many seconds of whatever goes on."""
    meter = Meter(machine)
    machine.check(f"sleep {for_s}", for_s + 30)
    meter.tell(row, most_percent)


def main_process(machine: Machine) -> int:
    """The core's process number."""
    return int(machine.check("systemctl show -P MainPID edge-agent"))
