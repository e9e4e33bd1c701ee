"""What time, tests and service make of the alarms and the lights."""

import time
from datetime import timedelta
from typing import Any

from agent.contract.lamps import DELAYED, IDLE, OUT_OF_SERVICE, PRESSED, TEST_MODE, UNCONFIRMED, for_open_alarms
from agent.contract.stages import Stage
from agent.contract.vocabulary import AckAction
from agent.core.alarms.persistence import decode_alarm
from agent.core.facts import Edge, UplinkChanged
from agent.runtime.alarms.persistence import ALARM_KEY
from tests.support.kiosk import Kiosk


def stages(kiosk: Kiosk) -> list[str]:
    """The stages that the alarm messages since the last call tell."""
    return [m["data"]["stage"] for m in kiosk.sent() if "edge.alarm." in str(m["type"])]  # type: ignore[index]


def test_an_alarm_that_nobody_answers_changes_its_lights_and_is_told_at_every_step(kiosk: Kiosk) -> None:
    kiosk.press()
    shown = []
    for seconds in (9.9, 0.1, 19.9, 0.1, 59.9, 0.1):
        kiosk.wait(seconds)
        shown.append(kiosk.lights.shown())

    assert shown == [PRESSED, DELAYED, DELAYED, UNCONFIRMED, UNCONFIRMED, UNCONFIRMED]
    assert stages(kiosk) == ["raised", "delayed", "unconfirmed", "unconfirmed"]


def test_the_thread_waits_no_longer_than_until_something_is_due(kiosk: Kiosk) -> None:
    kiosk.press()
    kiosk.pipeline.drain()
    kiosk.clock.advance(timedelta(seconds=9.999))
    began = time.monotonic()
    kiosk.pipeline.run_once(60)
    assert time.monotonic() - began < 30
    kiosk.clock.advance(timedelta(seconds=0.001))
    kiosk.pipeline.run_once(60)
    kiosk.pipeline.drain()

    assert stages(kiosk) == ["raised", "delayed"]


def test_the_retained_list_says_what_was_told_last(kiosk: Kiosk) -> None:
    alarm_id = kiosk.press()
    for step in range(4):
        if step == 1:
            kiosk.edge(active=False, after_ms=100)
            kiosk.edge(active=True, after_ms=100)
        elif step == 2:
            kiosk.wait(10)
        elif step == 3:
            kiosk.ack(alarm_id, AckAction.DISPATCHED)
        kiosk.pipeline.drain()
        messages = kiosk.sent()
        told = [m["data"] for m in messages if "edge.alarm." in str(m["type"])][-1]
        [listed] = [m["data"] for m in messages if m["type"] == "edge.alarms.v1"]
        assert listed["open"] == [told]  # type: ignore[index]


def test_a_press_beside_an_unconfirmed_alarm_does_not_hush_the_tone_for_a_moment(kiosk: Kiosk) -> None:
    kiosk.press()
    kiosk.wait(10)
    kiosk.wait(20)
    before = len(kiosk.lights.history)
    kiosk.edge(active=False, after_ms=200)
    kiosk.edge(active=True, after_ms=200)
    kiosk.pipeline.drain()

    assert set(kiosk.lights.history[before:]) == {UNCONFIRMED}


def test_each_press_gives_one_short_tone_and_the_first_answer_two(kiosk: Kiosk) -> None:
    alarm_id = kiosk.press()
    kiosk.edge(active=False, after_ms=100)
    kiosk.edge(after_ms=1000)
    kiosk.ack(alarm_id, AckAction.REGISTERED)
    kiosk.ack(alarm_id, AckAction.REGISTERED)
    kiosk.ack(alarm_id, AckAction.DISPATCHED)
    assert kiosk.lights.beeps == [1, 1, 2]

    kiosk.wait(901)  # it raises itself again, and is answered again
    kiosk.ack(alarm_id, AckAction.DISPATCHED)
    kiosk.ack(alarm_id, AckAction.CLOSED)
    assert kiosk.lights.beeps == [1, 1, 2, 2]


def test_a_silent_button_gives_no_tone_at_its_press_nor_at_its_answer(kiosk: Kiosk) -> None:
    alarm_id = kiosk.press("hidden")
    kiosk.ack(alarm_id, AckAction.REGISTERED)
    assert kiosk.lights.beeps == []


def test_a_silent_alarm_that_nobody_answers_shows_nothing_to_the_end(kiosk: Kiosk) -> None:
    kiosk.press("hidden")
    for seconds in (10, 20, 60):
        kiosk.wait(seconds)

    assert set(kiosk.lights.history) <= {IDLE}
    assert stages(kiosk) == ["raised", "delayed", "unconfirmed", "unconfirmed"]


def kinds(kiosk: Kiosk) -> list[str]:
    return [str(m["type"]).removeprefix("edge.").removesuffix(".v1") for m in kiosk.sent()]


