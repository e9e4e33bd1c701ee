from itertools import pairwise

import pytest

from agent.core.button import Button
from agent.core.events import Edge, Fault, InputFact, InputFault, Pressed
from agent.core.inputs import ButtonRules

MS = 1_000_000
S = 1000 * MS


class Finger:
    """Moves the lines of one button; times are milliseconds. Deadlines are met to the millisecond."""

    def __init__(self, *, supervised: bool = False, **rules: float) -> None:
        self.button = Button(ButtonRules("police", supervised=supervised, **rules))  # type: ignore[arg-type]
        self.facts: list[InputFact] = []

    def no(self, at: int, *, closed: bool, at_start: bool = False) -> None:
        self.until(at)
        self.facts += self.button.take(Edge("police", closed, at * MS, at_start))

    def nc(self, at: int, *, closed: bool, at_start: bool = False) -> None:
        self.until(at)
        self.facts += self.button.take(Edge("police", not closed, at * MS, at_start, normally_closed=True))

    def press(self, at: int, hold: int = 200) -> None:
        """Both lines of a healthy supervised button, or the one of a plain one, 2 ms apart."""
        for start, down in ((at, True), (at + hold, False)):
            if self.button._pair is not None:
                self.nc(start, closed=not down)
            self.no(start + 2, closed=down)

    def until(self, at: int) -> None:
        while (due := self.button.due_ns()) is not None and due <= at * MS:
            before = self.button.due_ns()
            self.facts += self.button.tick(due)
            assert self.button.due_ns() != before, "a deadline that has passed is no deadline any more"

    def presses(self) -> list[int]:
        """When presses were made, in ms."""
        return [fact.edge_ns // MS for fact in self.facts if isinstance(fact, Pressed)]

    def faults(self) -> list[tuple[str, bool, int]]:
        """Faults that began and ended, and since when, in ms."""
        return [(f.fault.value, f.active, f.since_ns // MS) for f in self.facts if isinstance(f, InputFault)]


def test_a_plain_press_is_told_at_its_first_edge_and_is_no_fault() -> None:
    finger = Finger()
    finger.no(100, closed=True)
    assert finger.presses() == [100]

    finger.no(300, closed=False)
    finger.until(100_000)
    assert finger.presses() == [100]
    assert finger.faults() == []
    assert finger.button.due_ns() is None


# --- stuck ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("supervised", [False, True])
def test_a_button_that_stays_pressed_is_one_press_and_then_stuck_until_it_is_let_go(supervised: bool) -> None:
    finger = Finger(supervised=supervised)
    finger.press(1000, hold=45_000)

    assert finger.presses() == [1002]
    assert finger.faults() == [("stuck", True, 1002), ("stuck", False, 1002)]


def test_a_press_of_just_less_than_that_time_is_not_stuck() -> None:
    finger = Finger(stuck_after_s=2)
    finger.press(0, hold=1999)
    finger.until(10_000)

    assert finger.faults() == []


def test_a_button_that_is_pressed_at_start_is_a_press_and_then_stuck() -> None:
    finger = Finger()
    finger.no(500, closed=True, at_start=True)
    assert finger.presses() == [500]

    finger.until(30_500)
    assert finger.faults() == [("stuck", True, 500)]


def test_a_supervised_button_that_is_pressed_at_start_is_one_press_without_a_fault() -> None:
    finger = Finger(supervised=True)
    finger.no(500, closed=True, at_start=True)
    finger.nc(500, closed=False, at_start=True)
    finger.no(2000, closed=False)
    finger.nc(2000, closed=True)
    finger.until(10_000)

    assert finger.presses() == [500]
    assert finger.faults() == []


def test_a_stuck_button_whose_release_was_missed_is_pressed_again() -> None:
    finger = Finger()
    finger.no(0, closed=True)
    finger.until(40_000)
    finger.no(50_000, closed=True)

    assert finger.presses() == [0, 50_000]
    assert finger.faults() == [("stuck", True, 0), ("stuck", False, 0)]
    finger.until(80_000)
    assert finger.faults()[-1] == ("stuck", True, 50_000)


def test_a_stuck_button_that_is_let_go_before_anybody_looked_is_told_as_both() -> None:
    button = Button(ButtonRules("police"))
    button.take(Edge("police", True, 0))
    facts = button.take(Edge("police", False, 40 * S))

    assert facts == [InputFault("police", Fault.STUCK, active, 0, presses=1) for active in (True, False)]
    assert button.faults == {}


# --- a press that must be held ----------------------------------------------------------------------------


def test_a_press_that_must_be_held_counts_when_the_time_is_over() -> None:
    finger = Finger(hold_s=2)
    finger.no(1000, closed=True)
    finger.until(2999)
    assert finger.presses() == []

    finger.until(3000)
    assert finger.presses() == [3000]
    finger.no(9000, closed=False)
    finger.until(100_000)
    assert finger.presses() == [3000]
    assert finger.button.cut_short == 0


def test_a_hold_that_is_let_go_too_soon_is_told_by_nothing_but_a_count() -> None:
    finger = Finger(hold_s=2)
    finger.press(1000, hold=1900)
    finger.until(100_000)

    assert finger.facts == []
    assert finger.button.cut_short == 1
    assert finger.button.due_ns() is None


def test_a_bounce_does_not_end_a_hold() -> None:
    finger = Finger(hold_s=2)
    for at, closed in ((1000, True), (1005, False), (1009, True), (2990, False), (3010, True)):
        finger.no(at, closed=closed)
    finger.until(3010)

    assert finger.presses() == [3000]
    assert finger.button.cut_short == 0


def test_a_hold_that_ended_in_time_counts_although_nobody_looked_at_the_deadline() -> None:
    button = Button(ButtonRules("police", hold_s=2))
    button.take(Edge("police", True, 0))
    facts = button.take(Edge("police", False, 5 * S))

    assert facts == [Pressed("police", 2 * S, 2 * S)]


def test_a_hold_begins_anew_when_its_release_was_missed() -> None:
    finger = Finger(hold_s=2)
    finger.no(1000, closed=True)
    finger.no(2500, closed=True)
    finger.until(10_000)

    assert finger.presses() == [4500]
    assert finger.button.cut_short == 1


# --- two lines --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("apart", [-49, -5, 0, 5, 49])
def test_a_healthy_supervised_button_is_told_at_its_first_closing_and_has_no_fault(apart: int) -> None:
    finger = Finger(supervised=True)
    for at, down in ((1000, True), (2000, False)):
        moves = [(at, finger.no, down), (at + apart, finger.nc, not down)]
        for when, move, closed in sorted(moves, key=lambda move: move[0]):
            move(when, closed=closed)
    finger.until(10_000)

    assert finger.presses() == [1000]
    assert finger.faults() == []


def test_a_press_with_a_dead_normally_closed_line_is_told_at_once_and_the_fault_stays_until_a_whole_press() -> None:
    finger = Finger(supervised=True)
    finger.no(1000, closed=True)
    assert finger.presses() == [1000]
    finger.no(1300, closed=False)
    finger.until(20_000)
    assert finger.faults() == [("short", True, 1000)]

    finger.press(30_000)
    finger.until(40_000)
    assert finger.presses() == [1000, 30_002]
    assert finger.faults()[1:] == [("short", False, 1000)]


def test_a_press_with_a_dead_normally_open_line_is_heard_when_the_button_is_let_go() -> None:
    finger = Finger(supervised=True)
    finger.nc(1000, closed=False)
    finger.nc(1400, closed=True)
    assert finger.faults() == [("open", True, 1000)]
    finger.until(1450)

    assert finger.presses() == [1000]
    finger.until(20_000)
    assert finger.faults() == [("open", True, 1000)], "it stays until a whole press"
    finger.press(30_000)
    finger.until(40_000)
    assert finger.faults()[1:] == [("open", False, 1000)]
    assert finger.presses() == [1000, 30_002]


def test_a_cut_cable_is_a_fault_and_no_press_and_ends_when_it_is_mended() -> None:
    finger = Finger(supervised=True)
    finger.nc(1000, closed=False)
    finger.until(60_000)
    finger.nc(61_000, closed=True)
    finger.until(70_000)

    assert finger.presses() == []
    assert finger.faults() == [("open", True, 1000), ("open", False, 1000)]


def test_a_normally_closed_line_that_is_cut_before_the_start_is_a_fault() -> None:
    finger = Finger(supervised=True)
    finger.no(1000, closed=False, at_start=True)
    finger.nc(1000, closed=False, at_start=True)
    finger.until(60_000)

    assert finger.presses() == []
    assert finger.faults() == [("open", True, 1000)]


def test_a_person_is_heard_at_once_although_the_normally_closed_line_is_cut() -> None:
    finger = Finger(supervised=True)
    finger.nc(0, closed=False)
    for at in (10_000, 20_000):
        finger.no(at, closed=True)
        finger.no(at + 200, closed=False)
    finger.until(30_000)

    assert finger.presses() == [10_000, 20_000]
    assert finger.faults() == [("open", True, 0)]


def test_a_shorted_normally_open_line_is_an_alarm_and_a_fault_and_further_people_are_still_heard() -> None:
    finger = Finger(supervised=True)
    finger.no(0, closed=True)
    finger.until(5000)
    for at in (10_000, 50_000):
        finger.nc(at, closed=False)
        finger.nc(at + 3, closed=True)  # a bounce
        finger.nc(at + 4, closed=False)
        finger.nc(at + 300, closed=True)
    assert finger.presses() == [0, 10_000, 50_000]
    finger.no(80_000, closed=False)
    finger.until(90_000)

    assert finger.faults() == [("short", True, 0), ("short", False, 0)]


def test_an_edge_that_only_repeats_what_is_known_is_nothing() -> None:
    finger = Finger(supervised=True)
    finger.nc(1000, closed=False)
    finger.nc(1010, closed=False)
    finger.until(60_000)

    assert finger.presses() == []
    assert finger.faults() == [("open", True, 1000)]


@pytest.mark.parametrize(("alone_ms", "faults"), [(49, 0), (50, 1)])
def test_lines_that_disagree_for_the_settling_time_are_a_fault(alone_ms: int, faults: int) -> None:
    finger = Finger(supervised=True)
    finger.no(1000, closed=True)
    finger.nc(1000 + alone_ms, closed=False)

    assert finger.faults() == [("short", True, 1000)] * faults
    assert len(finger.presses()) == 1 + faults, "the line has been closed for so long that the other one tells"


@pytest.mark.parametrize(
    ("open_ms", "presses", "over"),
    [(49, [], []), (50, [1000], []), (29_999, [1000], []), (30_000, [], [("open", False, 1000)])],
)
def test_a_line_that_opens_alone_is_a_finger_when_it_lasts_like_one(
    open_ms: int, presses: list[int], over: list[tuple[str, bool, int]]
) -> None:
    finger = Finger(supervised=True)
    finger.nc(1000, closed=False)
    finger.nc(1000 + open_ms, closed=True)
    finger.until(90_000)

    assert finger.presses() == presses
    assert finger.faults() == ([("open", True, 1000)] if open_ms >= 50 else []) + over


def test_what_one_press_has_done_says_nothing_of_the_next() -> None:
    finger = Finger(supervised=True)
    finger.press(1000)
    finger.nc(5000, closed=False)
    finger.nc(5300, closed=True)
    finger.until(10_000)

    assert finger.presses() == [1002, 5000]
    assert finger.faults() == [("open", True, 5000)]


@pytest.mark.parametrize("first", ["no", "nc"])
def test_a_supervised_button_is_stuck_whichever_line_moved_first(first: str) -> None:
    finger = Finger(supervised=True)
    for name in (first, "nc" if first == "no" else "no"):
        finger.no(1000, closed=True) if name == "no" else finger.nc(1000, closed=False)
    finger.until(40_000)

    assert finger.faults() == [("stuck", True, 1000)]


def test_a_slow_changeover_is_one_press_and_its_fault_ends_with_it() -> None:
    finger = Finger(supervised=True)
    finger.nc(1000, closed=False)
    finger.no(1400, closed=True)
    finger.no(1900, closed=False)
    finger.nc(2300, closed=True)
    finger.until(10_000)

    assert finger.presses() == [1400]
    assert finger.faults() == [("open", True, 1000), ("open", False, 1000)]


def test_a_flicker_of_the_normally_closed_line_is_nothing() -> None:
    finger = Finger(supervised=True)
    for at in (1000, 1500, 2000):
        finger.nc(at, closed=False)
        finger.nc(at + 20, closed=True)
    finger.until(10_000)

    assert finger.facts == []


def test_a_supervised_press_that_must_be_held_waits_also_when_only_one_line_tells() -> None:
    finger = Finger(supervised=True, hold_s=1)
    finger.press(1000, hold=500)
    finger.until(5000)
    assert finger.presses() == []

    finger.nc(6000, closed=False)
    finger.nc(6500, closed=True)
    finger.until(8000)
    assert finger.presses() == []
    finger.nc(9000, closed=False)
    finger.nc(10_100, closed=True)
    finger.until(12_000)
    assert finger.presses() == [9000]


# --- rain -------------------------------------------------------------------------------------------------


def rain(finger: Finger, start: int, count: int, every: int) -> None:
    for number in range(count):
        finger.press(start + number * every, hold=every // 2)


def told(finger: Finger) -> list[tuple[int, int]]:
    return [(fact.edge_ns // MS, fact.count) for fact in finger.facts if isinstance(fact, Pressed)]


def test_rain_is_told_press_by_press_up_to_the_limit_and_then_once_a_second_with_all_that_were_made() -> None:
    finger = Finger(chatter_presses=5, chatter_window_s=10)
    rain(finger, 0, 50, 100)
    finger.until(60_000)

    summaries = told(finger)
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
    assert told(finger)[-5:] == [(200_002 + number * 100, 1) for number in range(5)]


def test_sums_are_a_second_apart() -> None:
    finger = Finger(chatter_presses=5, chatter_window_s=10)
    spoken: list[int] = []
    for number in range(100):
        before = len(told(finger))
        at = 100_000 + number * 70
        finger.press(at, hold=35)
        spoken += [at] * (len(told(finger)) - before)

    sums = spoken[6:]
    assert all(later - earlier >= 1000 - 70 for earlier, later in pairwise(sums))
    assert len(sums) >= 5


def test_presses_at_a_human_pace_are_no_chatter() -> None:
    finger = Finger(chatter_presses=5, chatter_window_s=10)
    rain(finger, 0, 40, 2100)
    finger.until(200_000)

    assert [count for _, count in told(finger)] == [1] * 40
    assert finger.faults() == []


def test_a_press_after_a_pause_in_the_rain_is_told_at_once() -> None:
    finger = Finger(chatter_presses=5, chatter_window_s=10)
    rain(finger, 0, 20, 100)
    finger.until(5000)
    before = sum(count for _, count in told(finger))
    assert before == 20

    finger.no(5500, closed=True)

    assert told(finger)[-1] == (5500, 1)


def test_what_no_summary_has_told_yet_is_told_at_the_end() -> None:
    finger = Finger(chatter_presses=1, chatter_window_s=10)
    rain(finger, 0, 5, 100)

    assert sum(count for _, count in told(finger)) == 2
    finger.facts += finger.button.flush()
    assert sum(count for _, count in told(finger)) == 5
    assert finger.button.flush() == []


def test_without_a_limit_every_press_is_told_by_itself() -> None:
    finger = Finger(chatter_presses=0)
    rain(finger, 0, 200, 70)
    finger.until(60_000)

    assert len(told(finger)) == 200
    assert finger.faults() == []


# --- a line that is not there -----------------------------------------------------------------------------


def test_a_line_that_can_not_be_watched_is_a_fault_with_its_reason_and_the_other_line_still_tells() -> None:
    finger = Finger(supervised=True)
    finger.facts += finger.button.lost("pin 5 is taken", 0)
    assert finger.button.faults == {Fault.UNUSABLE: "pin 5 is taken"}

    finger.no(1000, closed=True)
    assert finger.presses() == [1000]
    assert finger.button.presses == 1
