"""A button with two contacts: whatever is wrong with one line, who presses is heard."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.finger import Finger


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
    finger.press(50_000)
    finger.until(60_000)
    assert len(finger.faults()) == 2, "what is over ends once"


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


@settings(deadline=None, database=None)
@given(
    broken=st.sampled_from(["nothing", "no-cut", "no-short", "nc-cut", "nc-weld"]),
    presses=st.lists(st.tuples(st.integers(60, 20_000), st.integers(120, 100_000)), max_size=12),
    apart=st.integers(-40, 40),
    start=st.booleans(),
)
def test_with_any_one_line_broken_every_press_of_a_person_is_counted_once(
    broken: str, presses: list[tuple[int, int]], apart: int, start: bool
) -> None:
    """`presses` are pairs of how long it was pressed and how long not; the lines move `apart` from each other."""
    finger = Finger(supervised=True, chatter_presses=0)
    if broken == "no-short":
        finger.no(10, closed=True, at_start=start)
    if broken == "nc-cut":
        finger.nc(10, closed=False, at_start=start)
    now = 1000
    for hold, pause in presses:
        moves = []
        for at, down in ((now, True), (now + hold, False)):
            if not broken.startswith("no-"):
                moves.append((at, finger.no, down))
            if not broken.startswith("nc-"):
                moves.append((at + apart, finger.nc, not down))
        for at, move, closed in sorted(moves, key=lambda each: each[0]):
            move(at, closed=closed)
        now += hold + pause
    finger.until(now + 60_000)

    assert len(finger.presses()) == len(presses) + (broken == "no-short")
    if broken == "nothing":
        assert finger.faults() == []
    elif presses:
        assert finger.faults()[0][0] == {"no-cut": "open", "nc-cut": "open"}.get(broken, "short")
        assert not [fault for fault, active, _ in finger.faults() if not active], "it is broken to the end"
