"""For processes of tests: a clock that counts as set, since that of the machine that tests may never be; and a disk
that takes TEST_SYNC_S seconds for each sync."""

import os
import time
from collections.abc import Callable

_seconds = float(os.environ.get("TEST_SYNC_S", "0"))


def _slow(sync: Callable[[int], None]) -> Callable[[int], None]:
    def slow(file: int) -> None:
        time.sleep(_seconds)
        sync(file)

    return slow


if _seconds:
    os.fsync, os.fdatasync = _slow(os.fsync), _slow(os.fdatasync)  # type: ignore[assignment]

from agent.adapters.system_clock import SystemClock  # noqa: E402
from agent.contract.vocabulary import TimeQuality  # noqa: E402


def _quality(_: SystemClock) -> TimeQuality:
    return TimeQuality.SYNCED


SystemClock.quality = _quality  # type: ignore[assignment, method-assign]
