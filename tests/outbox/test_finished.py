"""Which numbers of the record are finished, against a set of all of them."""

from hypothesis import given
from hypothesis import strategies as st

from agent.outbox.finished import Finished


def through(finished: set[int]) -> int:
    return next(number for number in range(10_000) if number + 1 not in finished)


@given(st.lists(st.integers(1, 30)), st.integers(0, 30), st.frozensets(st.integers(1, 30)))
def test_it_knows_up_to_where_all_numbers_are_finished(order: list[int], top: int, waiting: frozenset[int]) -> None:
    finished = Finished()
    waiting = frozenset(number for number in waiting if number <= top)
    finished.restart(top, waiting)
    expected = set(range(1, top + 1)) - waiting
    assert finished.through == through(expected)

    for number in order:
        finished.finish(number)
        expected.add(number)
        assert finished.through == through(expected)
        assert {number for number in range(1, 40) if number in finished} == expected


def test_one_message_that_nobody_takes_costs_no_memory_for_those_behind_it() -> None:
    finished = Finished()
    for number in range(2, 100_000):
        finished.finish(number)

    assert finished.through == 0
    assert finished._runs == [[2, 99_999]]
