from datetime import timedelta

import pytest

from agent.contract.lamps import IDLE, OUT_OF_SERVICE, PRESSED
from agent.contract.vocabulary import AckAction, Fault
from agent.core.facts import ConditionChanged, InputFault, UplinkChanged
from agent.core.wiring import ButtonRules
from agent.outbox.outbox import Outbox
from tests.support.kiosk import RULES, Kiosk
from tests.support.sim_clock import SimClock


@pytest.fixture
def kiosk(outbox: Outbox, clock: SimClock) -> Kiosk:
    return Kiosk(outbox, clock, rules=[ButtonRules("police", chatter_presses=3), *RULES[1:]])


def counts(kiosk: Kiosk) -> list[int]:
    return [m["data"]["press_count"] for m in kiosk.sent() if "alarm." in str(m["type"])]  # type: ignore[index]


def test_a_press_that_must_be_held_lights_nothing_until_it_has_been_held(kiosk: Kiosk) -> None:
    kiosk.edge("held")
    kiosk.pipeline.run_once(0)
    assert kiosk.lights.history == []
    kiosk.edge("held", active=False, after_ms=1900)
    kiosk.wait(10)
    assert kiosk.lights.history == []
    assert kiosk.book.open() == []

    kiosk.edge("held")
    kiosk.wait(2)
    assert kiosk.lights.shown() == PRESSED
    assert [alarm.data.input for alarm in kiosk.book.open()] == ["held"]


def test_the_pipeline_waits_no_longer_than_until_the_next_deadline(kiosk: Kiosk) -> None:
    kiosk.edge("held")
    kiosk.pipeline.run_once(60)
    kiosk.clock.advance(timedelta(seconds=2) - timedelta(milliseconds=1))

    kiosk.pipeline.run_once(60)  # would fail by the test's timeout
    kiosk.clock.advance(timedelta(milliseconds=1))
    kiosk.pipeline.run_once(60)

    assert len(kiosk.book.open()) == 1


def test_rain_is_told_in_sums_and_what_is_left_is_told_at_the_end(kiosk: Kiosk) -> None:
    for _ in range(100):
        kiosk.edge(after_ms=40)
        kiosk.edge(active=False, after_ms=40)
        kiosk.pipeline.run_once(0)
    kiosk.pipeline.drain()

    told = counts(kiosk)
    assert told[:4] == [1, 2, 3, 4]
    assert told[-1] == 100
    assert len(told) <= 4 + 9
    assert [(f.fault, f.active) for f in kiosk.reported if isinstance(f, InputFault)] == [(Fault.CHATTER, True)]


def test_rain_before_the_close_of_its_alarm_counts_on_it_and_what_follows_raises_a_new_one(kiosk: Kiosk) -> None:
    for _ in range(10):
        kiosk.edge(after_ms=40)
        kiosk.edge(active=False, after_ms=40)
    [alarm] = kiosk.book.open()
    kiosk.ack(alarm.data.alarm_id, AckAction.CLOSED)
    for _ in range(2):
        kiosk.edge(after_ms=40)
        kiosk.edge(active=False, after_ms=40)
    kiosk.pipeline.drain()

    [again] = kiosk.book.open()
    assert again.data.alarm_id != alarm.data.alarm_id
    assert again.data.press_count == 2
    [closed] = [m for m in kiosk.sent() if m["type"] == "edge.alarm.closed.v1"]
    assert closed["data"]["press_count"] == 10  # type: ignore[index]


def test_the_first_press_after_a_close_is_told_at_once_even_in_rain(kiosk: Kiosk) -> None:
    for _ in range(10):
        kiosk.edge(after_ms=40)
        kiosk.edge(active=False, after_ms=40)
    [alarm] = kiosk.book.open()
    kiosk.ack(alarm.data.alarm_id, AckAction.CLOSED)
    kiosk.sent()

    kiosk.edge(after_ms=40)

    [again] = kiosk.book.open()
    assert (again.data.stage, again.data.press_count) == ("raised", 1)
    assert kiosk.lights.shown() == PRESSED
    for _ in range(10):
        kiosk.edge(active=False, after_ms=40)
        kiosk.edge(after_ms=40)
    kiosk.pipeline.run_once(0)
    assert len(counts(kiosk)) == 1, "what follows is summed up again"


