"""What a broker has confirmed of the record is kept, within limits, so that it can be sent again."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from agent.contract.messages import Draft
from agent.contract.vocabulary import TimeQuality
from agent.core.errors import StorageError
from agent.outbox import record, unrecorded
from agent.outbox.database import Batch
from agent.outbox.outbox import Outbox
from agent.outbox.store import MessageStore
from tests.outbox.test_outbox_budgets import cramped
from tests.support.drafts import FACTORY, alarm, event, health, killed, open_outbox, picture, security, taken, write
from tests.support.message_table import STATE
from tests.support.outbox_fixtures import OTHER_BOOT, retry
from tests.support.sim_clock import SimClock
from tests.support.stores import DeadStore, opened

WEEK = timedelta(days=7)


def kept(outbox: Outbox) -> list[int]:
    """The numbers that the record on disk has."""
    return outbox.writer.housekeeping.record.numbers(1, 1 << 62)


def confirmed(outbox: Outbox, *drafts: Draft) -> list[bytes]:
    """Put these, have a broker confirm them, and have the disk take note. Returns what was sent."""
    for draft in drafts:
        outbox.put(draft)
    sent = [message.payload for message in taken(outbox)]
    write(outbox)
    return sent


@pytest.mark.parametrize("is_written_before", [True, False])
def test_what_is_confirmed_is_kept_as_it_was_sent_also_when_that_was_faster_than_the_disk(
    outbox: Outbox, message_store: MessageStore, is_written_before: bool
) -> None:
    for draft in (alarm(), security(), event(), FACTORY.state(STATE), health(), picture()):
        outbox.put(draft)
    if is_written_before:
        write(outbox)
    sent = [message.payload for message in taken(outbox)]
    outbox.wake()
    write(outbox)

    found = outbox.writer.housekeeping.record.load(1, 10)
    assert [message.number for message in found] == [1, 2, 3]
    assert [message.topic.partition("/up/")[2] for message in found] == [
        "alarm/police",
        "security/boot",
        "event/person-left",
    ]
    assert all(message.payload in sent for message in found)
    assert sum(message_store.counts().values()) == 0


def test_what_was_given_up_is_not_kept(outbox: Outbox) -> None:
    outbox.put(alarm())
    outbox.put(event())
    confirmed(outbox)
    outbox.put(event("e2"))
    found = outbox.take()
    assert found is not None
    outbox.give_up(found[0])
    write(outbox)

    assert kept(outbox) == [1, 2]


def test_a_message_is_waiting_or_in_the_record_whenever_the_process_dies(
    outbox: Outbox, message_store: MessageStore, store: Path, clock: SimClock, tmp_path: Path
) -> None:
    outbox.put(alarm())
    outbox.put(event())
    write(outbox)
    taken(outbox)
    before = killed(store, tmp_path / "before")
    write(outbox)
    after = killed(store, tmp_path / "after")

    for copy, waits in ((before, [1, 2]), (after, [])):
        again = open_outbox(copy, clock)
        assert len(taken(again)) == len(waits)
        outbox.wake()
        write(again)
        assert kept(again) == [1, 2]
        again.close()


def test_keeping_costs_no_sync(store: Path, clock: SimClock) -> None:
    syncs: list[int] = []
    outbox = open_outbox(store, clock, MessageStore(store, syncs.append))
    outbox.put(alarm())
    write(outbox)
    before = len(syncs)
    taken(outbox)
    write(outbox)

    assert kept(outbox) == [1]
    assert len(syncs) == before
    outbox.close()


def test_it_survives_restarts_and_ends_with_its_epoch(outbox: Outbox, store: Path) -> None:
    confirmed(outbox, alarm(), event())
    outbox.close()
    again = open_outbox(store, SimClock(boot_id=OTHER_BOOT))
    assert kept(again) == [1, 2]
    again.close()

    clock = SimClock(boot_id="another")
    disk = DeadStore(store)
    later = open_outbox(store, clock, disk)
    disk.dead = False
    retry(later, clock)
    assert later.epoch != outbox.epoch
    assert kept(later) == []
    later.close()


def test_the_newest_numbers_are_kept(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "RECORD_MOST", 100)
    monkeypatch.setattr(record, "_DROPPED_AT_ONCE", 10)
    for number in range(60):
        confirmed(outbox, alarm(f"a{number}"), event(), security())

    numbers = kept(outbox)
    assert numbers == list(range(numbers[0], 181))
    assert 100 <= len(numbers) < 110


def test_no_more_bytes_are_kept_than_the_limit_whatever_the_messages_are(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "RECORD_MOST_BYTES", 32_000)
    for number in range(30):
        confirmed(
            outbox, alarm(f"a{number}", location={"lat": 0, "lon": 0, "text": "x" * 100 * number}), event(), security()
        )
        assert sum(len(message.payload) for message in outbox.writer.housekeeping.record.load(1, 1_000)) <= 32_000

    numbers = kept(outbox)
    assert numbers == list(range(numbers[0], 91))
    assert numbers[0] > 1


def test_a_message_goes_after_seven_days_even_if_nothing_else_happens(outbox: Outbox, clock: SimClock) -> None:
    confirmed(outbox, alarm())
    clock.advance(timedelta(days=3))
    confirmed(outbox, event())
    clock.advance(timedelta(days=3, hours=20))
    write(outbox)
    assert kept(outbox) == [1, 2]

    clock.advance(timedelta(hours=4))
    write(outbox)
    assert kept(outbox) == [2]
    clock.advance(timedelta(days=3))
    write(outbox)
    assert kept(outbox) == []


def test_after_a_long_time_off_it_goes_as_soon_as_the_clock_is_set(outbox: Outbox, store: Path) -> None:
    confirmed(outbox, alarm())
    outbox.close()
    clock = SimClock(wall=SimClock().wall() + WEEK, boot_id=OTHER_BOOT, quality=TimeQuality.UNSYNCED)
    again = open_outbox(store, clock)
    assert kept(again) == [1]

    clock.set_quality(TimeQuality.SYNCED)
    write(again)
    assert kept(again) == []
    again.close()


@pytest.mark.parametrize("days", [-20_000, 20_000])
def test_a_clock_that_is_not_set_drops_nothing_before_its_time(outbox: Outbox, clock: SimClock, days: int) -> None:
    confirmed(outbox, alarm())
    clock.set_quality(TimeQuality.UNSYNCED)
    clock.step_wall(timedelta(days=days))
    confirmed(outbox, event())
    clock.advance(timedelta(days=6))
    write(outbox)

    assert kept(outbox) == [1, 2]


@pytest.mark.parametrize("hours", [1.5, 7, 24])
def test_a_device_whose_clock_is_never_set_and_that_restarts_all_the_time_keeps_nothing_for_ever(
    store: Path, hours: float
) -> None:
    """Only what it ran between its last hourly look and the end of each boot is not counted."""
    ran = timedelta()
    boots = 0
    left = [1]
    while left:
        clock = SimClock(boot_id=f"boot-{boots}", quality=TimeQuality.UNSYNCED)
        outbox = open_outbox(store, clock)
        if boots == 0:
            confirmed(outbox, alarm())
        for _ in range(int(hours * 4)):
            clock.advance(timedelta(minutes=15))
            write(outbox)
            ran += timedelta(minutes=15)
        left = kept(outbox)
        outbox.close()
        boots += 1
        if ran < timedelta(days=6):
            assert left == [1]
        assert ran <= WEEK * 2

    assert hours < 24 or ran <= WEEK + timedelta(hours=8)


def test_notes_that_can_not_be_read_drop_nothing(outbox: Outbox, message_store: MessageStore, clock: SimClock) -> None:
    confirmed(outbox, alarm())
    message_store.note(record.WATCHES_KEY, "boot 1 x 3")
    clock.advance(timedelta(hours=2))
    write(outbox)

    assert kept(outbox) == [1]


def test_a_disk_short_of_room_gives_up_the_record_of_events_before_anything_that_waits(
    store: Path, clock: SimClock
) -> None:
    outbox, disk = cramped(store, clock)
    confirmed(outbox, alarm(), event(), security(), event("e2"))
    outbox.put(event("waits"))
    outbox.put(picture())
    write(outbox)
    disk.free = 10**8 - 1
    give_back_space = disk.give_back_space

    def make_room() -> None:
        give_back_space()
        disk.free = 10**8

    disk.give_back_space = make_room  # type: ignore[method-assign]
    retry(outbox, clock)

    assert kept(outbox) == [1, 3]
    assert outbox.figures() == (
        {"alarm": 0, "state": 0, "security": 0, "event": 1, "picture": 1, "health": 0},
        dict.fromkeys(("alarm", "state", "security", "event", "picture", "health"), 0),
    )
    outbox.close()


def test_while_the_disk_is_short_of_room_events_are_not_added(store: Path, clock: SimClock) -> None:
    outbox, disk = cramped(store, clock)
    disk.free = 10**8 - 1
    retry(outbox, clock)
    confirmed(outbox, event(), alarm())
    assert kept(outbox) == [2]
    assert outbox.record == (2, 2)

    disk.free = 10**9
    retry(outbox, clock)
    confirmed(outbox, event())
    assert kept(outbox) == [2, 3]
    outbox.close()


class BrokenStore(MessageStore):
    """Takes nothing while `broken` is set."""

    broken = False

    def write(self, batch: Batch) -> None:
        if self.broken:
            raise StorageError("broken")
        super().write(batch)


def test_a_disk_that_takes_nothing_costs_little_memory_and_gets_the_newest_later(
    store: Path, clock: SimClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unrecorded, "UNRECORDED_BYTES", 10_000)
    disk = BrokenStore(store)
    outbox = open_outbox(store, clock, disk)
    disk.broken = True
    for number in range(100):
        confirmed(outbox, alarm(f"a{number}"))
        assert sum(len(row.payload) for row in outbox._backlog.confirmed()) <= 10_000
    assert outbox.record == (100, 100)

    disk.broken = False
    clock.advance(timedelta(minutes=2))
    confirmed(outbox, alarm("new"))
    numbers = kept(outbox)
    assert numbers == list(range(numbers[0], 102))
    assert 5 < len(numbers) < 20
    outbox.close()


@pytest.mark.parametrize("name", ["alarms.db", "telemetry.db"])
@pytest.mark.parametrize("damage", ["table", "pages"])
def test_what_can_be_read_of_it_in_a_damaged_database_is_saved(
    outbox: Outbox, store: Path, clock: SimClock, name: str, damage: str
) -> None:
    for number in range(200):
        outbox.put(alarm(f"a{number}"))
        outbox.put(event(f"e{number}"))
    confirmed(outbox)
    outbox.close()
    path = store / name
    if damage == "table":
        with opened(store) as message_store:
            database = message_store._alarms if name == "alarms.db" else message_store._telemetry
            database.connection.execute("DROP TABLE state")
    else:
        content = bytearray(path.read_bytes())
        content[len(content) // 2 : len(content) // 2 + 3000] = b"\xa5" * 3000
        path.write_bytes(content)
    again = open_outbox(store, clock)

    numbers = kept(again)
    assert len(numbers) == 400 if damage == "table" else 250 < len(numbers) <= 400
    assert again.epoch == outbox.epoch
    again.put(alarm("new"))
    assert again.record[0] >= 401
    again.close()


def test_a_damaged_message_in_it_has_the_database_replaced(outbox: Outbox, message_store: MessageStore) -> None:
    confirmed(outbox, alarm(), alarm("a2"))
    message_store._alarms.connection.execute("UPDATE record SET topic = x'ff' WHERE number = 1")
    with pytest.raises(StorageError):
        outbox.writer.housekeeping.record.load(1, 2)
    message_store.close()
    message_store.open()

    assert [damage.file for damage in message_store.damages] == ["alarms.db"]
    assert kept(outbox) == [2]


@pytest.mark.parametrize("make", [alarm, event], ids=["alarms.db", "telemetry.db"])
def test_a_message_that_was_confirmed_before_it_was_written_is_not_taken_from_the_black_box_again(
    outbox: Outbox, store: Path, clock: SimClock, make: Callable[[], Draft]
) -> None:
    outbox.put(make())
    box = (store / "black-box").read_bytes()
    taken(outbox)
    outbox.wake()
    write(outbox)
    copy = killed(store)
    (copy / "black-box").write_bytes(box)  # killed before it was cleared
    again = open_outbox(copy, clock)

    assert taken(again) == []
    assert again.record == (1, 1)
    again.close()
