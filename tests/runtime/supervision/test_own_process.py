"""The figures of a process, beside those of a library that reads the same."""

from pathlib import Path

import psutil
import pytest

from agent.runtime.supervision import own_process
from agent.runtime.supervision.own_process import OwnProcess


def test_memory_is_what_the_kernel_says() -> None:
    ours, theirs = OwnProcess().resident_bytes(), psutil.Process().memory_info().rss
    assert ours == pytest.approx(theirs, rel=0.05)


def test_what_was_written_to_disks_is_what_the_kernel_says() -> None:
    before = psutil.Process().io_counters().write_bytes
    ours = OwnProcess().written_bytes()
    assert ours is not None
    assert before <= ours <= psutil.Process().io_counters().write_bytes


def test_a_kernel_that_does_not_account_for_disks_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(own_process, "_IO", tmp_path / "none")
    assert OwnProcess().written_bytes() is None


def test_the_share_of_the_processor_is_of_the_time_since_the_last_call(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu_s = iter([1.0, 1.5, 1.5])
    now_s = iter([100.0, 102.0, 104.0])
    monkeypatch.setattr(own_process, "_cpu_s", lambda: next(cpu_s))
    monkeypatch.setattr("time.monotonic", lambda: next(now_s))
    process = OwnProcess()
    assert [process.cpu_percent(), process.cpu_percent()] == [25.0, 0.0]
