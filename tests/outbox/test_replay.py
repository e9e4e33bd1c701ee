"""A part of the record is sent again, behind everything else."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.contract.envelope import mark_historical
from agent.outbox.outbox import Outbox
from agent.outbox.replay import Extent, ReplayEnd
from agent.outbox.store import MessageStore
from agent.ports import OutgoingMessage
from tests.support.drafts import FACTORY, alarm, body, event, health, open_outbox, picture, security, taken, write
from tests.support.message_table import STATE
from tests.support.sim_clock import SimClock
from tests.support.stores import DeadStore

PERIOD = timedelta(seconds=0.1)


@pytest.fixture
def ends(outbox: Outbox) -> list[ReplayEnd]:
    """What came of the replays; the store's thread comes by whenever it is woken."""
    found: list[ReplayEnd] = []
    outbox.replay.on_end = found.append
    outbox.replay.wake = lambda: passed(outbox)
    return found


def passed(outbox: Outbox) -> None:
    outbox.wake()
    write(outbox)


def record_of(outbox: Outbox, count: int) -> list[OutgoingMessage]:
    """So many alarms, events and security events, all confirmed."""
    for number in range(count):
        outbox.put((alarm, event, security)[number % 3](f"n{number}"))
    sent = taken(outbox)
    passed(outbox)
    return sorted(sent, key=lambda message: int(body(message)["record"]))


def heard(outbox: Outbox, clock: SimClock, ends: list[Any]) -> list[OutgoingMessage]:
    """All that is sent until the replay has ended."""
    messages: list[OutgoingMessage] = []
    for _ in range(10_000):
        passed(outbox)
        messages += taken(outbox)
        clock.advance(PERIOD)
        if ends:
            break
    return messages


def test_a_replay_sends_what_was_asked_for_as_it_was_and_says_that_it_is_late(
    outbox: Outbox, clock: SimClock, ends: list[ReplayEnd]
) -> None:
    sent = record_of(outbox, 12)
    clock.advance(timedelta(hours=3))
    nonce = outbox.nonces.newest(clock.boottime_ns())
    extent = outbox.replay.order("c1", 3, 8)
    again = heard(outbox, clock, ends)

    assert extent == Extent(3, 8, 6, [])
    assert ends == [ReplayEnd("c1", Extent(3, 8, 6, []), is_whole=True)]
    assert [message.topic for message in again] == [message.topic for message in sent[2:8]]
    assert [message.payload for message in again] == [mark_historical(m.payload, nonce) for m in sent[2:8]]
    assert {message.expiry_s for message in again} == {None, 24 * 3600}
    assert all(message.qos == 1 and not message.retain for message in again)


def test_without_an_end_it_goes_up_to_the_newest_number(outbox: Outbox, clock: SimClock, ends: list[ReplayEnd]) -> None:
    record_of(outbox, 7)
    extents = [outbox.replay.order("c1", 5, None)]
    heard(outbox, clock, ends)
    extents.append(outbox.replay.order("c2", 5, 1_000_000))

    assert extents == [Extent(5, 7, 3, []), Extent(5, 7, 3, [])]


@pytest.mark.parametrize(("first", "last"), [(8, None), (8, 20), (6, 5), (2**63, None)])
def test_a_range_without_a_number_has_nothing_and_misses_nothing(
    outbox: Outbox, ends: list[ReplayEnd], first: int, last: int | None
) -> None:
    record_of(outbox, 7)
    extent = outbox.replay.order("c1", first, last)
    assert isinstance(extent, Extent)
    assert (extent.count, extent.missing) == (0, [])

    assert isinstance(outbox.replay.order("c2", 1, None), Extent)  # the one before has ended
    assert ends == []


def test_no_more_than_50_leave_in_a_second_and_never_more_than_5_at_once(
    outbox: Outbox, clock: SimClock, ends: list[ReplayEnd]
) -> None:
    record_of(outbox, 130)
    outbox.replay.order("c1", 1, None)
    counts = []
    while not ends:
        passed(outbox)
        counts.append(len(taken(outbox)))
        clock.advance(PERIOD / 10)

    assert max(counts) == 5
    assert sum(counts) == 130
    assert all(sum(counts[at : at + 99]) <= 50 for at in range(len(counts)))


@pytest.mark.parametrize("count", [0, 1, 5, 6])
def test_one_that_is_on_its_way_before_its_asker_looks_still_ends(
    outbox: Outbox, clock: SimClock, ends: list[ReplayEnd], count: int
) -> None:
    record_of(outbox, count)

    def fast() -> None:
        for _ in range(3):
            passed(outbox)

    outbox.replay.wake = fast
    extent = outbox.replay.order("c1", 1, None)
    assert isinstance(extent, Extent)
    assert extent.count == count
    outbox.replay.wake = lambda: passed(outbox)
    if count:
        assert len(heard(outbox, clock, ends)) == count

    assert [end.order_id for end in ends] == ["c1"] * bool(count)
    assert outbox.replay.order("c2", 1, None) != "busy"


