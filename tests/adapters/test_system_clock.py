import ctypes
import errno
import time
from pathlib import Path

import pytest

from agent.adapters.system_clock import SystemClock
from agent.contract.vocabulary import TimeQuality

TIME_OK, TIME_ERROR = 0, 5


class Kernel:
    """Stands for the adjtimex call."""

    def __init__(self, state: int) -> None:
        self.state = state

    def __call__(self, timex: object) -> int:
        if self.state < 0:
            ctypes.set_errno(errno.EPERM)
        return self.state


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "synchronized"


def clock_on(kernel: Kernel, mark: Path) -> SystemClock:
    clock = SystemClock(synced_once=mark, fresh_ns=0)
    clock._adjtimex = kernel  # type: ignore[assignment]
    return clock


def test_boot_time_is_the_kernels() -> None:
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    now = SystemClock().boottime_ns()

    assert before <= now <= time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def test_the_real_kernel_answers() -> None:
    clock = SystemClock()

    assert clock.quality() in TimeQuality
    assert clock._may_ask


def test_time_is_synced_while_the_kernel_says_so(mark: Path) -> None:
    assert clock_on(Kernel(TIME_OK), mark).quality() is TimeQuality.SYNCED


def test_time_that_was_never_set_is_unsynced(mark: Path) -> None:
    assert clock_on(Kernel(TIME_ERROR), mark).quality() is TimeQuality.UNSYNCED


def test_time_that_lost_its_source_is_in_holdover(mark: Path) -> None:
    kernel = Kernel(TIME_OK)
    clock = clock_on(kernel, mark)
    clock.quality()
    kernel.state = TIME_ERROR

    assert clock.quality() is TimeQuality.HOLDOVER


def test_the_kernel_is_asked_once_in_a_while_and_not_for_every_message(mark: Path) -> None:
    kernel = Kernel(TIME_OK)
    clock = SystemClock(synced_once=mark)
    clock._adjtimex = kernel  # type: ignore[assignment]
    clock.quality()
    kernel.state = TIME_ERROR

    assert clock.quality() is TimeQuality.SYNCED


def test_holdover_is_known_after_a_restart_of_the_agent(mark: Path) -> None:
    mark.touch()

    assert clock_on(Kernel(TIME_ERROR), mark).quality() is TimeQuality.HOLDOVER


def test_a_unit_that_forbids_the_question_leaves_the_mark_to_go_by(
    mark: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = clock_on(Kernel(-1), mark)
    assert clock.quality() is TimeQuality.UNSYNCED
    mark.touch()

    assert clock.quality() is TimeQuality.HOLDOVER
    assert len(caplog.records) == 1
