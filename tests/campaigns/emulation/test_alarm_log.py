import pytest

from tests.campaigns.emulation.alarm_log import alarms, check_once, heard, only, percentile, still_open
from tests.support.centre import Message


def message(
    seq: int, change: str, count: int, alarm: str = "a", stage: str = "raised", name: str = "police"
) -> Message:
    data = {"alarm_id": alarm, "input": name, "press_count": count, "stage": stage}
    kind = f"edge.alarm.{change}.v1"
    return Message(f"up/alarm/{name}", False, f"id-{seq}", seq, kind, "synced", seq * 10, "n", data, arrived_ns=seq)


def test_a_message_that_came_twice_counts_once() -> None:
    once = [message(1, "raised", 1), message(2, "updated", 2)]
    (alarm,) = alarms([*once, *once])

    assert (alarm.raised, alarm.presses, alarm.untold) == (1, 2, [])
    check_once([alarm], 2)


def test_the_order_of_arrival_does_not_matter() -> None:
    (alarm,) = alarms([message(3, "closed", 2), message(2, "updated", 2, stage="registered"), message(1, "raised", 1)])

    assert alarm.stage == "closed"
    assert alarm.first[2].seq == 2


def test_a_press_that_no_message_tells_of_is_named() -> None:
    (alarm,) = alarms([message(1, "raised", 1), message(2, "updated", 4)])

    assert alarm.untold == [2, 3]


@pytest.mark.parametrize("made", [2, 4])
def test_lost_and_invented_presses_are_told_apart_from_none(made: int) -> None:
    found = alarms([message(1, "raised", 1), message(2, "updated", 2), message(3, "raised", 1, alarm="b")])

    with pytest.raises(AssertionError, match=f"3 presses told in 2 alarms, of {made} made"):
        check_once(found, made)
    check_once(found, 3)


def test_an_alarm_that_is_raised_twice_is_a_fault() -> None:
    with pytest.raises(AssertionError, match="not raised once"):
        check_once(alarms([message(1, "raised", 1), message(2, "raised", 1)]), 1)


def test_an_alarm_is_open_until_it_is_closed() -> None:
    found = alarms([message(1, "raised", 1), message(2, "raised", 1, alarm="b"), message(3, "closed", 1)])

    assert [alarm.alarm_id for alarm in still_open(found)] == ["b"]


def test_presses_that_nobody_heard_are_in_one_row_and_its_length_is_told() -> None:
    (alarm,) = alarms([message(1, "raised", 1), message(2, "updated", 2), message(6, "updated", 3)])

    assert heard([9.5, 20, 30, 40, 60], alarm) == (3, 0.04)
    assert heard([9.5, 20, 60], alarm) == (3, 0.0)


def test_a_press_that_a_slow_emulator_hands_over_late_is_no_press_of_its_own() -> None:
    (alarm,) = alarms([message(1, "raised", 1), message(2, "updated", 2), message(6, "updated", 3)])

    assert heard([8, 9.5, 60], alarm) == (3, 0.0)


@pytest.mark.parametrize(
    ("starts_ms", "fault"),
    [
        ([5, 10, 20, 60], "lost from the beginning"),
        ([10, 20, 60, 70], "lost to the end"),
        ([10, 15, 20, 30, 60], "not in one row"),
        ([10, 60], "more messages than presses"),
    ],
)
def test_a_press_that_is_lost_while_somebody_listens_is_a_fault(starts_ms: list[float], fault: str) -> None:
    (alarm,) = alarms([message(1, "raised", 1), message(2, "updated", 2), message(6, "updated", 3)])

    with pytest.raises(AssertionError, match=fault):
        heard(starts_ms, alarm)


def test_a_percentile_is_a_value_that_so_many_do_not_exceed() -> None:
    values = [float(n) for n in range(100, 0, -1)]

    assert [percentile(values, share) for share in (0.5, 0.95, 0.99, 1.0)] == [51, 96, 100, 100]
    assert percentile([7.0], 0.5) == 7


def test_two_alarms_of_one_press_are_a_fault_with_words() -> None:
    found = alarms([message(1, "raised", 1), message(2, "raised", 1, alarm="b")])

    with pytest.raises(AssertionError, match="2 alarms in the place of one"):
        only(found)
    assert only(found[:1]).alarm_id == "a"