def test_out_of_service_shows_until_a_press_and_again_when_its_alarm_is_closed(kiosk: Kiosk) -> None:
    kiosk.wait(300)
    assert kiosk.lights.shown() == OUT_OF_SERVICE
    alarm_id = kiosk.press()
    assert kiosk.lights.shown() == PRESSED
    kiosk.ack(alarm_id, AckAction.CLOSED)
    assert kiosk.lights.shown() == OUT_OF_SERVICE
    kiosk.pipeline.submit(UplinkChanged(up=True))
    kiosk.pipeline.drain()

    assert kiosk.lights.shown() == IDLE
    told = kinds(kiosk)
    assert told.count("event.out-of-service") == 1
    assert told.count("event.in-service") == 1


def test_the_status_of_a_press_is_decided_by_the_time_of_its_edge(kiosk: Kiosk) -> None:
    before = Edge("police", True, kiosk.clock.boottime_ns())
    kiosk.clock.advance(timedelta(seconds=1))
    assert kiosk.pipeline.test_mode(60, None) == "ok"
    kiosk.pipeline.drain()
    assert kiosk.lights.shown() == TEST_MODE
    kiosk.pipeline.edge(before)
    kiosk.pipeline.drain()

    [alarm] = kiosk.book.open()
    assert alarm.data.status == "actual"
    assert kinds(kiosk) == [
        "alarm.raised",
        "alarms",
        "security.test-mode-began",
        "security.test-mode-ended",
    ]


def test_test_mode_does_not_begin_beside_an_alarm_in_earnest_but_beside_a_test(kiosk: Kiosk) -> None:
    assert kiosk.pipeline.test_mode(60, ["nobody"]) == "unknown-input"
    assert kiosk.pipeline.test_mode(60, ["police"]) == "ok"
    tested = kiosk.press()
    assert kiosk.pipeline.test_mode(60, ["police"]) == "ok"
    assert kiosk.pipeline.test_mode(0, None) == "ok"
    kiosk.edge(active=False, after_ms=100)
    kiosk.edge(active=True, after_ms=100)
    kiosk.pipeline.drain()

    assert kiosk.pipeline.test_mode(60, ["police"]) == "alarm-open"
    assert [(a.data.status, a.data.press_count) for a in kiosk.book.open()] == [("test", 1), ("actual", 1)]
    assert len(kiosk.captured) == 2
    assert kiosk.ack(tested, AckAction.CLOSED) == "taken"
    assert kiosk.lights.shown() == PRESSED


def test_while_one_button_is_tested_another_raises_an_alarm_in_earnest_that_the_lamps_show_first(kiosk: Kiosk) -> None:
    assert kiosk.pipeline.test_mode(600, ["held"]) == "ok"
    kiosk.edge("held")
    kiosk.wait(2)
    [tested] = kiosk.book.open()
    kiosk.ack(tested.data.alarm_id, AckAction.REGISTERED)
    assert kiosk.lights.shown() == for_open_alarms([Stage.REGISTERED])
    kiosk.sent()
    meant = kiosk.press("police")

    assert kiosk.lights.shown() == PRESSED
    raised: Any = next(message for message in kiosk.sent() if message["type"] == "edge.alarm.raised.v1")
    assert (raised["data"]["input"], raised["data"]["status"]) == ("police", "actual")
    kiosk.ack(meant, AckAction.CLOSED)
    assert kiosk.lights.shown() == for_open_alarms([Stage.REGISTERED])
    kiosk.ack(tested.data.alarm_id, AckAction.CLOSED)
    kiosk.pipeline.submit(UplinkChanged(up=True))
    kiosk.pipeline.drain()
    assert kiosk.lights.shown() == IDLE, "the alarm in earnest has ended test mode"


def test_a_silent_press_in_earnest_does_not_show_by_ending_test_mode(kiosk: Kiosk) -> None:
    assert kiosk.pipeline.test_mode(60, ["police"]) == "ok"
    kiosk.press("hidden")
    kiosk.pipeline.show_lights()

    assert kiosk.lights.shown() == TEST_MODE
    assert kiosk.book.in_earnest()


def test_an_ack_that_is_only_noted_is_kept_for_the_next_start_and_told_in_the_list_alone(kiosk: Kiosk) -> None:
    alarm_id = kiosk.press()
    kiosk.edge(active=False, after_ms=100)  # one that is held would be told as stuck, and the list with it
    kiosk.ack(alarm_id, AckAction.DISPATCHED)
    kiosk.sent()
    kiosk.clock.advance(timedelta(seconds=100))
    assert kiosk.ack(alarm_id, AckAction.REGISTERED) == "taken"

    [told] = kiosk.sent()
    assert told["type"] == "edge.alarms.v1"
    listed: Any = told["data"]
    assert [alarm["raises_again_monoms"] for alarm in listed["open"]] == [kiosk.clock.boottime_ns() // 10**6 + 900_000]
    [kept] = kiosk.outbox.kept(ALARM_KEY).values()
    assert decode_alarm(kept).since_ns == kiosk.clock.boottime_ns()
    kiosk.clock.step_wall(timedelta(days=-20_000))
    kiosk.wait(899)
    assert [message["type"] for message in kiosk.sent()] == ["edge.event.out-of-service.v1"]
    kiosk.wait(1)
    assert "edge.alarm.updated.v1" in [message["type"] for message in kiosk.sent()]
