"""A judge that can't find fault proves nothing: each fault that chaos looks for is shown to the books here."""

from typing import Any

import pytest

from tests.campaigns.chaos.ledger import Arrival, Verdict, judge
from tests.campaigns.chaos.notebook import Press

MS = 1_000_000


def press(at_ms: int, name: str = "police", *, certain: bool = True, dark: bool = False) -> Press:
    return Press(name, at_ms * MS, (at_ms + 1) * MS if certain else 0, dark)


def told(
    seq: int,
    count: int = 1,
    *,
    at_ms: int | None = None,
    alarm: str = "a1",
    stage: str = "raised",
    retain: bool = False,
    **other: Any,
) -> Arrival:
    """A message of an alarm that was made at `at_ms` and came 3 ms later."""
    made_ms = seq * 100 if at_ms is None else at_ms
    data = {
        "alarm_id": alarm,
        "input": "police",
        "press_count": count,
        "stage": stage,
        "latency_ms": {},
        "reraised": 0,
        "historical": False,
    }
    envelope = {"id": f"m{seq}", "seq": seq, "type": "edge.alarm.updated.v1", "monoms": made_ms}
    fields = {name: value for name, value in other.items() if name in envelope}
    data |= {name: value for name, value in other.items() if name not in envelope}
    return Arrival((made_ms + 3) * MS, "up/alarm/police", retain, {**envelope, **fields, "data": data})


def other(seq: int, kind: str, **data: Any) -> Arrival:
    envelope = {"id": f"m{seq}-{kind}", "seq": seq, "type": f"edge.{kind}.v1", "monoms": seq, "data": data}
    return Arrival(seq * MS, f"up/{kind}", False, envelope)


def faults(presses: list[Press], arrivals: list[Arrival]) -> list[str]:
    return judge(presses, arrivals).faults


def test_what_was_pressed_and_told_is_no_fault() -> None:
    verdict = judge([press(100), press(200)], [told(1, 1, at_ms=100), told(2, 2, at_ms=200)])
    assert verdict.faults == []
    assert (verdict.made, verdict.told, verdict.alarms, verdict.messages) == (2, 2, 1, 2)
    assert sorted(verdict.to_centre_ms.values()) == [3, 3]


def test_a_press_that_the_centre_never_heard_of_is_lost() -> None:
    assert faults([press(100), press(200)], [told(1, 1)]) == ["1 presses lost"]
    assert faults([press(100)], []) == ["1 presses lost"]


def test_a_lost_press_of_one_button_is_not_made_up_for_by_another() -> None:
    presses = [press(100), press(200, "fire")]
    arrivals = [told(1, 1, at_ms=100), told(2, 2, at_ms=150)]
    assert faults(presses, arrivals) == ["1 presses lost", "1 presses told that nobody made"]


def test_a_higher_count_tells_of_the_presses_below_it() -> None:
    verdict = judge([press(100), press(200), press(300)], [told(1, 1, at_ms=100), told(2, 3, at_ms=300)])
    assert (verdict.told, verdict.lost) == (3, 0)


def test_presses_of_alarms_one_after_another_are_added_up() -> None:
    arrivals = [told(1, 1, at_ms=100), told(2, 2, at_ms=200), told(3, 1, at_ms=300, alarm="a2")]
    assert judge([press(100), press(200), press(300)], arrivals).told == 3


@pytest.mark.parametrize("arrived", [True, False])
def test_a_press_cut_off_by_a_kill_may_arrive_or_not(arrived: bool) -> None:
    presses = [press(100), press(200, certain=False), press(300)]
    arrivals = [told(1, 1, at_ms=100), *([told(2, 2, at_ms=200)] if arrived else [])]
    arrivals.append(told(3, 3 if arrived else 2, at_ms=300))
    verdict = judge(presses, [*arrivals])
    assert verdict.faults == ([] if arrived else ["1 numbers missing without a reason"])
    assert (verdict.made, verdict.uncertain) == (2, 1)


