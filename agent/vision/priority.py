"""This process's place on the machine: it gives way first when memory or time is short, and dies with the core."""

import contextlib
import ctypes
import os
import signal
from pathlib import Path

NICENESS = 10
OOM_SCORE = 500
_PR_SET_PDEATHSIG = 1


def give_way() -> None:
    """Lower the priority, ask to be killed first when memory is short, and arrange to die with the core.

    Best effort: a sandbox may forbid any of it. SIGINT and SIGTERM are ignored: a terminal or a service manager
    sends them to every process, and the core decides when this one stops.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE), encoding="ascii")
