"""The judge of the self-tests sees what it must see, and excuses what the contract excuses."""

import pytest

from tests.campaigns.week.chronicle import Chronicle
from tests.campaigns.week.kiosk import SELF_TEST_S
from tests.campaigns.week.schedule import DAY, HOUR, MINUTE, Span
from tests.campaigns.week.self_tests import Told, judge_self_tests

ALL = ("inputs", "lights", "storage", "black-box", "uplink", "path-2", "centre")
FIRST_S = 310.0
NIGHT_S = DAY + SELF_TEST_S + 5


def told(end_s: float, outcome: str = "passed", *failed: str) -> Told:
    return Told(end_s - 5, end_s, outcome, failed, tuple(step for step in ALL if step not in failed))


def faults(
    *tests: Told, alarms: tuple[Span, ...] = (), ills: tuple[Span, ...] = (), lives: tuple[Span, ...] = ()
) -> list[str]:
    chronicle = Chronicle()
    for ill in ills:
        chronicle.add(ill)
    for life in lives or (Span("end", 0, 1.5 * DAY),):
        chronicle.lived(life)
    return [*judge_self_tests(tests, alarms, chronicle, 1.5 * DAY)]


def test_one_soon_after_the_start_and_one_a_night_are_right() -> None:
    assert faults(told(FIRST_S), told(NIGHT_S)) == []


def test_one_that_was_left_out_is_missed() -> None:
    (fault,) = faults(told(FIRST_S))
    assert fault.startswith("a self-test was due at day 2 01:26, and none came")
    assert "due at day 1 00:05" in faults(told(NIGHT_S))[0]


@pytest.mark.parametrize("step", ["inputs", "storage", "uplink", "path-2", "centre", "lights"])
def test_a_failure_without_a_cause_is_untrue(step: str) -> None:
    bad = told(NIGHT_S, "failed", step)
    again = (told(NIGHT_S + 15 * MINUTE + 10),) if bad.unheard else ()
    assert any("nothing was wrong" in fault for fault in faults(told(FIRST_S), bad, *again))


@pytest.mark.parametrize("ill", ["network", "centre", "lying"])
def test_a_pass_while_nobody_could_be_reached_is_untrue(ill: str) -> None:
    found = faults(told(FIRST_S), told(NIGHT_S), ills=(Span(ill, NIGHT_S - HOUR, NIGHT_S + HOUR),))
    assert any("has passed in centre" in fault for fault in found)
    assert faults(told(FIRST_S), told(NIGHT_S), ills=(Span(ill, NIGHT_S - 2, NIGHT_S - 1),)) == []


def test_one_by_which_nobody_is_heard_is_repeated_after_a_quarter_of_an_hour_and_not_before() -> None:
    ills = (Span("centre", NIGHT_S - 60, NIGHT_S + 60),)
    bad = told(NIGHT_S, "failed", "centre")
    assert faults(told(FIRST_S), bad, told(NIGHT_S + 15 * MINUTE + 10), ills=ills) == []
    assert "too soon" in faults(told(FIRST_S), bad, told(NIGHT_S + 10 * MINUTE), ills=ills)[0]
    assert "and none came" in faults(told(FIRST_S), bad, told(NIGHT_S + 20 * MINUTE), ills=ills)[0]


def test_one_that_an_alarm_has_ended_is_made_up_for_when_it_is_closed_and_ten_minutes_have_passed() -> None:
    ended = told(NIGHT_S, "interrupted")
    alarm = Span("alarm", NIGHT_S, NIGHT_S + HOUR)
    assert faults(told(FIRST_S), ended, told(alarm.end_s + 10), alarms=(alarm,)) == []
    assert "and none came" in faults(told(FIRST_S), ended, told(alarm.end_s + 300), alarms=(alarm,))[0]
    short = Span("alarm", NIGHT_S, NIGHT_S + 60)
    assert "too soon" in faults(told(FIRST_S), ended, told(NIGHT_S + 5 * MINUTE), alarms=(short,))[0]
    assert any("there was no alarm" in fault for fault in faults(told(FIRST_S), ended, told(NIGHT_S + 615)))


def test_one_that_a_kill_has_ended_is_made_up_for_five_minutes_after_the_start() -> None:
    lives = (Span("kill", 0, NIGHT_S - 2), Span("end", NIGHT_S + 4, 1.5 * DAY))
    assert faults(told(FIRST_S), told(NIGHT_S + 310), lives=lives) == []
    assert "and none came" in faults(told(FIRST_S), told(NIGHT_S + 600), lives=lives)[0]


def test_a_wrong_clock_may_put_one_off_but_never_bring_two_within_twelve_hours() -> None:
    ills = (Span("unset", NIGHT_S - HOUR, NIGHT_S + HOUR),)
    assert faults(told(FIRST_S), told(NIGHT_S + HOUR + 10), ills=ills) == []
    assert any("not due so soon" in fault for fault in faults(told(FIRST_S), told(11 * HOUR), told(NIGHT_S)))
