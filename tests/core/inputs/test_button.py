import pytest

from agent.contract.vocabulary import Fault
from agent.core.facts import Edge, InputFault, Pressed
from agent.core.inputs.button import Button
from agent.core.wiring import ButtonRules
from tests.support.finger import MS, Finger

S = 1000 * MS


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
    finger.until(50_030)

    assert [fact for fact in finger.facts if isinstance(fact, Pressed)] == [
        Pressed("police", at, at) for at in (0, 50 * S)
    ]
    assert finger.faults() == [("stuck", True, 0), ("stuck", False, 0)]
    finger.until(80_000)
    assert finger.faults()[-1] == ("stuck", True, 50_000)


def test_a_stuck_button_that_bounces_when_it_is_let_go_is_no_press() -> None:
    finger = Finger()
    finger.no(0, closed=True)
    finger.until(40_000)
    finger.no(50_000, closed=True)  # the kernel's word for an opening that has bounced back by the time it looks
    finger.no(50_002, closed=False)
    finger.until(100_000)

    assert finger.presses() == [0]
    assert finger.faults() == [("stuck", True, 0), ("stuck", False, 0)]


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

    assert facts == [Pressed("police", 2 * S, 2 * S, held_ns=2 * S)]


def test_a_hold_begins_anew_when_its_release_was_missed() -> None:
    finger = Finger(hold_s=2)
    finger.no(1000, closed=True)
    finger.no(2500, closed=True)
    finger.no(4000, closed=True)
    finger.until(10_000)

    assert finger.presses() == [6000]
    assert finger.button.cut_short == 2


# --- a line that is not there -----------------------------------------------------------------------------


def test_a_line_that_can_not_be_watched_is_a_fault_with_its_reason_and_the_other_line_still_tells() -> None:
    finger = Finger(supervised=True)
    finger.facts += finger.button.lost("pin 5 is taken", 0)
    assert finger.button.faults == {Fault.UNUSABLE: "pin 5 is taken"}

    finger.no(1000, closed=True)
    assert finger.presses() == [1000]
    assert finger.button.presses == 1
