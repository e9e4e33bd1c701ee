"""What the outbox gives up when the disk is short of room or its messages are old, and what it does not."""

import gc
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.contract.messages import Draft, Rank, ResultData
from agent.contract.vocabulary import TimeQuality
from agent.outbox import backlog
from agent.outbox.outbox import Outbox
from agent.outbox.store import MessageStore
from tests.support.drafts import (
    FACTORY,
    IDENTITY,
    alarm,
    body,
    event,
    health,
    open_outbox,
    picture,
    security,
    taken,
    write,
)
from tests.support.fake_ports import topics
from tests.support.outbox_fixtures import OTHER_BOOT, retry
from tests.support.sim_clock import SimClock
from tests.support.stores import DeadStore


class CrampedStore(MessageStore):
    """Whose disk has `free` bytes."""

    free = 1 << 40

    def open(self, must_end: Callable[[], bool] = lambda: False) -> None:
        self.directory.free_bytes = lambda: self.free  # type: ignore[method-assign]
        super().open(must_end)


def cramped(store: Path, clock: SimClock) -> tuple[Outbox, CrampedStore]:
    message_store = CrampedStore(store)
    outbox = Outbox(store, clock, IDENTITY, 1 << 30, store / "black-box", keep_free_bytes=10**8, store=message_store)
    outbox.open()
    write(outbox)
    outbox.await_disk(0)
    return outbox, message_store


def test_a_disk_short_of_room_keeps_no_pictures_and_few_events_and_gives_their_room_back(
    store: Path, clock: SimClock
) -> None:
    outbox, message_store = cramped(store, clock)
    for number in range(40):
        outbox.put(picture(f"p{number}", bytes(90_000)))
        outbox.put(alarm(f"a{number}"))
        for _ in range(75):
            outbox.put(event(f"e{number}"))
        write(outbox)
    size = (store / "telemetry.db").stat().st_size + (store / "telemetry.db-wal").stat().st_size
    message_store.free = 10**8 - 1
    retry(outbox, clock)

    waiting, dropped = outbox.figures()
    assert (waiting["alarm"], waiting["picture"]) == (40, 0)
    assert 0 < waiting["event"] < 3_000
    assert waiting["event"] + dropped["event"] == 3_000
    assert message_store.telemetry_bytes() <= 1024 * 1024
    assert (store / "telemetry.db").stat().st_size < size / 2
    assert outbox.writer.housekeeping.free_bytes == message_store.free

    outbox.put(picture("memory-only", bytes(90_000)))
    write(outbox)
    assert message_store.counts()[Rank.PICTURE] == 0
    assert "snapshot/memory-only" in topics(taken(outbox))

    message_store.free = 1 << 40
    retry(outbox, clock)
    outbox.put(picture("stored", bytes(90_000)))
    write(outbox)
    assert message_store.counts()[Rank.PICTURE] == 1
    outbox.close()


def test_a_disk_with_next_to_no_room_stores_no_events_either(store: Path, clock: SimClock) -> None:
    outbox, message_store = cramped(store, clock)
    message_store.free = 1000
    retry(outbox, clock)
    outbox.put(event())
    outbox.put(alarm())
    write(outbox)

    assert (message_store.counts()[Rank.EVENT], message_store.counts()[Rank.ALARM]) == (0, 1)
    outbox.close()


# --- time


def test_nothing_expires_of_a_jump_of_56_years_within_a_boot(store: Path) -> None:
    clock = SimClock(wall=datetime(1970, 1, 1, tzinfo=UTC), quality=TimeQuality.UNSYNCED)
    outbox = open_outbox(store, clock)
    outbox.put(event())
    write(outbox)
    clock.step_wall(timedelta(days=56 * 365))
    clock.set_quality(TimeQuality.SYNCED)
    retry(outbox, clock)

    [message] = taken(outbox)
    assert not body(message)["data"]["historical"]
    outbox.close()


@pytest.mark.parametrize(
    ("before", "quality", "after", "arrives"),
    [
        pytest.param("1970-01-01T00:00:00Z", "unsynced", "2026-01-01T00:00:00Z", True, id="1970"),
        pytest.param("2025-12-01T00:00:00Z", "unsynced", "2026-01-01T00:00:00Z", True, id="a month ago, unsynced"),
        pytest.param("2025-12-31T00:00:00Z", "synced", "2025-12-31T09:00:00Z", True, id="9 h"),
        pytest.param("2025-12-30T00:00:00Z", "synced", "2026-01-01T00:00:00Z", False, id="2 days"),
        pytest.param("2026-01-01T00:00:00Z", "synced", "1970-01-01T00:00:00Z", True, id="back to 1970"),
    ],
)
def test_across_boots_an_event_expires_only_by_two_clocks_that_were_set(
    store: Path, before: str, quality: str, after: str, arrives: bool
) -> None:
    clock = SimClock(wall=datetime.fromisoformat(before), quality=TimeQuality(quality))
    outbox = open_outbox(store, clock)
    outbox.put(event())
    outbox.put(alarm())
    write(outbox)
    outbox.close()

    again = open_outbox(store, SimClock(wall=datetime.fromisoformat(after), boot_id=OTHER_BOOT))
    assert topics(taken(again)) == ["alarm/police"] + ["event/person-left"] * arrives
    again.close()


