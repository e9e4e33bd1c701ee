import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.vision.inference_budget import InferenceBudget

SECOND = 1_000_000_000
START_NS = 1000 * SECOND
RATES = st.floats(0.01, 400) | st.sampled_from([0.1, 0.5, 1.0, 1.5, 2.0, 10.0, 30.0])
STEPS_NS = st.lists(
    st.integers(0, 3 * SECOND) | st.sampled_from([0, 1, SECOND // 10, SECOND // 25, SECOND - 1, SECOND, SECOND + 1]),
    max_size=120,
)


def spend_all(budget: InferenceBudget, stamps_ns: list[int], wanted: int = 10**6) -> list[tuple[int, int]]:
    """Stamps, and how many inferences were made for each."""
    spent = []
    for stamp_ns in stamps_ns:
        count = min(budget.left(stamp_ns), wanted)
        budget.spend(stamp_ns, count)
        spent.append((stamp_ns, count))
    return spent


def most_within(spent: list[tuple[int, int]], window_ns: int) -> int:
    """The most that were made in any window of this length: the worst one ends at a frame."""
    return max(
        (sum(count for at_ns, count in spent if end_ns - window_ns < at_ns <= end_ns) for end_ns, _ in spent), default=0
    )


@given(RATES, STEPS_NS, st.integers(1, 1000))
def test_no_window_holds_more_than_the_setting_whatever_the_times_of_the_frames(
    per_s: float, steps_ns: list[int], wanted: int
) -> None:
    stamps_ns = list(itertools.accumulate(steps_ns, initial=START_NS))
    spent = spend_all(InferenceBudget(per_s), stamps_ns, wanted)
    window_s = max(1.0, 1 / per_s)

    assert most_within(spent, SECOND) <= max(per_s, 1)
    assert most_within(spent, math.floor(window_s * SECOND)) <= max(per_s * window_s, 1)


@given(RATES, st.lists(st.integers(-SECOND, SECOND), max_size=120))
def test_steps_back_in_time_win_nothing(per_s: float, steps_ns: list[int]) -> None:
    stamps_ns = list(itertools.accumulate(steps_ns, initial=START_NS))
    spent = spend_all(InferenceBudget(per_s), stamps_ns)
    newest_ns = itertools.accumulate((at_ns for at_ns, _ in spent), max)

    assert most_within([(at_ns, count) for at_ns, (_, count) in zip(newest_ns, spent, strict=True)], SECOND) <= max(
        per_s, 1
    )


@pytest.mark.parametrize("per_s", [0.1, 0.5, 1, 2, 7.5, 10, 30, 100])
@pytest.mark.parametrize("frames_per_s", [1, 5, 10, 25, 60])
def test_at_a_steady_rate_of_frames_nearly_half_of_it_at_least_can_be_spent(per_s: float, frames_per_s: int) -> None:
    frames = 60 * frames_per_s
    spent = spend_all(InferenceBudget(per_s), [START_NS + frame * SECOND // frames_per_s for frame in range(frames)])

    assert sum(count for _, count in spent) >= 60 * per_s * 0.45


@given(RATES, STEPS_NS)
def test_after_the_longest_wait_that_the_setting_asks_for_there_is_always_one_left(
    per_s: float, steps_ns: list[int]
) -> None:
    budget = InferenceBudget(per_s)
    stamps_ns = list(itertools.accumulate(steps_ns, initial=START_NS))
    spend_all(budget, stamps_ns)

    assert budget.left(stamps_ns[-1] + round(max(1.0, 1 / per_s) * SECOND)) >= 1


def test_one_frame_does_not_take_all_that_those_after_it_need() -> None:
    budget = InferenceBudget(10)
    spent = spend_all(budget, [START_NS + frame * SECOND // 10 for frame in range(100)])

    assert all(count <= 2 for _, count in spent[1:])


def test_a_second_time_the_same_moment_gives_nothing_new() -> None:
    budget = InferenceBudget(10)
    spend_all(budget, [START_NS])

    assert budget.left(START_NS) == 0


def test_what_was_not_spent_is_not_saved_up() -> None:
    budget = InferenceBudget(10)
    for second in range(100):
        budget.spend(START_NS + second * SECOND, 0)

    assert 1 <= budget.left(START_NS + 100 * SECOND) <= 10
