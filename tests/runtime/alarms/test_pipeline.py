import threading
from datetime import timedelta
from pathlib import Path

import pytest

from agent.contract.lamps import (
    IDENTIFY,
    IDLE,
    PRESSED,
    LightState,
    Pattern,
)
from agent.contract.vocabulary import AckAction
from agent.core.alarms.persistence import decode_alarm
from agent.core.facts import AlarmDelivered, Announce
from agent.runtime.alarms.persistence import ALARM_KEY
from tests.support.drafts import open_outbox, taken, write
from tests.support.fake_ports import topics
from tests.support.kiosk import Kiosk
from tests.support.sim_clock import SimClock

MS = 1_000_000


def test_a_press_runs_to_completion_on_the_thread_of_the_edge_light_first(kiosk: Kiosk) -> None:
    lights_at_send: list[LightState] = []
    kiosk.on_send = lambda: lights_at_send.append(kiosk.lights.shown())
    thread = threading.Thread(target=kiosk.edge, name="pins")
    thread.start()
    thread.join()

    assert lights_at_send == [PRESSED]
    assert set(kiosk.lights.by) == {"pins"}
    assert len(kiosk.book.open()) == 1
    assert topics(taken(kiosk.outbox)) == ["alarm/police"]


def test_a_fault_of_ours_in_a_press_ends_the_agent_which_then_reads_the_level_again(kiosk: Kiosk) -> None:
    def fail() -> None:
        raise RuntimeError("a fault of ours")

    kiosk.on_send = fail
    with pytest.raises(RuntimeError):
        kiosk.edge()

    with pytest.raises(RuntimeError, match="a fault of ours"):
        kiosk.pipeline.run_once(0)


def test_a_silent_input_never_changes_a_light(kiosk: Kiosk) -> None:
    alarm_id = kiosk.press("hidden")
    kiosk.pipeline.submit(AlarmDelivered(alarm_id, kiosk.clock.boottime_ns()))
    kiosk.pipeline.drain()
    for action in AckAction:
        kiosk.ack(alarm_id, action)

    assert set(kiosk.lights.history) <= {IDLE}
    assert [message["type"] for message in kiosk.sent() if message["type"] != "edge.alarms.v1"] == [
        "edge.alarm.raised.v1",
        *["edge.alarm.updated.v1"] * 3,
        "edge.alarm.closed.v1",
    ]


def test_a_silent_alarm_does_not_hide_an_audible_one(kiosk: Kiosk) -> None:
    hidden = kiosk.press("hidden")
    kiosk.press("police")
    kiosk.ack(hidden, AckAction.REGISTERED)

    assert kiosk.lights.shown() == PRESSED


def test_a_bounce_lights_nothing(kiosk: Kiosk) -> None:
    alarm_id = kiosk.press()
    kiosk.ack(alarm_id, AckAction.CLOSED)
    kiosk.edge(active=False, after_ms=500)
    shown = len(kiosk.lights.history)
    kiosk.edge(active=True, after_ms=5)
    kiosk.pipeline.drain()

    assert kiosk.lights.history[shown:] == []
    assert kiosk.lights.shown() == IDLE
    assert kiosk.book.open() == []


def test_a_bounce_while_an_alarm_is_registered_leaves_green_on(kiosk: Kiosk) -> None:
    alarm_id = kiosk.press()
    kiosk.ack(alarm_id, AckAction.REGISTERED)
    before = len(kiosk.lights.history)
    kiosk.edge(active=False, after_ms=500)
    kiosk.edge(active=True, after_ms=5)
    kiosk.pipeline.drain()

    assert kiosk.lights.shown().green is Pattern.ON
    assert all(state.green is Pattern.ON for state in kiosk.lights.history[before:])


def test_a_press_is_told_with_the_time_of_its_edge_and_what_the_camera_sees(kiosk: Kiosk) -> None:
    pressed_at = kiosk.clock.wall()
    kiosk.edge()
    kiosk.clock.advance(timedelta(milliseconds=70))
    kiosk.pipeline.drain()

    [raised, alarms] = kiosk.sent()
    data = raised["data"]
    assert isinstance(data, dict)
    assert data["raised_at"] == pressed_at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert data["camera"] == {"name": "front", "persons": 2, "snapshot": data["alarm_id"]}
    assert kiosk.captured == [data["alarm_id"]]
    assert raised["subject"] == f"alarm/{data['alarm_id']}"
    assert alarms["type"] == "edge.alarms.v1"


def test_further_presses_raise_the_count_and_take_no_new_picture(kiosk: Kiosk) -> None:
    kiosk.press()
    for _ in range(2):
        kiosk.edge(active=False, after_ms=200)
        kiosk.edge(active=True, after_ms=200)
    kiosk.pipeline.drain()

    counts = [m["data"]["press_count"] for m in kiosk.sent() if "alarm." in str(m["type"])]  # type: ignore[index]
    assert counts == [1, 2, 3]
    assert len(kiosk.captured) == 1


