import itertools
from typing import Any

import pytest

from agent.core.alarm import AlarmBook, AlarmChange, InputKind, OpenAlarm
from agent.core.events import AckAction, AlarmDelivered, CentreAck
from agent.core.lights import IDLE, PRESSED, Pattern
from agent.core.messages import AlarmCamera, AlarmData
from agent.core.stages import Stage, Waits

KINDS = [
    InputKind("police", "panic", False),
    InputKind("clinic", "medical", False),
    InputKind("hidden", "duress", True),
]
MS = 1_000_000


def book(restored: list[OpenAlarm] | None = None, boot_id: str = "boot-1", kinds: Any = KINDS) -> AlarmBook:
    return AlarmBook(kinds, boot_id, {"lat": 1.0}, restored or [])


def press(to: AlarmBook, name: str = "police", alarm_id: str = "a1", at_ms: int = 0) -> AlarmChange:
    return to.press(name, at_ms * MS, alarm_id, "2026-01-01T00:00:00.000Z", None)


def deliver(to: AlarmBook, alarm_id: str = "a1", at_ms: int = 0) -> AlarmChange | None:
    return to.delivered(AlarmDelivered(alarm_id, at_ms * MS))


def ack(to: AlarmBook, action: AckAction, alarm_id: str = "a1", at_ms: int = 0) -> AlarmChange | None:
    return to.acknowledged(CentreAck(alarm_id, action, "centre", at_ms * MS))


@pytest.mark.parametrize(
    ("kind", "contact_id", "sia"),
    [("panic", "120", "PA"), ("duress", "121", "HA"), ("medical", "100", "MA"), ("fire", "110", "FA")],
)
def test_a_press_raises_an_alarm_with_the_codes_of_its_kind(kind: str, contact_id: str, sia: str) -> None:
    alarms = book(kinds=[InputKind("one", kind, False)])
    camera = AlarmCamera(name="front")
    change = alarms.press("one", 5, "a1", "now", camera)

    data = change.alarm.data
    assert change.change == "raised"
    assert (data.stage, data.press_count, data.status, data.kind) == (Stage.RAISED, 1, "actual", kind)
    assert (data.codes, data.location, data.camera) == ({"contact_id": contact_id, "sia": sia}, {"lat": 1.0}, camera)


def test_further_presses_count_on_the_same_alarm_and_change_nothing_else() -> None:
    alarms = book()
    press(alarms)
    ack(alarms, AckAction.REGISTERED)
    change = press(alarms, alarm_id="a2")

    assert change.change == "updated"
    assert (change.alarm.data.alarm_id, change.alarm.data.press_count) == ("a1", 2)
    assert change.alarm.data.stage is Stage.REGISTERED


def test_two_inputs_have_an_alarm_each() -> None:
    alarms = book()
    press(alarms, "police", "a1")
    press(alarms, "clinic", "a2")
    ack(alarms, AckAction.CLOSED, "a1")

    assert [alarm.data.alarm_id for alarm in alarms.open()] == ["a2"]


@pytest.mark.parametrize("order", list(itertools.permutations(["delivered", *AckAction])))
def test_whatever_comes_in_which_order_the_stage_never_goes_back(order: tuple[str, ...]) -> None:
    alarms = book()
    press(alarms)
    ranks = [Stage.RAISED.rank()]
    for fact in order:
        change = deliver(alarms) if fact == "delivered" else ack(alarms, AckAction(fact))
        if change is not None and change.change != "noted":
            ranks.append(change.alarm.data.stage.rank())

    assert ranks == sorted(set(ranks))
    assert alarms.open() == []
    assert ranks[-1] == Stage.CLOSED.rank()


def due_s(alarms: AlarmBook) -> float:
    due_ns = alarms.next_due_ns()
    assert due_ns is not None
    return due_ns / (1_000 * MS)


def tick(alarms: AlarmBook, at_s: int) -> list[AlarmData]:
    return [change.alarm.data for change in alarms.tick(at_s * 1_000 * MS)]


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


@pytest.mark.parametrize("action", [AckAction.REGISTERED, AckAction.DISPATCHED])
def test_an_answered_alarm_that_is_not_closed_raises_itself_again_and_waits_anew(action: AckAction) -> None:
    alarms = book()
    press(alarms)
    deliver(alarms, at_ms=50)
    ack(alarms, action, at_ms=5_000)

    assert tick(alarms, 184) == []
    [again] = tick(alarms, 185)
    assert (again.alarm_id, again.stage, again.reraised, again.press_count) == ("a1", Stage.RAISED, 1, 1)
    assert alarms.lights() == PRESSED
    assert due_s(alarms) == 195
    [delayed] = tick(alarms, 195)
    assert delayed.stage is Stage.DELAYED
    assert delayed.latency_ms == {"sent": 50, action.value: 5_000, "delayed": 195_000}
    registered = ack(alarms, AckAction.REGISTERED, at_ms=200_000)
    assert registered is not None
    assert registered.alarm.data.stage is Stage.REGISTERED


def test_a_centre_that_speaks_again_keeps_an_answered_alarm_from_raising_itself() -> None:
    alarms = book()
    press(alarms)
    ack(alarms, AckAction.DISPATCHED, at_ms=5_000)
    change = ack(alarms, AckAction.REGISTERED, at_ms=100_000)
    assert change is not None

    assert (change.change, change.alarm.data.stage) == ("noted", Stage.DISPATCHED)
    assert due_s(alarms) == 280


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


