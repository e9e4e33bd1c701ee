from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.backoff import Backoff


def highest(backoff_args: dict[str, float] | None = None) -> Backoff:
    return Backoff(uniform=lambda _, high: high, **(backoff_args or {}))


def test_the_ceiling_doubles_up_to_the_longest() -> None:
    backoff = highest()

    assert [backoff.failed() for _ in range(9)] == [2, 4, 8, 16, 32, 64, 120, 120, 120]


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


def test_devices_do_not_come_back_in_step() -> None:
    delays = set()
    for _ in range(50):
        backoff = Backoff()
        for _ in range(6):
            backoff.failed()
        delays.add(round(backoff.failed(), 3))

    assert len(delays) > 40
