"""Disks that fail in their several ways under a running outbox: nothing that matters is lost, and nothing doubled."""

import errno
import os
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from agent.contract.messages import Rank
from agent.core.errors import DiskFullError
from agent.outbox import backlog
from agent.outbox.outbox import Outbox
from agent.outbox.store import MessageStore
from tests.support.drafts import (
    IDENTITY,
    alarm,
    body,
    event,
    killed,
    open_outbox,
    picture,
    reopened,
    seqs,
    taken,
    write,
)
from tests.support.fake_ports import topics
from tests.support.outbox_fixtures import OTHER_BOOT, retry
from tests.support.sim_clock import SimClock
from tests.support.stores import HangingStore


def fill(message_store: MessageStore, *, full: bool) -> None:
    """SQLite itself answers that there is no room for one more page, or takes that back."""
    for database in (message_store._alarms, message_store._telemetry):
        pages = database.connection.execute("PRAGMA page_count").fetchone()[0]
        database.connection.execute(f"PRAGMA max_page_count={pages if full else 1_000_000}")


class FullStore(MessageStore):
    """Full after each opening while `full` is set, whatever else was given up."""

    full = False

    def open(self, must_end: Callable[[], bool] = lambda: False) -> None:
        super().open(must_end)
        fill(self, full=self.full)


class StoreWithoutRoom(MessageStore):
    """No database can be opened as long as the reserve takes the last room."""

    def open(self, must_end: Callable[[], bool] = lambda: False) -> None:
        if (self.directory.path / "reserve").exists():
            raise DiskFullError(f"{self.directory.path}: the disk is full (disk I/O error)")
        super().open(must_end)


def test_on_a_full_disk_alarms_get_the_reserve_and_then_the_room_of_telemetry(store: Path, clock: SimClock) -> None:
    message_store = FullStore(store)
    outbox = open_outbox(store, clock, message_store)
    for number in range(20):
        outbox.put(event(f"e{number}"))
        outbox.put(picture(f"p{number}", bytes(5_000)))
    write(outbox)
    message_store.full = True
    fill(message_store, full=True)
    for number in range(20):
        outbox.put(alarm(f"a{number}"))
    write(outbox)
    assert "full" in (outbox.writer.fault or "")
    assert not (store / "reserve").exists()

    retry(outbox, clock)
    waiting, dropped = outbox.figures()
    assert (waiting["alarm"], dropped["alarm"], dropped["security"]) == (20, 0, 0)

    message_store.full = False
    clock.advance(timedelta(minutes=1))
    if message_store.is_open:
        fill(message_store, full=False)
    write(outbox)
    assert outbox.writer.fault is None
    copy = killed(store)
    outbox.close()
    assert topics(reopened(copy, SimClock(boot_id=OTHER_BOOT))).count("alarm/police") == 20


def test_a_start_on_a_full_disk_spends_the_reserve_to_keep_what_is_pressed(
    outbox: Outbox, store: Path, clock: SimClock
) -> None:
    outbox.put(alarm("a0"), keep={"alarm/a0": "open"})
    write(outbox)
    outbox.close()
    again = open_outbox(store, clock, StoreWithoutRoom(store))
    assert again.kept("alarm/") == {"alarm/a0": "open"}
    again.put(alarm("a1"))
    write(again)
    assert again.writer.fault is None
    copy = killed(store)
    again.close()
    assert topics(reopened(copy, SimClock(boot_id=OTHER_BOOT))).count("alarm/police") == 2


def test_what_lies_on_a_disk_that_has_become_read_only_is_sent_all_the_same(
    outbox: Outbox, message_store: MessageStore, store: Path, clock: SimClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "WINDOW", dict.fromkeys(Rank, 4))
    for number in range(20):
        outbox.put(alarm(f"a{number}"))
    write(outbox)
    for database in (message_store._alarms, message_store._telemetry):
        database.connection.execute("PRAGMA query_only=ON")
    outbox.put(alarm("a20"))

    sent: list[str] = []
    for _ in range(20):
        sent += [body(message)["data"]["alarm_id"] for message in taken(outbox)]
        retry(outbox, clock)
    assert "readonly" in (outbox.writer.fault or "")
    assert sorted(sent) == sorted(f"a{number}" for number in range(21))

    for database in (message_store._alarms, message_store._telemetry):
        database.connection.execute("PRAGMA query_only=OFF")
    retry(outbox, clock)
    assert outbox.writer.fault is None
    outbox.close()
    assert reopened(store, clock) == []


