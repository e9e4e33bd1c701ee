"""What a next run is given of the record, and what its memory is made of; `tests/vectors/` has the rest."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge_centre.library import HoleFound, Mark, RecordLost
from edge_centre.library.ranges import Ranges
from tests.support.made_up import SOURCE, World


def following() -> World:
    """A consumer that has followed the device from its first message on."""
    world = World()
    world.state("online", 1, 1, recordtop=0, recorddone=0)
    return world


def test_a_program_that_starts_again_asks_for_what_it_has_missed() -> None:
    world = following()
    world.event(2, 1, 1)
    marks = world.consumer.marks()
    assert marks == {SOURCE: Mark("e1", 1)}

    later = World(marks=marks)
    later.state("online", 2, 50, recordtop=9, recorddone=9)
    assert later.wait(6) == [HoleFound(SOURCE, 2, 9)]
    assert World(marks=marks).consumer.marks() == marks, "what was not heard of is not forgotten"


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
