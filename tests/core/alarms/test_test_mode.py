import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.alarms.test_mode import TestMode


def test_without_test_mode_no_press_is_a_test() -> None:
    trial = TestMode()
    assert trial.ends_ns is None
    assert not trial.covers("police", 5)


def test_only_an_edge_within_its_time_is_a_test() -> None:
    trial = TestMode()
    trial.begin(None, 10, 20)
    assert trial.ends_ns == 20
    assert [trial.covers("police", at) for at in (9, 10, 19, 20)] == [False, True, True, False]


def test_only_presses_of_the_named_input_are_tests() -> None:
    trial = TestMode()
    trial.begin(["police", "fire"], 10, 20)
    assert trial.covers("police", 15)
    assert trial.covers("fire", 15)
    assert not trial.covers("clinic", 15)


def test_a_press_that_began_before_a_renewal_is_still_a_test() -> None:
    trial = TestMode()
    trial.begin(["police", "fire"], 10, 20)
    trial.begin(["police"], 19, 29)
    assert [trial.covers("police", at) for at in (9, 10, 28, 29)] == [False, True, True, False]
    assert not trial.covers("fire", 15)


@pytest.mark.parametrize(("covered", "then", "at"), [(["police"], ["police"], 20), (["fire"], ["police", "fire"], 15)])
def test_what_begins_after_the_end_or_covers_another_button_counts_from_its_own_beginning(
    covered: list[str], then: list[str], at: int
) -> None:
    trial = TestMode()
    trial.begin(covered, 10, 20)
    trial.begin(then, at, 30)
    assert not trial.covers("police", at - 1)
    assert trial.covers("police", at)


def test_after_its_end_every_press_is_in_earnest() -> None:
    trial = TestMode()
    trial.begin(None, 10, 20)
    trial.end()
    assert trial.ends_ns is None
    assert not trial.covers("police", 15)


NAMES = ("police", "fire", "clinic")
ORDERS = st.lists(
    st.tuples(
        st.integers(0, 5),  # how much later
        st.none() | st.sets(st.sampled_from(NAMES), min_size=1),
        st.integers(0, 8),  # for how long; 0 ends it
    ),
    max_size=8,
)


@given(orders=ORDERS, name=st.sampled_from(NAMES), back=st.integers(0, 60))
def test_in_any_order_of_orders_a_press_is_a_test_only_if_test_mode_covered_its_button_at_that_moment(
    orders: list[tuple[int, set[str] | None, int]], name: str, back: int
) -> None:
    trial = TestMode()
    covered: set[int] = set()
    now = 0
    for later, inputs, seconds in orders:
        now += later
        covered = {at for at in covered if at < now}  # each order replaces what the one before said of the future
        if seconds:
            trial.begin(inputs, now, now + seconds)
            covered |= {*range(now, now + seconds)} if inputs is None or name in inputs else set()
        else:
            trial.end()

    edge = now - back
    if trial.covers(name, edge):
        assert edge in covered
    if trial.ends_ns is not None and now < trial.ends_ns and orders[-1][2]:
        last = orders[-1][1]
        assert trial.covers(name, now) == (last is None or name in last)
