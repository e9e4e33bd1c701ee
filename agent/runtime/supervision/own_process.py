"""The resources that this process uses, read from the kernel."""

import os
import resource
import time
from pathlib import Path

_STATM = Path("/proc/self/statm")
_IO = Path("/proc/self/io")


class OwnProcess:
    """The figures of this process. One thread, as `cpu_percent` counts since its last call."""

    def __init__(self) -> None:
        self._cpu_s, self._at_s = _cpu_s(), time.monotonic()

    def cpu_percent(self) -> float:
        """Return the processor time since the last call, in percent of one core, all threads together."""
        cpu_s, at_s = _cpu_s(), time.monotonic()
        used_s, passed_s = cpu_s - self._cpu_s, at_s - self._at_s
        self._cpu_s, self._at_s = cpu_s, at_s
        return round(100 * used_s / passed_s, 1) if passed_s > 0 else 0.0

    def resident_bytes(self) -> int:
        """Return its resident memory."""
        return int(_STATM.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def written_bytes(self) -> int | None:
        """Return the bytes that it has written to disks since it started; None when the kernel does not say."""
        try:
            fields = dict(line.split(b": ") for line in _IO.read_bytes().splitlines())
            return int(fields[b"write_bytes"])
        except (OSError, ValueError, KeyError):
            return None


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