def test_an_open_alarm_is_kept_at_every_step_and_forgotten_when_closed(kiosk: Kiosk) -> None:
    alarm_id = kiosk.press()
    for step in (AckAction.REGISTERED, AckAction.DISPATCHED):
        kiosk.ack(alarm_id, step)
        write(kiosk.outbox)
        [text] = kiosk.outbox.kept(ALARM_KEY).values()
        assert decode_alarm(text) == kiosk.book.find(alarm_id)

    kiosk.ack(alarm_id, AckAction.CLOSED)
    write(kiosk.outbox)
    assert kiosk.outbox.kept(ALARM_KEY) == {}


def test_an_alarm_that_was_open_lights_at_start_with_its_stage_and_can_be_acknowledged(tmp_path: Path) -> None:
    clock = SimClock()
    outbox = open_outbox(tmp_path / "store", clock)
    before = Kiosk(outbox, clock)
    alarm_id = before.press()
    before.ack(alarm_id, AckAction.REGISTERED)
    outbox.close()

    again = open_outbox(tmp_path / "store", SimClock(boot_id="other-boot"))
    after = Kiosk(again, SimClock(boot_id="other-boot"))
    after.pipeline.show_lights()

    assert after.lights.shown().green is Pattern.ON
    assert after.pipeline.open_ids == {alarm_id}
    assert after.press() == alarm_id
    assert after.ack(alarm_id, AckAction.CLOSED) == "taken"
    assert after.lights.shown() == IDLE
    again.close()


def test_an_ack_of_an_unknown_alarm_is_told_to_the_caller_and_changes_nothing(kiosk: Kiosk) -> None:
    kiosk.press()
    shown = list(kiosk.lights.history)

    assert kiosk.ack("another", AckAction.CLOSED) == "unknown-alarm"
    assert kiosk.lights.history == shown


def test_green_never_comes_from_the_broker(kiosk: Kiosk) -> None:
    alarm_id = kiosk.press()
    for _ in range(3):
        kiosk.pipeline.submit(AlarmDelivered(alarm_id, kiosk.clock.boottime_ns()))
    kiosk.pipeline.drain()

    assert all(state.green is Pattern.OFF for state in kiosk.lights.history)
    stages = [m["data"]["stage"] for m in kiosk.sent() if "alarm." in str(m["type"])]  # type: ignore[index]
    assert stages == ["raised", "sent"]


def test_identify_blinks_for_its_time_and_no_longer(kiosk: Kiosk) -> None:
    kiosk.pipeline.identify(10)
    kiosk.pipeline.run_once(0)
    assert kiosk.lights.shown() == IDENTIFY

    kiosk.wait(9.9)
    assert kiosk.lights.shown() == IDENTIFY

    kiosk.wait(0.1)
    assert kiosk.lights.shown() == IDLE


def test_an_alarm_takes_the_lights_from_identify_and_keeps_them(kiosk: Kiosk) -> None:
    kiosk.pipeline.identify(10)
    kiosk.pipeline.run_once(0)
    kiosk.edge()
    assert kiosk.lights.shown() == PRESSED

    kiosk.pipeline.drain()
    kiosk.pipeline.identify(10)
    kiosk.pipeline.drain()
    assert kiosk.lights.shown() == PRESSED


def test_a_rebirth_tells_every_open_alarm(kiosk: Kiosk) -> None:
    ids = [kiosk.press("police"), kiosk.press("hidden")]
    kiosk.sent()
    kiosk.pipeline.submit(Announce())
    kiosk.pipeline.drain()

    [alarms] = kiosk.sent()
    assert [alarm["alarm_id"] for alarm in alarms["data"]["open"]] == ids  # type: ignore[index]


def test_a_close_that_does_not_know_of_the_last_press_leaves_the_light_on(kiosk: Kiosk) -> None:
    """Somebody presses in the moment in which the centre closes the alarm: nobody has decided about that press."""
    alarm_id = kiosk.press()
    kiosk.ack(alarm_id, AckAction.REGISTERED, press_count=1)
    kiosk.edge(active=False, after_ms=500)
    kiosk.edge(active=True, after_ms=500)

    assert kiosk.ack(alarm_id, AckAction.CLOSED, press_count=1) == "pressed-since"
    assert kiosk.lights.shown() == PRESSED
    [*_, told] = [message["data"] for message in kiosk.sent() if message["type"] == "edge.alarm.updated.v1"]
    assert isinstance(told, dict)
    assert (told["stage"], told["reraised"], told["press_count"]) == ("raised", 1, 2)
    assert kiosk.ack(alarm_id, AckAction.CLOSED, press_count=2) == "taken"
    assert kiosk.lights.shown() == IDLE
