import itertools

import pytest

from agent.contract.lamps import IDLE, PRESSED, Pattern
from agent.contract.messages import AlarmCamera
from agent.contract.stages import Stage
from agent.contract.vocabulary import AckAction
from agent.core.alarms.alarm_book import AlarmBook, Beginning, InputKind
from tests.support.alarm_book import KINDS, PLACE, ack, book, deliver, press, tick


@pytest.mark.parametrize(
    ("kind", "contact_id", "sia"),
    [("panic", "120", "PA"), ("duress", "121", "HA"), ("medical", "100", "MA"), ("fire", "110", "FA")],
)
def test_a_press_raises_an_alarm_with_the_codes_of_its_kind(kind: str, contact_id: str, sia: str) -> None:
    alarms = book(kinds=[InputKind("one", kind, False)])
    camera = AlarmCamera(name="front")
    change = alarms.press("one", 5, lambda: Beginning("a1", "now", camera))

    data = change.alarm.data
    assert change.change == "raised"
    assert (data.stage, data.press_count, data.status, data.kind) == (Stage.RAISED, 1, "actual", kind)
    assert data.codes == {"contact_id": contact_id, "sia": sia}
    assert (data.location, data.camera) == (PLACE, camera)


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


def test_a_press_in_earnest_is_never_swallowed_by_an_open_test() -> None:
    alarms = book()
    alarms.press("police", 0, lambda: Beginning("t1", "now", None), test=True)
    ack(alarms, AckAction.REGISTERED, "t1")
    assert not alarms.in_earnest()
    change = press(alarms)

    assert (change.change, change.alarm.data.alarm_id, change.alarm.data.status) == ("raised", "a1", "actual")
    assert alarms.in_earnest()
    assert alarms.lights() == PRESSED
    again = alarms.press("police", 1, lambda: Beginning("t2", "now", None), test=True)
    assert (again.change, again.alarm.data.alarm_id, again.alarm.data.press_count) == ("updated", "t1", 2)


def test_a_test_that_was_left_open_does_not_take_the_green_from_an_alarm_in_earnest() -> None:
    alarms = book()
    alarms.press("police", 0, lambda: Beginning("t1", "now", None), test=True)
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


def test_an_alarm_of_an_earlier_run_is_where_the_settings_say_that_the_device_is_now() -> None:
    elsewhere = AlarmBook(KINDS, "boot-1", {"lat": 5.0, "lon": 6.0, "text": "another place"})
    press(elsewhere)
    [alarm] = book(elsewhere.open()).open()
    assert alarm.data.location == PLACE


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
