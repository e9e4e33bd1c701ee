import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.delivery.backoff import Backoff


def highest(backoff_args: dict[str, float] | None = None) -> Backoff:
    return Backoff(uniform=lambda _, high: high, **(backoff_args or {}))


def test_the_ceiling_doubles_up_to_the_longest() -> None:
    backoff = highest()

    assert [backoff.failed() for _ in range(9)] == [2, 4, 8, 16, 32, 64, 120, 120, 120]
    slow = highest({"first_s": 4})
    assert [slow.failed(), slow.failed(), slow.failed(lasted_s=60)] == [8, 16, 8]


def test_a_connection_that_was_stable_starts_again_and_a_shorter_one_does_not() -> None:
    backoff = highest()
    for _ in range(5):
        backoff.failed()

    assert backoff.failed(lasted_s=59.9) == 64
    assert backoff.failed(lasted_s=60) == 2


@settings(deadline=None, database=None)
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200))
def test_a_delay_is_never_below_the_first_nor_above_the_longest(lasted: list[float]) -> None:
    backoff = Backoff()

    assert all(1 <= backoff.failed(seconds) <= 120 for seconds in lasted)


def test_failures_without_end_do_not_overflow() -> None:
    backoff = highest()

    assert {backoff.failed() for _ in range(5_000)} >= {120}


@pytest.mark.parametrize("down_s", [0, 5, 30, 60, 600])
@pytest.mark.parametrize("spread_s", [3, 30, 120])
def test_99_of_100_devices_are_back_within_two_windows_and_never_more_try_than_the_broker_can_take(
    spread_s: int, down_s: int
) -> None:
    devices, uniform = 5_000, random.Random(1).uniform
    capacity = 2 * devices / spread_s
    tries, back = Counter[int](), []
    for _ in range(devices):
        backoff = Backoff(spread_s=spread_s, uniform=uniform)
        at_s = backoff.failed(lasted_s=86_400)
        while at_s < down_s:
            tries[int(20 * at_s / spread_s)] += 1
            at_s += backoff.failed()
        tries[int(20 * at_s / spread_s)] += 1
        back.append(at_s - down_s)

    assert sorted(back)[devices * 99 // 100] <= 1.5 * spread_s
    assert max(tries.values()) <= capacity * spread_s / 20


def test_a_wait_after_a_loss_is_anywhere_in_the_spread_and_then_about_the_spread_each_time() -> None:
    lowest = Backoff(spread_s=30, uniform=lambda low, _: low)
    backoff = highest({"spread_s": 30})

    assert [lowest.failed(lasted_s=60), *(lowest.failed() for _ in range(3))] == [0, 15, 15, 15]
    assert [backoff.failed(lasted_s=60), *(backoff.failed() for _ in range(3))] == [30, 45, 45, 45]
    assert backoff.failed(lasted_s=60) == 30


def test_a_kiosk_with_a_window_of_its_own_does_not_try_all_the_time() -> None:
    backoff = Backoff(spread_s=0.5, uniform=lambda low, _: low)

    assert [backoff.failed(lasted_s=60), backoff.failed(), backoff.failed()] == [0, 1, 1]


def test_before_the_first_connection_nothing_is_spread() -> None:
    backoff = highest({"spread_s": 30})

    assert [backoff.failed() for _ in range(6)] == [2, 4, 8, 16, 32, 45]


def test_devices_do_not_come_back_in_step() -> None:
    delays = set()
    for _ in range(50):
        backoff = Backoff()
        for _ in range(6):
            backoff.failed()
        delays.add(round(backoff.failed(), 3))

    assert len(delays) > 40
