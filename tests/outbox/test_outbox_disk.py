import sqlite3
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from agent.core.errors import DiskFullError, StorageError
from agent.outbox.database import Batch
from agent.outbox.outbox import Outbox
from agent.outbox.store import MessageStore
from agent.sim.clock import SimClock
from tests.support.drafts import (
    alarm,
    event,
    killed,
    open_outbox,
    reopened,
    taken,
    write,
)
from tests.support.fake_ports import topics
from tests.support.outbox_fixtures import SOON

"""After this a disk that has failed once is tried again."""


class FailingJournal(MessageStore):
    """Refuses to write while `failing` is set."""

    failing = False
    error: type[StorageError] = StorageError
    attempts = 0

    def write(self, batch: Batch) -> None:
        self.attempts += 1
        if self.failing:
            raise self.error("the disk is full; free some of it")
        super().write(batch)


def test_put_does_not_wait_for_a_write_that_hangs(tmp_path: Path, clock: SimClock) -> None:
    hangs, goes_on = threading.Event(), threading.Event()

    class HangingJournal(MessageStore):
        def write(self, batch: Batch) -> None:
            hangs.set()
            goes_on.wait(10)
            super().write(batch)

    outbox = open_outbox(tmp_path / "store", clock, HangingJournal(tmp_path / "store"))
    journal_thread = threading.Thread(target=outbox.writer.run_once, args=(0,), name="store")
    journal_thread.start()
    try:
        assert hangs.wait(10)
        outbox.put(alarm())
        found = outbox.take()
        assert found is not None
        assert not goes_on.is_set()
        outbox.confirm(found[0])
    finally:
        goes_on.set()
        journal_thread.join()
    outbox.close()
    assert reopened(tmp_path / "store", clock) == []


def test_a_forced_write_that_is_slow_does_not_keep_the_message_back(tmp_path: Path, clock: SimClock) -> None:
    """A commit is enough to leave; the flush that survives a power cut goes on beside it."""
    during_sync: list[str] = []
    outbox: Outbox

    def sync(_: int) -> None:
        during_sync.extend(topics(taken(outbox)))

    outbox = open_outbox(tmp_path / "store", clock, MessageStore(tmp_path / "store", sync))
    outbox.put(alarm())
    write(outbox)
    outbox.close()

    assert during_sync == ["alarm/police"]


def test_a_failing_disk_holds_back_no_alarm_and_gets_it_once_it_works(tmp_path: Path, clock: SimClock) -> None:
    store = FailingJournal(tmp_path / "store")
    outbox = open_outbox(tmp_path / "store", clock, store)
    store.failing = True
    outbox.put(alarm("a1"), keep={"alarm/a1": "open"})
    write(outbox)
    assert outbox.writer.fault == "the disk is full; free some of it"

    found = outbox.take()
    assert found is not None
    outbox.give_back(found[0])
    safe = outbox.keep("ctr/k", "7")
    write(outbox)
    assert not safe.is_set()

    store.failing = False
    clock.advance(SOON)
    write(outbox)
    assert outbox.writer.fault is None
    assert safe.is_set()
    assert store.state("alarm/") == {"alarm/a1": "open"}
    copy = killed(tmp_path / "store", tmp_path / "copy")
    outbox.close()

    assert topics(reopened(copy, clock)) == ["alarm/police"]


def test_an_alarm_that_a_failing_disk_did_not_take_outlives_the_process(tmp_path: Path, clock: SimClock) -> None:
    store = FailingJournal(tmp_path / "store")
    outbox = open_outbox(tmp_path / "store", clock, store)
    store.failing = True
    outbox.put(alarm("a1"), keep={"alarm/a1": "open"})
    write(outbox)
    copy = killed(tmp_path / "store", tmp_path / "copy")
    outbox.close()

    again = open_outbox(copy, clock)
    assert again.kept("alarm/") == {"alarm/a1": "open"}
    assert topics(taken(again)) == ["alarm/police"]
    again.close()


def test_a_newer_value_wins_over_the_one_that_could_not_be_written(tmp_path: Path, clock: SimClock) -> None:
    store = FailingJournal(tmp_path / "store")
    outbox = open_outbox(tmp_path / "store", clock, store)
    store.failing = True
    outbox.keep("ctr/k", "1")
    write(outbox)
    outbox.keep("ctr/k", "2")
    store.failing = False
    clock.advance(SOON)
    write(outbox)

    assert store.state("ctr/") == {"ctr/k": "2"}
    outbox.close()


@pytest.mark.parametrize("error", [StorageError, DiskFullError])
def test_a_disk_that_fails_is_not_tried_at_every_wake_and_never_later_than_a_minute(
    tmp_path: Path, clock: SimClock, error: type[StorageError]
) -> None:
    store = FailingJournal(tmp_path / "store")
    outbox = open_outbox(tmp_path / "store", clock, store)
    store.failing, store.error = True, error
    for _ in range(100):
        outbox.put(alarm())
        write(outbox)
    assert store.attempts == 1 + (error is DiskFullError)

    for _ in range(20):
        tried = store.attempts
        clock.advance(timedelta(seconds=60))
        write(outbox)
        assert store.attempts > tried
    store.failing = False
    clock.advance(timedelta(seconds=60))
    write(outbox)
    assert outbox.writer.fault is None
    outbox.close()


def test_a_message_that_was_confirmed_before_it_was_written_does_not_come_again(
    tmp_path: Path, clock: SimClock
) -> None:
    outbox = open_outbox(tmp_path / "store", clock)
    outbox.put(alarm())
    assert len(taken(outbox)) == 1
    write(outbox)
    outbox.close()

    assert reopened(tmp_path / "store", clock) == []


def test_one_database_that_fails_does_not_make_the_other_repeat_its_alarms(tmp_path: Path, clock: SimClock) -> None:
    """The alarm reaches its database and the event does not: the write as a whole has failed."""
    store = MessageStore(tmp_path / "store")
    outbox = open_outbox(tmp_path / "store", clock, store)
    write(outbox)
    telemetry = store._telemetry.write

    def refuse(batch: Batch) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    store._telemetry.write = refuse  # type: ignore[method-assign]
    outbox.put(alarm())
    outbox.put(event())
    write(outbox)
    assert len(taken(outbox)) == 2
    store._telemetry.write = telemetry  # type: ignore[method-assign]
    write(outbox)
    assert taken(outbox) == []
    assert outbox.figures()[0]["alarm"] == 0
    outbox.close()

    assert reopened(tmp_path / "store", clock) == []


def test_a_message_given_back_before_it_was_written_leaves_once(outbox: Outbox, clock: SimClock) -> None:
    outbox.put(alarm())
    first = outbox.take()
    assert first is not None
    outbox.give_back(first[0])
    write(outbox)

    assert len(taken(outbox)) == 1
