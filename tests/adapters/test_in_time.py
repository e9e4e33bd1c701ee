import threading

import pytest

from agent.adapters.in_time import InTime, in_time
from agent.core.errors import StorageError
from tests.support.wait import wait_for


def fail() -> None:
    raise StorageError("broken")


def test_what_a_call_raises_reaches_whoever_waits() -> None:
    for wait in (in_time, InTime()):
        with pytest.raises(StorageError, match="broken"):
            wait(fail)
        assert wait(lambda: 7) == 7


def test_a_moment_without_a_thread_to_spare_does_not_keep_it_waiting_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    wait = InTime()

    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", none_left)
        with pytest.raises(StorageError, match="can't start new thread"):
            wait(lambda: 7)
    assert wait(lambda: 7) == 7


def test_while_one_call_waits_for_a_disk_that_hangs_no_other_begins_and_later_all_is_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agent.adapters.in_time.PATIENCE_S", 0.05)
    wait, disk, ended = InTime(), threading.Event(), threading.Event()
    threads = threading.active_count()

    def hang() -> None:
        disk.wait()
        ended.set()

    for said in ("the disk does not answer", "the disk still does not answer", "the disk still does not answer"):
        with pytest.raises(StorageError, match=said):
            wait(hang)
    assert threading.active_count() == threads + 1
    disk.set()
    assert ended.wait(30)
    wait_for(lambda: threading.active_count() == threads, what="the end of the thread")
    assert wait(lambda: 7) == 7