def test_a_press_in_earnest_is_never_swallowed_by_an_open_test() -> None:
    alarms = book()
    alarms.press("police", 0, "t1", "now", None, test=True)
    ack(alarms, AckAction.REGISTERED, "t1")
    assert not alarms.in_earnest()
    change = press(alarms)

    assert (change.change, change.alarm.data.alarm_id, change.alarm.data.status) == ("raised", "a1", "actual")
    assert alarms.in_earnest()
    assert alarms.lights() == PRESSED
    again = alarms.press("police", 1, "t2", "now", None, test=True)
    assert (again.change, again.alarm.data.alarm_id, again.alarm.data.press_count) == ("updated", "t1", 2)


def test_a_test_that_was_left_open_does_not_take_the_green_from_an_alarm_in_earnest() -> None:
    alarms = book()
    alarms.press("police", 0, "t1", "now", None, test=True)
    tick(alarms, 10)
    tick(alarms, 30)
    assert alarms.lights().tone is Pattern.ON
    press(alarms, "clinic", at_ms=31_000)
    ack(alarms, AckAction.REGISTERED, "a1", at_ms=32_000)

    assert (alarms.lights().green, alarms.lights().tone) == (Pattern.ON, Pattern.OFF)
    ack(alarms, AckAction.CLOSED, "a1", at_ms=33_000)
    assert alarms.lights().tone is Pattern.ON


def test_a_simulated_press_raises_an_exercise_beside_an_actual_alarm_of_an_earlier_run() -> None:
    actual = book()
    press(actual)
    simulated = AlarmBook(KINDS, "boot-1", None, actual.open(), simulated=True)
    change = press(simulated, alarm_id="a2")

    assert (change.change, change.alarm.data.status) == ("raised", "exercise")
    assert [alarm.data.status for alarm in simulated.open()] == ["actual", "exercise"]


def test_kept_alarms_of_one_input_all_stay_open() -> None:
    first, second = book(), book()
    press(first, alarm_id="a1")
    press(second, alarm_id="a2")
    both = book([*second.open(), *first.open()])

    assert [alarm.data.alarm_id for alarm in both.open()] == ["a1", "a2"]
    assert press(both, alarm_id="a3").alarm.data.alarm_id == "a1"
    assert ack(both, AckAction.CLOSED, "a1") is not None
    assert press(both, alarm_id="a3").alarm.data.alarm_id == "a2"


def test_an_ack_may_overtake_the_answer_of_the_broker() -> None:
    alarms = book()
    press(alarms)
    change = ack(alarms, AckAction.REGISTERED, at_ms=90)
    assert change is not None

    assert deliver(alarms, at_ms=120) is None
    assert change.alarm.data.latency_ms == {"registered": 90}


def test_only_the_first_answer_of_the_broker_counts() -> None:
    alarms = book()
    press(alarms, at_ms=1_000)
    change = deliver(alarms, at_ms=1_042)
    assert change is not None

    assert change.alarm.data.latency_ms == {"sent": 42}
    assert deliver(alarms, at_ms=2_000) is None


@pytest.mark.parametrize("action", list(AckAction))
def test_facts_about_an_unknown_alarm_change_nothing(action: AckAction) -> None:
    alarms = book()
    press(alarms)
    before = alarms.open()

    assert ack(alarms, action, "a9") is None
    assert deliver(alarms, "a9") is None
    assert alarms.open() == before


def test_a_closed_alarm_is_gone_and_the_next_press_is_a_new_one() -> None:
    alarms = book()
    press(alarms)
    closed = ack(alarms, AckAction.CLOSED)
    assert closed is not None
    assert closed.change == "closed"
    assert ack(alarms, AckAction.REGISTERED) is None

    change = press(alarms, alarm_id="a2")
    assert (change.change, change.alarm.data.alarm_id, change.alarm.data.press_count) == ("raised", "a2", 1)


def test_an_alarm_goes_on_after_a_restart_but_counts_no_time_across_boots() -> None:
    alarms = book()
    press(alarms, at_ms=900_000)
    deliver(alarms, at_ms=900_050)
    same_boot = book(alarms.open())
    other_boot = book(alarms.open(), boot_id="boot-2")

    for restored in (same_boot, other_boot):
        assert press(restored, alarm_id="a2").alarm.data.press_count == 2
        assert deliver(restored) is None
    later = ack(same_boot, AckAction.REGISTERED, at_ms=901_000)
    after_boot = ack(other_boot, AckAction.REGISTERED, at_ms=7)
    assert later is not None
    assert after_boot is not None
    assert later.alarm.data.latency_ms == {"sent": 50, "registered": 1_000}
    assert after_boot.alarm.data.latency_ms == {"sent": 50}


def test_an_alarm_of_an_input_that_is_no_longer_configured_can_still_be_closed() -> None:
    alarms = book()
    press(alarms)
    without_it = book(alarms.open(), kinds=[])

    assert without_it.without_input() == alarms.open()
    assert alarms.without_input() == []
    assert [alarm.stage for alarm in tick(without_it, 10)] == [Stage.DELAYED]
    without_it = book(alarms.open(), kinds=[])
    assert without_it.lights() == PRESSED
    assert ack(without_it, AckAction.CLOSED) is not None


def test_the_least_advanced_alarm_decides_the_lights() -> None:
    alarms = book()
    press(alarms, "police", "a1")
    ack(alarms, AckAction.DISPATCHED, "a1")
    assert alarms.lights().green is Pattern.SLOW_PULSE

    press(alarms, "clinic", "a2")
    assert alarms.lights() == PRESSED
    ack(alarms, AckAction.REGISTERED, "a2")
    assert alarms.lights().green is Pattern.ON
    ack(alarms, AckAction.CLOSED, "a2")
    assert alarms.lights().green is Pattern.SLOW_PULSE


def test_a_silent_alarm_shows_nothing() -> None:
    alarms = book()
    press(alarms, "hidden")
    for action in (AckAction.REGISTERED, AckAction.DISPATCHED):
        ack(alarms, action)
        assert alarms.lights() == IDLE
