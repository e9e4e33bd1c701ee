"""Loss that can be seen: holes in the record, what fills them, and what is lost for good."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract.messages import ResultData
from edge_centre.library import HoleFilled, HoleFound, Mark, Notice, RecordLost, RecordSkipped, Replay
from edge_centre.library.ranges import Ranges
from tests.support.made_up import SOURCE, World, envelope, is_duplicate


def following(**options: Any) -> World:
    """A consumer that has followed the device from its first message on."""
    world = World(**options)
    world.state("online", 1, 1, recordtop=0, recorddone=0)
    return world


def result(status: str = "succeeded", code: str = "ok", **output: Any) -> ResultData:
    return ResultData.model_validate(
        {"command_id": "c", "name": "replay", "status": status, "code": code, "text": "", "output": output}
    )


def asked(world: World) -> list[tuple[int, int]]:
    return [(each.first, each.last) for each in world.consumer.replays(world.now_s)]


def skip(world: World, seq: int, record: int, detail: Any) -> list[Notice]:
    data = {"historical": False, "kind": "record-skipped", "severity": "warning", "text": "", "detail": detail}
    if not isinstance(detail, dict):
        del data["detail"]
    payload = envelope("security.record-skipped.v1", data, seq, record=record, recordtop=record, recorddone=record)
    return world.hear("security/record-skipped", payload)


def test_a_message_that_was_swallowed_is_a_hole_four_seconds_after_the_next_one() -> None:
    world = following()
    world.event(2, 1, 0)
    world.event(4, 3, 2)
    assert world.wait(3.5) == []
    assert world.wait(1) == [HoleFound(SOURCE, 2, 2)]
    assert world.wait(60) == []
    assert world.consumer.devices[SOURCE].holes == [(2, 2)]


def test_the_last_message_is_missed_by_the_next_health() -> None:
    world = following()
    world.event(2, 1, 0)
    world.event(9, None, 2)
    assert world.wait(6) == [HoleFound(SOURCE, 2, 2)]


def test_a_number_above_recorddone_may_still_be_on_its_way() -> None:
    world = following()
    world.event(4, 3, 0, recordtop=9)
    assert world.wait(60) == []
    world.event(5, 2, 1)
    assert world.wait(60) == [HoleFound(SOURCE, 1, 1)]


def test_what_comes_in_another_order_within_four_seconds_is_no_hole() -> None:
    world = following()
    world.event(5, 4, 3)
    world.wait(3.5)
    for number in (3, 1, 2):
        world.event(number + 1, number, 0)
    assert world.wait(60) == []


def test_a_number_that_comes_after_all_fills_its_hole() -> None:
    world = following()
    world.event(6, 5, 5)
    assert world.wait(6) == [HoleFound(SOURCE, 1, 4)]
    assert world.event(3, 2, 0, historical=True) == [HoleFilled(SOURCE, 2)]
    assert world.consumer.devices[SOURCE].holes == [(1, 1), (3, 4)]


def test_a_replayed_message_that_had_come_is_a_duplicate_however_long_ago_that_was() -> None:
    world = following()
    world.event(2, 1, 0)
    world.consumer.devices[SOURCE]._numbers._ids.clear()
    assert is_duplicate(world.event(2, 1, 0, historical=True))


def test_who_comes_late_follows_from_the_first_fresh_word_on() -> None:
    world = World()
    world.state("online", 1, 1, retain=True, recordtop=3, recorddone=3)
    world.event(400, 300, 2, historical=True)
    assert world.wait(60) == []
    world.event(500, None, 450)
    assert world.wait(60) == [], "what was before is not ours"
    world.event(502, 452, 451)
    assert world.wait(60) == [HoleFound(SOURCE, 451, 451)]


def test_a_program_that_starts_again_asks_for_what_it_has_missed() -> None:
    world = following()
    world.event(2, 1, 1)
    marks = world.consumer.marks()
    assert marks == {SOURCE: Mark("e1", 1)}

    later = World(marks=marks)
    later.state("online", 2, 50, recordtop=9, recorddone=9)
    assert later.wait(6) == [HoleFound(SOURCE, 2, 9)]
    assert World(marks=marks).consumer.marks() == marks, "what was not heard of is not forgotten"


def test_numbers_that_a_power_cut_skipped_are_not_waited_for() -> None:
    world = following()
    world.event(2, 1, 1)
    assert skip(world, 9, 1003, {"first": 2, "last": 1002}) == [RecordSkipped(SOURCE, 2, 1002)]
    assert world.wait(60) == []
    assert world.event(3, 2, 0) == [], "one that was given before the cut may still come"


@pytest.mark.parametrize(
    "detail",
    [None, {}, {"first": "2", "last": 9}, {"first": 9, "last": 2}, {"first": True, "last": 3}, {"last": 2**70}],
)
def test_a_skip_that_says_nothing_sensible_skips_nothing(detail: Any) -> None:
    world = following()
    assert not any(isinstance(each, RecordSkipped) for each in skip(world, 9, 3, detail))
    assert world.wait(60) == [HoleFound(SOURCE, 1, 2)]


def test_the_holes_of_an_epoch_that_is_over_are_lost_and_the_new_one_begins_with_1() -> None:
    world = following()
    world.event(6, 3, 2)
    world.wait(6)
    found = world.state("online", 1, 1, epoch="e2", recordtop=0, recorddone=0)
    assert RecordLost(SOURCE, 1, 2, "epoch") in found
    world.event(3, 2, 2, epoch="e2")
    assert world.wait(6) == [HoleFound(SOURCE, 1, 1)]


def test_the_numbers_of_an_epoch_that_is_over_do_not_count_in_the_new_one() -> None:
    world = following()
    world.state("online", 1, 1, epoch="e2", recordtop=0, recorddone=0)
    world.event(900, 700, 700)
    assert world.wait(60) == []
    world.event(2, 1, 1, epoch="e2")
    assert world.wait(60) == []


def test_a_number_of_0_is_no_number() -> None:
    world = World()
    world.event(1, 0, 0)
    world.event(3, 2, 2)
    assert world.wait(60) == [HoleFound(SOURCE, 1, 1)]


def test_a_replay_is_asked_for_in_ranges_and_one_at_a_time() -> None:
    world = following()
    for number in (3, 6, *range(6, 60), 200):
        world.event(number + 1, number, number)
    world.wait(6)

    assert asked(world) == [(1, 5)], "holes that lie close together are one"
    assert asked(world) == []
    assert world.event(2, 1, 0) == [HoleFilled(SOURCE, 1)]
    assert world.event(5, 4, 0) == [HoleFilled(SOURCE, 4)]
    told = world.consumer.replayed(Replay(SOURCE, 1, 5), result(missing=[[2, 2], [5, 5]]), world.now_s)
    assert told == [RecordLost(SOURCE, 2, 2, "missing"), RecordLost(SOURCE, 5, 5, "missing")]
    assert asked(world) == [], "what was replayed may still be on its way"
    world.wait(5)
    assert asked(world) == [(60, 199)]


def test_a_device_that_is_not_there_is_not_asked() -> None:
    world = following()
    world.event(3, 2, 2)
    world.wait(6)
    world.state("lost", 1, 1, id="will")
    assert asked(world) == []
    world.state("online", 2, 4)
    assert asked(world) == [(1, 1)]


@pytest.mark.parametrize(
    ("answer", "pause_s"),
    [(None, 10), (result("failed", "busy"), 10), (result("rejected", "not-permitted"), 3600)],
)
def test_a_replay_that_did_not_work_is_asked_for_again(answer: ResultData | None, pause_s: float) -> None:
    world = following()
    world.event(3, 2, 2)
    world.wait(6)
    assert asked(world) == [(1, 1)]
    assert world.consumer.replayed(Replay(SOURCE, 1, 1), answer, world.now_s) == []
    world.now_s += pause_s - 1
    assert asked(world) == []
    world.now_s += 1
    assert asked(world) == [(1, 1)]


@pytest.mark.parametrize("missing", [None, "x", [[1]], [["1", "1"]], [[True, True]], [1, 2]])
def test_what_a_device_says_it_has_sent_and_never_comes_is_lost_after_three_replays(missing: Any) -> None:
    world = following()
    world.event(3, 2, 2)
    world.wait(6)
    told: list[Notice] = []
    for _ in range(3):
        assert told == []
        assert asked(world) == [(1, 1)]
        told = world.consumer.replayed(Replay(SOURCE, 1, 1), result(missing=missing), world.now_s)
        world.now_s += 5
    assert told == [RecordLost(SOURCE, 1, 1, "not-sent")]
    assert asked(world) == []


def test_numbers_that_are_scattered_take_no_memory_without_end() -> None:
    world = following()
    lost = [each for number in range(1, 2500) for each in world.event(number + 1, number * 7, 0)]
    assert lost[:1] == [RecordLost(SOURCE, 1, 6, "crowded-out")]
    record = world.consumer.devices[SOURCE]._record
    assert record is not None
    assert max(len(record._settled), len(record._seen)) <= 1000


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 30), st.integers(0, 6)), max_size=30),
    st.integers(0, 30),
    st.integers(0, 30),
)
def test_ranges_are_a_set_of_numbers(steps: list[tuple[bool, int, int]], first: int, last: int) -> None:
    ranges, numbers = Ranges(), set[int]()
    for adds, begin, length in steps:
        some = range(begin, begin + length + 1)
        if adds:
            ranges.add(some[0], some[-1])
            numbers.update(some)
        else:
            ranges.remove(some[0], some[-1])
            numbers.difference_update(some)
    everything = ranges.all()
    assert [n for low, high in everything for n in range(low, high + 1)] == sorted(numbers)
    assert all(high + 1 < low for (_, high), (low, _) in pairwise(everything))
    assert {n for n in range(40) if n in ranges} == numbers
    asked_for = set(range(first, last + 1))
    assert {n for low, high in ranges.within(first, last) for n in range(low, high + 1)} == numbers & asked_for
    assert {n for low, high in ranges.gaps(first, last) for n in range(low, high + 1)} == asked_for - numbers
