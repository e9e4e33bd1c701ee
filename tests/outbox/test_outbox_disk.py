import sqlite3
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from agent.core.errors import DiskFullError, StorageError
from agent.outbox.database import Batch
from agent.outbox.outbox import Outbox
from agent.outbox.store import MessageStore
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
from tests.support.outbox_fixtures import retry
from tests.support.sim_clock import SimClock
from tests.support.stores import HangingStore


class FailingStore(MessageStore):
    """Refuses to write while `failing` is set."""

    failing = False
    error: type[StorageError] = StorageError
    attempts = 0

    def write(self, batch: Batch) -> None:
        self.attempts += 1
        if self.failing:
            raise self.error("the disk is full; free some of it")
        super().write(batch)


@pytest.fixture
def message_store(store: Path) -> FailingStore:
    return FailingStore(store)


def test_put_does_not_wait_for_a_write_that_hangs(store: Path, clock: SimClock) -> None:
    message_store = HangingStore(store)
    outbox = open_outbox(store, clock, message_store)
    writer_thread = threading.Thread(target=outbox.writer.run_once, args=(0,), name="store")
    writer_thread.start()
    try:
        assert message_store.hangs.wait(10)
        outbox.put(alarm())
        found = outbox.take()
        assert found is not None
        outbox.confirm(found[0])
    finally:
        message_store.goes_on.set()
        writer_thread.join()
    outbox.close()
    assert reopened(store, clock) == []


def test_a_forced_write_that_is_slow_does_not_keep_the_message_back(store: Path, clock: SimClock) -> None:
    """A commit is enough to leave; the flush that survives a power cut goes on beside it."""
    during_sync: list[str] = []
    outbox: Outbox

    def sync(_: int) -> None:
        during_sync.extend(topics(taken(outbox)))

    outbox = open_outbox(store, clock, MessageStore(store, sync))
    outbox.put(alarm())
    write(outbox)
    outbox.close()

    assert during_sync == ["alarm/police"]


def test_a_failing_disk_holds_back_no_alarm_and_gets_it_once_it_works(
    outbox: Outbox, message_store: FailingStore, store: Path, clock: SimClock
) -> None:
    message_store.failing = True
    outbox.put(alarm("a1"), keep={"alarm/a1": "open"})
    write(outbox)
    assert outbox.writer.fault == "the disk is full; free some of it"

    found = outbox.take()
    assert found is not None
    outbox.give_back(found[0])
    safe = outbox.keep("ctr/k", "7")
    write(outbox)
    assert not safe.is_set()

    message_store.failing = False
    retry(outbox, clock)
    assert outbox.writer.fault is None
    assert safe.is_set()
    assert message_store.state("alarm/") == {"alarm/a1": "open"}
    copy = killed(store)

    assert topics(reopened(copy, clock)) == ["alarm/police"]


def test_an_alarm_that_a_failing_disk_did_not_take_outlives_the_process(
    outbox: Outbox, message_store: FailingStore, store: Path, clock: SimClock
) -> None:
    message_store.failing = True
    outbox.put(alarm("a1"), keep={"alarm/a1": "open"})
    write(outbox)
    copy = killed(store)

    again = open_outbox(copy, clock)
    assert again.kept("alarm/") == {"alarm/a1": "open"}
    assert topics(taken(again)) == ["alarm/police"]
    again.close()


def test_a_newer_value_wins_over_the_one_that_could_not_be_written(
    outbox: Outbox, message_store: FailingStore, clock: SimClock
) -> None:
    message_store.failing = True
    outbox.keep("ctr/k", "1")
    write(outbox)
    outbox.keep("ctr/k", "2")
    message_store.failing = False
    retry(outbox, clock)

    assert message_store.state("ctr/") == {"ctr/k": "2"}


@pytest.mark.parametrize("error", [StorageError, DiskFullError])
def test_a_disk_that_fails_is_not_tried_at_every_wake_and_never_later_than_a_minute(
    outbox: Outbox, message_store: FailingStore, clock: SimClock, error: type[StorageError]
) -> None:
    message_store.failing, message_store.error = True, error
    for _ in range(100):
        outbox.put(alarm())
        write(outbox)
    assert message_store.attempts == 1 + (error is DiskFullError)

    for _ in range(20):
        tried = message_store.attempts
        clock.advance(timedelta(seconds=60))
        write(outbox)
        assert message_store.attempts > tried
    message_store.failing = False
    clock.advance(timedelta(seconds=60))
    write(outbox)
    assert outbox.writer.fault is None


def test_a_message_that_was_confirmed_before_it_was_written_does_not_come_again(
    outbox: Outbox, store: Path, clock: SimClock
) -> None:
    outbox.put(alarm())
    assert len(taken(outbox)) == 1
    write(outbox)
    outbox.close()

    assert reopened(store, clock) == []


def test_one_database_that_fails_does_not_make_the_other_repeat_its_alarms(
    outbox: Outbox, message_store: FailingStore, store: Path, clock: SimClock
) -> None:
    """The alarm reaches its database and the event does not: the write as a whole has failed."""
    write(outbox)
    telemetry = message_store._telemetry.write

    def refuse(batch: Batch) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    message_store._telemetry.write = refuse  # type: ignore[method-assign]
    outbox.put(alarm())
    outbox.put(event())
    write(outbox)
    assert len(taken(outbox)) == 2
    message_store._telemetry.write = telemetry  # type: ignore[method-assign]
    write(outbox)
    assert taken(outbox) == []
    assert outbox.figures()[0]["alarm"] == 0
    outbox.close()

    assert reopened(store, clock) == []


def test_a_message_given_back_before_it_was_written_leaves_once(outbox: Outbox, clock: SimClock) -> None:
    outbox.put(alarm())
    first = outbox.take()
    assert first is not None
    outbox.give_back(first[0])
    write(outbox)

    assert len(taken(outbox)) == 1
