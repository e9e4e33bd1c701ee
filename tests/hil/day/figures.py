"""Memory and processor time of the agent on the emulated machine, as its control group and the kernel count them."""

from dataclasses import dataclass

from tests.hil.book import Row
from tests.hil.machine import Machine

_LOOK = """\
systemctl show -P CPUUsageNSec edge-agent
systemctl show -P MemoryCurrent edge-agent
cut -d' ' -f1 /proc/uptime
for pid in $(cat /sys/fs/cgroup/system.slice/edge-agent.service/cgroup.procs); do
  tr '\\0' ' ' < /proc/$pid/cmdline
  sed -n 's/^Pss: *\\([0-9]*\\) kB/|\\1/p' /proc/$pid/smaps_rollup
done
"""
_VISION = "agent.vision"


@dataclass(frozen=True, slots=True)
class Look:
    """At one moment."""

    processor_s: float
    """Used by the whole service since it started."""
    uptime_s: float
    memory_mib: float
    """Of the control group: page cache and the memory of the kernel that it caused are in it."""
    core_mib: float
    """Proportional set size of the core."""
    vision_mib: float
    """The same of all camera processes; 0 without one."""


def look(machine: Machine) -> Look:
    """How it is now."""
    processor, memory, uptime, *processes = machine.check(_LOOK).splitlines()
    pss = {"core": 0.0, "vision": 0.0}
    for line in processes:
        command, _, kib = line.rpartition("|")
        pss["vision" if _VISION in command else "core"] += int(kib) / 1024
    return Look(int(processor) / 1e9, float(uptime), int(memory) / 2**20, pss["core"], pss["vision"])


def share(before: Look, after: Look) -> float:
    """Percent of one emulated processor between two moments."""
    return 100 * (after.processor_s - before.processor_s) / (after.uptime_s - before.uptime_s)


def tell(row: Row, before: Look, after: Look) -> None:
    """Put them into a row."""
    row.figures |= {
        "processor_percent": round(share(before, after), 1),
        "core_pss_mib": round(after.core_mib, 1),
        "vision_pss_mib": round(after.vision_mib, 1),
        "cgroup_mib": round(after.memory_mib, 1),
    }
    vision = f", vision {after.vision_mib:.0f} MiB" if after.vision_mib else ""
    row.seen = (
        f"{share(before, after):.0f} % of one emulated processor; PSS of the core {after.core_mib:.0f} MiB{vision};"
        f" control group {after.memory_mib:.0f} MiB"
    )


def measure(machine: Machine, row: Row, for_s: float) -> None:
    """Over so many seconds of whatever goes on."""
    before = look(machine)
    machine.check(f"sleep {for_s}", for_s + 30)
    tell(row, before, look(machine))


def main_process(machine: Machine) -> int:
    """The core's process number."""
    return int(machine.check("systemctl show -P MainPID edge-agent"))
