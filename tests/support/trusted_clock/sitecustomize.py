"""For processes of tests: a clock that counts as set, since that of the machine that tests may never be, and is by so
many seconds fast as the file TEST_CLOCK says; a disk that takes TEST_SYNC_S seconds for each sync; and a recorder that
tells its head every TEST_HEAD_S seconds."""

import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

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

if "TEST_CLOCK" in os.environ:
    _fast = Path(os.environ["TEST_CLOCK"])

    def _wall(_: SystemClock) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(_fast.read_text()))

    SystemClock.wall = _wall  # type: ignore[assignment, method-assign]

if "TEST_HEAD_S" in os.environ and "agent.recorder" in sys.orig_argv:
    from agent.recorder import recorder

    recorder._REST_S = int(os.environ["TEST_HEAD_S"])
    recorder._HEAD_NS = recorder._REST_S * 10**9