def test_a_press_cut_off_by_a_kill_does_not_make_up_for_a_lost_one() -> None:
    presses = [press(100), press(200, certain=False), press(300)]
    assert "1 presses lost" in faults(presses, [told(1, 1, at_ms=100), told(2, 2, at_ms=200)])


def test_a_press_that_nobody_made_is_invented() -> None:
    assert faults([press(100)], [told(1, 1), told(2, 2)]) == ["1 presses told that nobody made"]


def test_a_press_without_light_is_a_fault() -> None:
    assert faults([press(100, dark=True)], [told(1, 1)]) == ["1 presses without yellow light"]


def test_a_light_that_a_close_put_out_in_the_same_moment_is_no_fault() -> None:
    assert faults([press(100, dark=True)], [told(1, 1, at_ms=100), told(2, 1, at_ms=101, stage="closed")]) == []
    assert faults([press(100, dark=True)], [told(1, 1, at_ms=100), told(2, 1, at_ms=3000, stage="closed")]) != []


def test_a_message_that_comes_again_is_a_copy_and_no_fault() -> None:
    again = told(1, 1, historical=True)
    again.envelope["nonce"] = "newer"
    retained = other(2, "alarms")
    verdict = judge([press(100)], [told(1, 1), again, retained])
    assert verdict.faults == []
    assert verdict.copies == 1


def test_one_identifier_with_two_contents_is_a_fault() -> None:
    assert faults([press(100)], [told(1, 1), told(1, 1, stage="sent")]) == ["1 identifiers with two contents"]


def test_one_number_with_two_messages_is_a_fault() -> None:
    assert faults([press(100)], [told(1, 1), told(1, 1, id="another")]) == ["1 numbers given twice"]


def test_a_will_repeats_a_number_by_design() -> None:
    assert faults([press(100)], [told(1, 1), other(1, "state", state="lost")]) == []


@pytest.mark.parametrize(
    ("first", "then"),
    [({"count": 2}, {"count": 1}), ({"stage": "sent"}, {"stage": "raised"}), ({"stage": "closed"}, {"stage": "sent"})],
)
def test_an_alarm_that_goes_backwards_is_a_fault(first: dict[str, Any], then: dict[str, Any]) -> None:
    presses = [press(number) for number in range(first.get("count", 1))]
    assert faults(presses, [told(1, **first), told(2, **then)]) == ["1 alarms that went backwards"]


def test_messages_may_come_in_any_order() -> None:
    assert faults([press(100), press(200)], [told(2, 2, at_ms=200, stage="sent"), told(1, 1, at_ms=100)]) == []


def test_an_alarm_that_raises_itself_again_begins_anew() -> None:
    assert faults([press(100)], [told(1, stage="registered"), told(2, stage="raised", reraised=1)]) == []


def test_a_number_that_never_came_needs_a_reason() -> None:
    assert faults([press(100)], [told(1, 1), told(3, 1)]) == ["1 numbers missing without a reason"]


def test_a_health_report_that_did_not_come_is_a_reason() -> None:
    birth = other(2, "state", state="online")
    verdict = judge([press(100)], [told(1, 1), birth, told(4, 1)])
    assert verdict.faults == []
    assert (verdict.missing, verdict.may_miss) == ([3], 1)
    assert judge([press(100)], [told(1, 1), birth, other(3, "health"), told(5, 1)]).faults != []


def test_the_worst_time_to_each_stage_is_what_the_alarms_say() -> None:
    arrivals = [told(1, latency_ms={"sent": 5}), told(2, latency_ms={"sent": 5, "closed": 900})]
    assert judge([press(100)], arrivals).stages_ms == {"sent": 5, "closed": 900}


def test_times_follow_the_order_of_events_although_the_clock_lies() -> None:
    # Identifiers hold the wall clock: the later alarm has the smaller one.
    arrivals = [told(1, at_ms=100, alarm="b"), told(2, at_ms=200, alarm="a")]
    assert list(judge([press(100), press(200)], arrivals).to_centre_ms.values()) == [3, 3]


def test_an_empty_book_has_no_fault() -> None:
    assert judge([], []) == Verdict()
