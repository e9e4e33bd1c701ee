"""The kernel's clocks, and how far the kernel trusts its time."""

import ctypes
import logging
import os
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from agent.contract.times import TimeQuality

_log = logging.getLogger(__name__)

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_SYNCED_ONCE = Path("/run/systemd/timesync/synchronized")
_FRESH_NS = 900_000_000
"""Just under the second between two checks by the watch over the time: so it asks the kernel, and a press does not."""
_TIME_ERROR = 5
_STA_UNSYNC = 0x40


class _Timex(ctypes.Structure):
    """`struct timex` of <sys/timex.h>; we only read, so only the size and `status` matter."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


class SystemClock:
    """The port Clock on this machine's kernel.

    `quality` asks the kernel (adjtimex, read only). If the unit forbids the call (`ProtectClock=yes`, or
    `SystemCallFilter=~@clock`), only systemd-timesyncd's mark is left, and the best answer is HOLDOVER.
    """

    def __init__(self, synced_once: Path = _SYNCED_ONCE, fresh_ns: int = _FRESH_NS) -> None:
        """`fresh_ns` is how long an answer of the kernel counts."""
        self._synced_once_file = synced_once
        self._boot_id: str | None = None
        self._was_synced = False
        self._fresh_ns = fresh_ns
        self._answer: tuple[int, TimeQuality] | None = None
        """When the kernel was last asked, and the quality that followed from its answer."""
        self._may_ask = True
        self._adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex

    @property
    def boot_id(self) -> str:
        """The kernel's identifier of this boot."""
        if self._boot_id is None:
            self._boot_id = _BOOT_ID.read_text(encoding="ascii").strip()
        return self._boot_id

    boottime_ns = staticmethod(partial(time.clock_gettime_ns, time.CLOCK_BOOTTIME))
    """CLOCK_BOOTTIME in nanoseconds."""

    def wall(self) -> datetime:
        """The wall clock in UTC."""
        return datetime.now(UTC)

    def quality(self) -> TimeQuality:
        """Return SYNCED while the kernel says so, HOLDOVER if it was so earlier in this boot, else UNSYNCED."""
        now_ns = self.boottime_ns()
        answer = self._answer
        if answer is None or now_ns - answer[0] >= self._fresh_ns:
            answer = self._answer = (now_ns, self._ask())
        return answer[1]

    def _ask(self) -> TimeQuality:
        if self._kernel_says_synced():
            self._was_synced = True
            return TimeQuality.SYNCED
        if self._was_synced or self._synced_once_file.exists():
            self._was_synced = True
            return TimeQuality.HOLDOVER
        return TimeQuality.UNSYNCED

    def _kernel_says_synced(self) -> bool:
        if not self._may_ask:
            return False
        timex = _Timex()
        state = self._adjtimex(ctypes.byref(timex))
        if state < 0:
            self._may_ask = False
            _log.warning("the kernel does not say whether its time is right: %s", os.strerror(ctypes.get_errno()))
            return False
        return state != _TIME_ERROR and not timex.status & _STA_UNSYNC