def test_memory_is_bounded_while_neither_disk_nor_broker_takes_anything_and_alarms_are_not(
    store: Path, clock: SimClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "UNWRITTEN_BYTES", 300_000)
    message_store = DeadStore(store)
    outbox = open_outbox(store, clock, message_store)
    for number in range(300):
        outbox.put(picture(f"p{number}", bytes(5_000)))
        outbox.put(event(f"e{number}"))
        outbox.put(alarm(f"a{number}"))
        outbox.put(security())
        write(outbox)

    waiting, dropped = outbox.figures()
    assert (waiting["alarm"], waiting["security"]) == (300, 300)
    assert waiting["picture"] + dropped["picture"] == 300
    assert waiting["event"] + dropped["event"] == 300
    assert waiting["event"] > waiting["picture"]
    assert unwritten_bytes(outbox) <= 300_000

    message_store.dead = False
    clock.advance(timedelta(minutes=1))
    write(outbox)
    messages = taken(outbox)
    assert topics(messages).count("alarm/police") == 300
    newest = [topic for topic in topics(messages) if topic.startswith("snapshot")]
    assert newest == [f"snapshot/p{number}" for number in range(300 - len(newest), 300)]
    outbox.close()


def unwritten_bytes(outbox: Outbox) -> int:
    """Of all but alarms."""
    return sum(len(w.row.payload) for w in outbox._backlog._live.values() if w.row.rank is not Rank.ALARM)


def test_security_events_and_answers_give_way_too_in_memory_but_after_telemetry(
    store: Path, clock: SimClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that sends forged commands all day and acknowledges no answer, on a device without a disk."""
    monkeypatch.setattr(backlog, "UNWRITTEN_BYTES", 100_000)
    outbox = open_outbox(store, clock, DeadStore(store))
    for number in range(400):
        outbox.put(event())
        outbox.put(security())
        outbox.put(answer(f"c{number}"))
        outbox.put(alarm(f"a{number}"))

    waiting, dropped = outbox.figures()
    assert unwritten_bytes(outbox) <= 100_000
    assert (waiting["alarm"], dropped["alarm"]) == (400, 0)
    assert waiting["event"] <= 1
    assert 0 < waiting["security"] + waiting["state"] < 400
    assert waiting["security"] <= 1 or dropped["state"] == 0
    assert all(waiting[name] + dropped[name] == 400 for name in ("event", "security", "state"))
    assert "result/c399" in topics(taken(outbox))
    outbox.close()


def test_what_is_sent_while_the_disk_is_dead_stays_in_no_memory(store: Path, clock: SimClock) -> None:
    outbox = open_outbox(store, clock, DeadStore(store))
    before = messages_in_memory()
    for number in range(50):
        for draft in (picture(f"p{number}", bytes(5_000)), event(), security(), alarm(f"a{number}"), health()):
            outbox.put(draft)
        write(outbox)
        while (found := outbox.take()) is not None:
            outbox.confirm(found[0])

    assert messages_in_memory() <= before + 1
    outbox.close()


def messages_in_memory() -> int:
    gc.collect()
    return sum(isinstance(each, backlog.Waiting) for each in gc.get_objects())


def answer(command_id: str) -> Draft:
    result = ResultData(command_id=command_id, name="ping", status="rejected", code="replayed", text="no")
    return FACTORY.result(result, None, None)


def test_what_has_expired_is_deleted_from_disk_unsent(
    outbox: Outbox, message_store: MessageStore, store: Path, clock: SimClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "WINDOW", dict.fromkeys(Rank, 4))
    for number in range(50):
        outbox.put(event(f"e{number}"))
        outbox.put(alarm(f"a{number}"))
    write(outbox)
    clock.advance(timedelta(hours=23))
    outbox.put(event("newer"))
    write(outbox)
    assert message_store.counts()[Rank.EVENT] == 51

    clock.advance(timedelta(hours=2))
    write(outbox)
    assert (message_store.counts()[Rank.EVENT], message_store.counts()[Rank.ALARM]) == (1, 50)
    assert outbox.figures()[1]["event"] == 50
    outbox.close()
    shutil.rmtree(store)


def test_an_idle_kiosk_holds_no_health_report_that_has_gone(store: Path) -> None:
    outbox = open_outbox(store, SimClock())
    for _ in range(50):
        outbox.put(health())
        taken(outbox)
        write(outbox)

    assert not any(outbox._backlog._unwritten.values())
    outbox.close()
