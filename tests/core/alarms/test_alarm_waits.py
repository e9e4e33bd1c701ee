"""What becomes of an alarm as time goes by."""

import pytest

from agent.contract.lamps import PRESSED
from agent.contract.stages import Stage, Waits
from agent.contract.vocabulary import AckAction
from agent.core.alarms.alarm_book import AlarmBook
from tests.support.alarm_book import KINDS, MS, ack, book, deliver, due_s, press, tick


@pytest.mark.parametrize("confirmed", [True, False])
def test_an_alarm_that_nobody_answers_is_delayed_10_s_and_unconfirmed_30_s_after_its_edge(confirmed: bool) -> None:
    alarms = book()
    press(alarms, at_ms=100_000)
    if confirmed:
        deliver(alarms, at_ms=108_000)

    assert tick(alarms, 109) == []
    [delayed] = tick(alarms, 110)
    assert tick(alarms, 129) == []
    [unconfirmed] = tick(alarms, 130)

    assert (delayed.stage, unconfirmed.stage) == (Stage.DELAYED, Stage.UNCONFIRMED)
    assert unconfirmed.latency_ms == ({"sent": 8_000} if confirmed else {}) | {"delayed": 10_000, "unconfirmed": 30_000}


def test_an_unconfirmed_alarm_is_told_again_every_minute_and_never_in_a_burst() -> None:
    alarms = book()
    press(alarms)
    tick(alarms, 10)
    tick(alarms, 30)

    assert [alarm.repeats for alarm in tick(alarms, 90)] == [1]
    assert [alarm.repeats for alarm in tick(alarms, 150)] == [2]
    assert [alarm.repeats for alarm in tick(alarms, 100_000)] == [3]
    assert tick(alarms, 100_000) == []
    assert due_s(alarms) == 100_060


def test_a_book_that_was_asleep_goes_through_every_stage_one_tick_at_a_time() -> None:
    alarms = book()
    press(alarms)

    stages = [alarm.stage for _ in range(3) for alarm in tick(alarms, 3_600)]
    assert stages == [Stage.DELAYED, Stage.UNCONFIRMED]


def test_what_the_broker_says_of_a_late_alarm_is_noted_once_and_moves_nothing() -> None:
    alarms = book()
    press(alarms)
    tick(alarms, 10)
    change = deliver(alarms, at_ms=12_000)
    assert change is not None

    assert change.change == "noted"
    assert (change.alarm.data.stage, change.alarm.data.latency_ms["sent"]) == (Stage.DELAYED, 12_000)
    assert deliver(alarms, at_ms=13_000) is None
    assert due_s(alarms) == 30


@pytest.mark.parametrize(("action", "wait_s"), [(AckAction.REGISTERED, 180), (AckAction.DISPATCHED, 900)])
def test_an_answered_alarm_that_is_not_closed_raises_itself_again_and_waits_anew(
    action: AckAction, wait_s: int
) -> None:
    alarms = book()
    press(alarms)
    deliver(alarms, at_ms=50)
    ack(alarms, action, at_ms=5_000)

    over_s = 5 + wait_s
    assert tick(alarms, over_s - 1) == []
    [again] = tick(alarms, over_s)
    assert (again.alarm_id, again.stage, again.reraised, again.press_count) == ("a1", Stage.RAISED, 1, 1)
    assert alarms.lights() == PRESSED
    assert due_s(alarms) == over_s + 10
    [delayed] = tick(alarms, over_s + 10)
    assert delayed.stage is Stage.DELAYED
    assert delayed.latency_ms == {"sent": 50, action.value: 5_000, "delayed": (over_s + 10) * 1000}
    registered = ack(alarms, AckAction.REGISTERED, at_ms=over_s * 1000 + 15_000)
    assert registered is not None
    assert registered.alarm.data.stage is Stage.REGISTERED


def test_a_centre_that_speaks_again_keeps_an_answered_alarm_from_raising_itself() -> None:
    alarms = book()
    press(alarms)
    ack(alarms, AckAction.DISPATCHED, at_ms=5_000)
    change = ack(alarms, AckAction.REGISTERED, at_ms=100_000)
    assert change is not None

    assert (change.change, change.alarm.data.stage) == ("noted", Stage.DISPATCHED)
    assert due_s(alarms) == 1_000


def test_a_press_does_not_put_off_any_wait() -> None:
    alarms = book()
    press(alarms)
    press(alarms, at_ms=9_000)
    assert due_s(alarms) == 10
    ack(alarms, AckAction.REGISTERED, at_ms=9_500)
    press(alarms, at_ms=100_000)
    assert due_s(alarms) == 189.5


def test_an_empty_book_waits_for_nothing() -> None:
    alarms = book()
    assert alarms.next_due_ns() is None
    press(alarms)
    ack(alarms, AckAction.CLOSED)
    assert alarms.next_due_ns() is None


def test_waits_go_on_after_a_restart_and_begin_anew_in_another_boot() -> None:
    alarms = book()
    press(alarms, at_ms=900_000)
    tick(alarms, 910)

    assert due_s(AlarmBook(KINDS, "boot-1", None, alarms.open(), now_ns=925_000 * MS)) == 930
    other = AlarmBook(KINDS, "boot-2", None, alarms.open(), now_ns=7_000 * MS)
    assert due_s(other) == 37
    assert due_s(AlarmBook(KINDS, "boot-2", None, other.open(), now_ns=20_000 * MS)) == 37
    [unconfirmed] = tick(other, 37)
    assert unconfirmed.latency_ms == {"delayed": 10_000}


def test_waits_are_settings() -> None:
    alarms = AlarmBook(KINDS, "boot-1", None, waits=Waits(1, 2, 3, 4))
    press(alarms)
    assert [alarm.stage for at in (0, 1, 2, 4) for alarm in [c.alarm.data for c in alarms.tick(at)]] == [
        Stage.DELAYED,
        Stage.UNCONFIRMED,
    ]
    assert [c.alarm.data.repeats for c in alarms.tick(5)] == [1]