def test_a_database_that_turns_out_damaged_while_running_is_replaced_and_gets_what_memory_holds(
    outbox: Outbox, message_store: MessageStore, store: Path, clock: SimClock
) -> None:
    for number in range(50):
        outbox.put(alarm(f"a{number}"), keep={f"alarm/a{number}": "open"})
    write(outbox)
    message_store._alarms.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = (store / "alarms.db").stat().st_size
    with (store / "alarms.db").open("r+b") as file:
        file.seek(1024)
        file.write(os.urandom(size - 1024))
    message_store._alarms.connection.execute("PRAGMA cache_size=0")

    for number in range(50, 60):
        outbox.put(alarm(f"a{number}"))
        retry(outbox, clock)
    retry(outbox, clock)

    assert outbox.writer.fault is None
    [notice] = outbox.notices()
    assert notice.kind == "storage-damaged"
    assert (store / "alarms.db.damaged-1").exists()
    assert outbox.figures()[0]["alarm"] == 60
    copy = killed(store)
    messages = taken(outbox)
    assert seqs(messages) == list(range(1, 61))

    again = open_outbox(copy, SimClock(boot_id=OTHER_BOOT))
    assert len(again.kept("alarm/")) == 50
    assert len(taken(again)) == 60
    again.close()


def test_a_second_copy_that_cannot_be_written_holds_up_nothing_and_is_told_and_made_later(
    outbox: Outbox, message_store: MessageStore, clock: SimClock
) -> None:
    write(outbox)
    telemetry = message_store._telemetry.connection
    telemetry.execute("PRAGMA query_only=ON")
    safe = outbox.keep("alarm/a1", "open")
    safe_at_copy: list[bool] = []
    telemetry.set_trace_callback(lambda _: safe_at_copy.append(safe.is_set()))
    write(outbox)
    telemetry.set_trace_callback(None)

    assert safe.is_set()
    assert safe_at_copy
    assert all(safe_at_copy)
    assert "telemetry.db" in (outbox.writer.fault or "")

    telemetry.execute("PRAGMA query_only=OFF")
    retry(outbox, clock)
    assert outbox.writer.fault is None
    assert telemetry.execute("SELECT value FROM state WHERE key='alarm/a1'").fetchall() == [("open",)]


def test_a_flush_that_has_failed_once_is_not_trusted_and_everything_is_written_again(
    store: Path, clock: SimClock
) -> None:
    """After a failed fsync the kernel takes the pages for clean: the next one succeeds, and the data is gone."""
    fails = False

    def sync(_: int) -> None:
        if fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    message_store = MessageStore(store, sync)
    outbox = open_outbox(store, clock, message_store)
    fails = True
    outbox.put(alarm("a1"), keep={"alarm/a1": "open"})
    write(outbox)
    assert "Input/output error" in (outbox.writer.fault or "")
    assert not message_store.is_open
    # What the card has forgotten:
    for path in (*store.glob("alarms.db*"),):
        path.unlink()

    fails = False
    retry(outbox, clock)
    assert outbox.writer.fault is None
    copy = killed(store)
    outbox.close()
    again = open_outbox(copy, SimClock(boot_id=OTHER_BOOT))
    assert again.kept("alarm/") == {"alarm/a1": "open"}
    assert topics(taken(again)) == ["alarm/police"]
    again.close()


def test_a_stop_while_the_disk_hangs_does_not_call_the_numbers_complete(store: Path, clock: SimClock) -> None:
    message_store = HangingStore(store)
    message_store.goes_on.set()
    outbox = open_outbox(store, clock, message_store)
    write(outbox)
    message_store.hangs.clear()
    message_store.goes_on.clear()
    outbox.put(alarm("sent"))
    thread = threading.Thread(target=outbox.writer.run_once, args=(0,), name="store")
    thread.start()
    try:
        assert message_store.hangs.wait(10)
        [sent] = seqs(taken(outbox))
        outbox.close()
        copy = killed(store)
    finally:
        message_store.goes_on.set()
        thread.join()
    outbox.close()

    again = open_outbox(copy, SimClock(boot_id=OTHER_BOOT))
    again.put(alarm("new"))
    assert seqs(taken(again))[-1] > sent
    again.close()


def test_where_there_can_be_no_black_box_the_log_says_so_and_messages_leave_all_the_same(
    store: Path, clock: SimClock, caplog: pytest.LogCaptureFixture
) -> None:
    store.mkdir()
    (store / "a-file").touch()
    outbox = Outbox(store, clock, IDENTITY, 1 << 20, store / "a-file" / "box")
    outbox.open()
    outbox.writer.run_once(0)
    outbox.await_disk(0)
    outbox.put(alarm())
    sent = topics(taken(outbox))
    outbox.close()

    [record] = [record for record in caplog.records if record.name == "agent.outbox.outbox"]
    assert record.levelname == "ERROR"
    assert record.getMessage().startswith(f"no black box: {store / 'a-file' / 'box'}: ")
    assert sent == ["alarm/police"]