def test_the_next_ones_wait_until_a_broker_has_confirmed_these(
    outbox: Outbox, clock: SimClock, ends: list[Any]
) -> None:
    record_of(outbox, 20)
    outbox.replay.order("c1", 1, None)
    passed(outbox)
    held = list(iter(outbox.take, None))
    for _ in range(50):
        clock.advance(PERIOD)
        passed(outbox)
        assert outbox.take() is None

    for waiting, _ in held:
        outbox.give_back(waiting)  # the connection was lost
    assert len(heard(outbox, clock, ends)) == 20
    assert ends[0].is_whole


def test_everything_else_that_waits_leaves_first(outbox: Outbox, clock: SimClock, ends: list[Any]) -> None:
    record_of(outbox, 3)
    outbox.replay.order("c1", 1, None)
    passed(outbox)
    for draft in (health(), picture(), event("new"), security("new"), FACTORY.state(STATE), alarm("new")):
        outbox.put(draft)

    topics = [message.topic.partition("/up/")[2] for message in taken(outbox)]
    assert topics[:6] == ["alarm/police", "state", "security/boot", "event/person-left", "snapshot/p1", "health"]
    assert len(topics) == 9


def test_it_has_no_number_to_give_and_none_to_finish(outbox: Outbox, clock: SimClock, ends: list[ReplayEnd]) -> None:
    record_of(outbox, 9)
    outbox.put(alarm("waits"))
    held = outbox.take()
    assert held is not None
    figures = outbox.figures()
    outbox.replay.order("c1", 1, None)
    passed(outbox)
    assert outbox.record == (10, 9)
    assert outbox.figures() == figures
    again = outbox.take()
    assert again is not None
    assert again[0].row.alarm_id is None  # that a broker has the alarm was told long ago
    outbox.give_back(again[0])

    heard(outbox, clock, ends)
    assert outbox.record == (10, 9)
    outbox.confirm(held[0])
    ends.clear()
    passed(outbox)
    assert outbox.replay.order("c2", 1, None) == Extent(1, 10, 10, [])  # all is still there, and once
    assert len(heard(outbox, clock, ends)) == 10


def test_what_the_device_has_no_more_is_told_and_what_still_waits_is_not(
    outbox: Outbox, clock: SimClock, ends: list[ReplayEnd]
) -> None:
    record_of(outbox, 6)
    for number in range(2):
        outbox.put(event(f"refused-{number}"))
    for _ in range(2):
        found = outbox.take()
        assert found is not None
        outbox.give_up(found[0])
    outbox.put(alarm())
    outbox.put(event())
    in_flight = outbox.take()
    assert in_flight is not None
    outbox.writer.housekeeping.record._store.on_records(lambda table: table.drop_through(3))

    assert outbox.replay.order("c1", 1, None) == Extent(1, 10, 3, [(1, 3), (7, 8)])


def test_at_most_100_missing_ranges_are_named_the_lowest_first() -> None:
    missing = [(number, number) for number in range(1, 400, 2)]

    named = Extent(1, 400, 200, missing).output()["missing"]
    assert named == [[number, number] for number in range(1, 201, 2)]


def test_what_goes_between_the_question_and_its_turn_is_told_at_the_end(
    outbox: Outbox, clock: SimClock, ends: list[ReplayEnd]
) -> None:
    record_of(outbox, 20)
    assert outbox.replay.order("c1", 1, None) == Extent(1, 20, 20, [])
    outbox.writer.housekeeping.record._store.on_records(lambda table: table.drop_through(12))

    assert len(heard(outbox, clock, ends)) == 8
    assert ends == [ReplayEnd("c1", Extent(1, 20, 8, [(1, 12)]), is_whole=True)]


def test_there_is_one_at_a_time(outbox: Outbox, clock: SimClock, ends: list[ReplayEnd]) -> None:
    record_of(outbox, 12)
    outbox.replay.order("c1", 1, None)
    assert outbox.replay.order("c2", 1, None) == "busy"
    heard(outbox, clock, ends)

    assert [end.order_id for end in ends] == ["c1"]
    assert outbox.replay.order("c3", 1, None) == Extent(1, 12, 12, [])


def test_one_that_no_broker_takes_whole_says_so(outbox: Outbox, clock: SimClock, ends: list[ReplayEnd]) -> None:
    record_of(outbox, 6)
    outbox.replay.order("c1", 1, None)
    passed(outbox)
    found = outbox.take()
    assert found is not None
    outbox.give_up(found[0])
    heard(outbox, clock, ends)

    assert ends == [ReplayEnd("c1", Extent(1, 6, 6, []), is_whole=False)]
    assert outbox.figures()[1]["alarm"] == 0


def test_a_disk_that_does_not_answer_is_told_within_two_seconds(store: Path, clock: SimClock) -> None:
    outbox = open_outbox(store, clock, DeadStore(store))
    outbox.replay._patience_s = 0.0

    assert outbox.replay.order("c1", 1, None) == "no-disk"
    assert outbox.replay.order("c2", 1, None) == "no-disk"  # and not busy
    outbox.close()


def test_an_orderly_stop_waits_for_no_replay(outbox: Outbox, message_store: MessageStore, ends: list[Any]) -> None:
    record_of(outbox, 30)
    outbox.replay.order("c1", 1, None)
    outbox.writer._is_leaving = True
    passed(outbox)

    assert taken(outbox) == []