def test_what_is_no_press_is_told_when_the_alarms_are_on_their_way_and_changes_no_light(kiosk: Kiosk) -> None:
    kiosk.edge("door")
    kiosk.pipeline.lost("hidden", "pin 5 is taken")
    assert kiosk.reported == []
    kiosk.pipeline.drain()

    now_ns = kiosk.clock.boottime_ns()
    assert kiosk.reported == [
        ConditionChanged("door", "tamper", True, now_ns),
        InputFault("hidden", Fault.UNUSABLE, True, now_ns, detail="pin 5 is taken"),
    ]
    assert kiosk.lights.history == []
    assert kiosk.book.open() == []


def test_what_waits_for_a_pause_between_facts_is_done_soon_although_there_is_none(kiosk: Kiosk) -> None:
    kiosk.edge("door")
    kiosk.edge()
    told_after_ms = None
    for after_ms in range(0, 400, 10):
        for _ in range(2):
            kiosk.edge(active=False)
        kiosk.pipeline.run_once(0)
        if kiosk.reported and told_after_ms is None:
            told_after_ms = after_ms
        kiosk.clock.advance(timedelta(milliseconds=10))

    assert told_after_ms == 250
    assert [m["type"] for m in kiosk.sent()] == ["edge.alarm.raised.v1", "edge.alarms.v1"]
    kiosk.pipeline.drain()
    assert len(kiosk.reported) == 1


def test_a_sum_of_presses_that_reaches_beyond_test_mode_is_in_earnest(kiosk: Kiosk) -> None:
    kiosk.pipeline.test_mode(1, None)
    for _ in range(30):
        kiosk.edge(after_ms=40)
        kiosk.edge(active=False, after_ms=40)
    kiosk.pipeline.drain()

    by_status = {alarm.data.status: alarm.data.press_count for alarm in kiosk.book.open()}
    assert sum(by_status.values()) == 30
    assert by_status["actual"] >= 30 - 1000 // 80


def test_a_press_that_began_before_test_mode_is_in_earnest_also_where_it_must_be_held(kiosk: Kiosk) -> None:
    kiosk.edge("held")
    kiosk.clock.advance(timedelta(seconds=1))
    kiosk.pipeline.test_mode(60, None)
    kiosk.wait(1)
    assert [alarm.data.status for alarm in kiosk.book.open()] == ["actual"]


def test_a_press_that_was_begun_and_held_in_test_mode_is_a_test(kiosk: Kiosk) -> None:
    kiosk.pipeline.test_mode(60, None)
    kiosk.edge("held")
    kiosk.wait(2)
    assert [alarm.data.status for alarm in kiosk.book.open()] == ["test"]


def test_a_button_that_is_held_while_its_test_is_renewed_is_still_tested(kiosk: Kiosk) -> None:
    kiosk.pipeline.test_mode(2, ["held"])
    kiosk.clock.advance(timedelta(seconds=1))
    kiosk.edge("held")
    kiosk.clock.advance(timedelta(seconds=0.5))
    kiosk.pipeline.test_mode(2, ["held"])
    kiosk.wait(1.5)
    assert [alarm.data.status for alarm in kiosk.book.open()] == ["test"]


def test_only_a_button_can_be_tested(kiosk: Kiosk) -> None:
    assert kiosk.pipeline.test_mode(5, ["door"]) == "unknown-input"
    assert kiosk.pipeline.test_mode(5, ["held", "door"]) == "unknown-input"
    assert kiosk.pipeline.test_mode(5, ["held", "police"]) == "ok"


def test_when_no_button_can_be_relied_on_the_lights_say_so_and_a_press_is_still_an_alarm(kiosk: Kiosk) -> None:
    kiosk.pipeline.submit(UplinkChanged(True))
    for name in ("police", "held"):
        kiosk.pipeline.run_once(0)
        assert kiosk.lights.shown() == IDLE
        kiosk.pipeline.lost(name, "a pin is taken")
    kiosk.pipeline.run_once(0)
    kiosk.pipeline.drain()
    assert kiosk.lights.shown() == OUT_OF_SERVICE
    assert [m["data"]["reasons"] for m in kiosk.sent() if "service" in str(m["type"])] == [["no-button"]]  # type: ignore[index]

    kiosk.press()
    assert kiosk.lights.shown() == PRESSED
