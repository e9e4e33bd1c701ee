"""A disk that does not answer at the start is done without, and what it holds is taken up when it does."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.outbox.found import Notice
from agent.outbox.outbox import Outbox
from agent.outbox.store import MessageStore
from tests.support.drafts import (
    IDENTITY,
    alarm,
    body,
    event,
    killed,
    open_outbox,
    reopened,
    seqs,
    taken,
    write,
)
from tests.support.fake_ports import topics
from tests.support.outbox_fixtures import OTHER_BOOT, retry
from tests.support.sim_clock import SimClock
from tests.support.stores import DeadStore, opened


def test_a_disk_that_hangs_at_the_start_holds_up_nothing_and_is_taken_up_when_it_answers(
    store: Path, clock: SimClock
) -> None:
    earlier = open_outbox(store, clock)
    earlier.put(alarm("old"), keep={"alarm/old": "open"})
    earlier.put(event("old"))
    write(earlier)
    earlier.close()
    goes_on = threading.Event()

    class HangingStore(MessageStore):
        def open(self, must_end: Callable[[], bool] = lambda: False) -> None:
            goes_on.wait(10)
            super().open(must_end)

    clock = SimClock(boot_id=OTHER_BOOT)
    outbox = Outbox(store, clock, IDENTITY, 1 << 20, store / "other-box", store=HangingStore(store))
    outbox.open()
    thread = threading.Thread(target=outbox.writer.run_once, args=(0,), name="store")
    thread.start()
    try:
        outbox.await_disk(0.01)
        assert not outbox.knows_all
        outbox.put(alarm("new"), keep={"alarm/new": "open", "alarm/old": None})
        [(new)] = taken(outbox)
        assert not body(new)["data"]["historical"]
        found: list[dict[str, str]] = []
        outbox.when_found_late(lambda: found.append(outbox.kept("alarm/")))
        assert found == []
    finally:
        goes_on.set()
        thread.join()
    write(outbox)

    assert outbox.knows_all
    assert found == [{"alarm/new": "open"}]
    old = taken(outbox)
    assert [(topic, body(m)["data"]["historical"]) for topic, m in zip(topics(old), old, strict=True)] == [
        ("alarm/police", True),
        ("event/person-left", True),
    ]
    assert body(new)["seq"] > max(seqs(old))
    outbox.close()
    assert reopened(store, clock) == []


def test_messages_of_the_disk_give_way_when_their_places_were_given_again(store: Path, clock: SimClock) -> None:
    """Only the clock could say where to go on, and it was wrong by decades."""
    earlier = open_outbox(store, clock)
    for number in range(2_000):
        earlier.put(alarm(f"old{number}"))
    write(earlier)
    earlier.close()
    (store / "seq.ceiling").unlink()

    message_store = DeadStore(store)
    clock = SimClock(wall=datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), boot_id=OTHER_BOOT)
    outbox = open_outbox(store, clock, message_store)
    text = "the sequence numbers of earlier runs can't be read: numbering continues far above them"
    assert outbox.notices() == [Notice("sequence-restarted", text, {"seq": 1_767_225_600_000})]
    for number in range(500):
        outbox.put(alarm(f"new{number}"))
    message_store.dead = False
    retry(outbox, clock)

    arrived = [body(message)["data"]["alarm_id"] for message in taken(outbox)]
    assert sorted(arrived) == sorted([f"old{n}" for n in range(2_000)] + [f"new{n}" for n in range(500)])
    outbox.close()
    assert reopened(store, clock) == []


def test_numbers_that_nothing_is_known_of_go_on_with_the_time_in_milliseconds(store: Path) -> None:
    clock = SimClock(wall=datetime(2033, 5, 18, 3, 33, 20, 7_000, tzinfo=UTC))
    outbox = open_outbox(store, clock, DeadStore(store))

    outbox.put(alarm())
    assert seqs(taken(outbox)) == [2_000_000_000_008]
    outbox.close()


def test_a_disk_that_answers_just_before_somebody_waits_for_it_is_told_all_the_same(
    store: Path, clock: SimClock
) -> None:
    message_store = DeadStore(store)
    outbox = open_outbox(store, clock, message_store)
    message_store.dead = False
    retry(outbox, clock)
    calls: list[str] = []

    outbox.when_found_late(lambda: calls.append("found"))
    assert calls == ["found"]
    outbox.close()

    outbox = open_outbox(store, clock)
    outbox.when_found_late(lambda: calls.append("was never late"))
    assert calls == ["found"]
    outbox.close()


def test_numbers_go_on_above_the_file_of_the_ceiling_when_both_databases_are_gone(outbox: Outbox, store: Path) -> None:
    for number in range(700):
        outbox.put(alarm(f"a{number}"))
    write(outbox)
    outbox.close()
    for path in (*store.glob("*.db*"), *store.glob("black-box")):
        path.unlink()

    again = open_outbox(store, SimClock(boot_id=OTHER_BOOT))
    again.put(alarm())
    assert seqs(taken(again))[0] > 700
    again.close()


def test_what_a_damaged_database_may_have_forgotten_is_not_taken_for_known(
    outbox: Outbox, store: Path, clock: SimClock
) -> None:
    outbox.keep("ctr/k", "7")
    write(outbox)
    outbox.close()
    assert open_and_close(store, clock).knows_all
    (store / "telemetry.db").write_bytes(b"garbage " * 4096)
    assert open_and_close(store, clock).knows_all
    (store / "alarms.db").write_bytes(b"garbage " * 4096)

    assert not open_and_close(store, clock).knows_all
    assert open_and_close(store, clock).knows_all


def late(store: Path, clock: SimClock, values: dict[str, str]) -> tuple[Outbox, DeadStore]:
    """An outbox that has begun without a disk, on which an earlier run has kept these values."""
    earlier = open_outbox(store, SimClock())
    for key, value in values.items():
        earlier.keep(key, value)
    write(earlier)
    earlier.close()
    (store / "black-box").unlink(missing_ok=True)
    message_store = DeadStore(store)
    return open_outbox(store, clock, message_store), message_store


def answer(message_store: DeadStore, outbox: Outbox, clock: SimClock) -> None:
    """The disk does, and is written to."""
    message_store.dead = False
    retry(outbox, clock)


@pytest.mark.parametrize(("on_disk", "used", "highest"), [("50", "7", "50"), ("7", "50", "50"), ("9", "10", "10")])
def test_of_a_counter_that_was_used_without_the_disk_and_the_one_on_it_the_higher_counts(
    store: Path, clock: SimClock, on_disk: str, used: str, highest: str
) -> None:
    outbox, message_store = late(store, clock, {"ctr/k": on_disk, "other": on_disk})
    outbox.keep("ctr/k", used)
    outbox.keep("other", used)
    answer(message_store, outbox, clock)

    assert outbox.kept("") | {"ctr/k": highest, "other": used} == outbox.kept("")
    assert message_store.state("") | {"ctr/k": highest, "other": used} == message_store.state("")
    outbox.close()


def test_a_counter_does_not_fall_again_when_a_lower_one_is_kept_after_the_disk_was_found(
    store: Path, clock: SimClock
) -> None:
    outbox, message_store = late(store, clock, {"ctr/k": "50"})
    answer(message_store, outbox, clock)
    outbox.keep("ctr/k", "7")
    write(outbox)
    copy = killed(store)
    outbox.close()

    assert stored_state(store)["ctr/k"] == "50"
    again = open_outbox(copy, clock)
    assert again.kept("ctr/") == {"ctr/k": "50"}
    again.close()


def stored_state(store: Path) -> dict[str, str]:
    with opened(store) as message_store:
        return message_store.state("")


def open_and_close(store: Path, clock: SimClock) -> Outbox:
    outbox = open_outbox(store, clock)
    outbox.close()
    return outbox


def test_after_weeks_without_a_disk_a_restart_knows_how_things_stand(store: Path, clock: SimClock) -> None:
    """Messages that went out long ago do not come again, and alarms that were closed do not light."""
    outbox = open_outbox(store, clock, DeadStore(store))
    for number in range(2_000):
        outbox.put(alarm(f"a{number}"), keep={f"alarm/a{number}": "open"})
        outbox.keep(f"alarm/a{number - 1}", None)
        taken(outbox)
    outbox.put(alarm("waits"), keep={"alarm/waits": "open"})
    copy = killed(store)
    outbox.close()

    again = open_outbox(copy, clock, DeadStore(copy))
    known = again.kept("alarm/")
    messages = taken(again)
    again.close()

    assert known == {"alarm/a1999": "open", "alarm/waits": "open"}
    assert body(messages[-1])["data"]["alarm_id"] == "waits"
    assert len(messages) < 500
    assert len(set(seqs(messages))) == len(messages)
