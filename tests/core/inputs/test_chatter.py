"""Rain in a button: none of its presses is lost, and they are not told one by one."""

from itertools import pairwise

import pytest

from agent.contract.vocabulary import Fault
from agent.core.facts import InputFault, Pressed
from agent.core.inputs.chatter import PressReporter
from tests.support.finger import Finger

S = 10**9


def rain(finger: Finger, start: int, count: int, every: int) -> None:
    for number in range(count):
        finger.press(start + number * every, hold=every // 2)


def test_rain_is_told_press_by_press_up_to_the_limit_and_then_once_a_second_with_all_that_were_made() -> None:
    finger = Finger(chatter_presses=5, chatter_window_s=10)
    rain(finger, 0, 50, 100)
    finger.until(60_000)

    summaries = finger.told()
    assert summaries[:6] == [(2, 1), (102, 1), (202, 1), (302, 1), (402, 1), (502, 1)]
    assert sum(count for _, count in summaries) == 50
    assert len(summaries) <= 6 + 5
    assert finger.faults() == [("chatter", True, 2), ("chatter", False, 2)]


def test_chatter_ends_when_there_was_no_press_for_the_whole_window() -> None:
    finger = Finger(chatter_presses=5, chatter_window_s=10)
    rain(finger, 100_000, 20, 100)
    last = 100_000 + 19 * 100 + 2
    finger.until(last + 9_999)
    assert finger.faults() == [("chatter", True, 100_002)]

    finger.until(last + 10_000)
    assert finger.faults() == [("chatter", True, 100_002), ("chatter", False, 100_002)]
    rain(finger, 200_000, 5, 100)
    assert finger.told()[-5:] == [(200_002 + number * 100, 1) for number in range(5)]


def test_sums_are_a_second_apart() -> None:
    finger = Finger(chatter_presses=5, chatter_window_s=10)
    spoken: list[int] = []
    for number in range(100):
        before = len(finger.told())
        at = 100_000 + number * 70
        finger.press(at, hold=35)
        spoken += [at] * (len(finger.told()) - before)

    sums = spoken[6:]
    assert all(later - earlier >= 1000 - 70 for earlier, later in pairwise(sums))
    assert len(sums) >= 5


@pytest.mark.parametrize(("apart_ms", "chatters"), [(2000, True), (2001, False)])
def test_chatter_is_more_than_so_many_presses_within_the_window(apart_ms: int, chatters: bool) -> None:
    finger = Finger(chatter_presses=5, chatter_window_s=10)
    rain(finger, 100_000, 6, apart_ms)

    assert bool(finger.faults()) is chatters


def test_presses_of_long_ago_are_no_part_of_it() -> None:
    finger = Finger(chatter_presses=5, chatter_window_s=10)
    rain(finger, 0, 30, 11_000)
    rain(finger, 400_000, 5, 100)
    assert finger.faults() == []

    finger.press(400_500)
    assert finger.faults() == [("chatter", True, 400_002)]


def test_presses_at_a_human_pace_are_no_chatter() -> None:
    finger = Finger(chatter_presses=5, chatter_window_s=10)
    rain(finger, 0, 40, 2100)
    finger.until(200_000)

    assert [count for _, count in finger.told()] == [1] * 40
    assert finger.faults() == []


def test_a_press_after_a_pause_in_the_rain_is_told_at_once() -> None:
    finger = Finger(chatter_presses=5, chatter_window_s=10)
    rain(finger, 0, 20, 100)
    finger.until(5000)
    before = sum(count for _, count in finger.told())
    assert before == 20

    finger.no(5500, closed=True)

    assert finger.told()[-1] == (5500, 1)


def test_a_sum_knows_when_its_first_press_began() -> None:
    reporter = PressReporter("police", 1, 10)
    for at in (10, 20, 30, 40):
        reporter.press(at, held_ns=at // 10)

    assert reporter.flush() == [Pressed("police", 30, 40, 2, held_ns=3)]


def test_what_no_summary_has_told_yet_is_told_at_the_end() -> None:
    finger = Finger(chatter_presses=1, chatter_window_s=10)
    rain(finger, 0, 5, 100)

    assert sum(count for _, count in finger.told()) == 2
    finger.facts += finger.button.flush()
    assert sum(count for _, count in finger.told()) == 5
    assert finger.button.flush() == []


def test_without_a_limit_every_press_is_told_by_itself() -> None:
    finger = Finger(chatter_presses=0)
    rain(finger, 0, 200, 70)
    finger.until(60_000)

    assert len(finger.told()) == 200
    assert finger.faults() == []


def test_the_fault_names_its_button() -> None:
    reporter = PressReporter("police", 1, 10)
    reporter.press(0)

    assert reporter.press(1)[1:] == [InputFault("police", Fault.CHATTER, True, 0)]
    assert reporter.press(S + 1) == [Pressed("police", S + 1, S + 1)]
    assert reporter.tick(11 * S + 1) == [InputFault("police", Fault.CHATTER, False, 0)]
