"""The siren as the pipeline drives it, and what is told of it."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from agent.contract.vocabulary import AckAction
from agent.core.errors import HardwareError, StepFailed
from agent.runtime.alarms.siren import SIREN, SIREN_KEY
from agent.runtime.selftest.steps import check_siren
from tests.runtime.selftest.test_steps import run
from tests.support.kiosk import Kiosk


@pytest.fixture
def kiosk(kiosk: Kiosk) -> Kiosk:
    kiosk.siren_controller.start()
    return kiosk


def call_in_vain(kiosk: Kiosk, name: str = "police") -> str:
    """A press that nobody answers until the siren is due."""
    alarm_id = kiosk.press(name)
    for seconds in (10, 20, 29.9):
        kiosk.wait(seconds)
        assert kiosk.siren.history == [False]
    kiosk.wait(0.1)
    return alarm_id


def events(kiosk: Kiosk) -> list[tuple[str, Any]]:
    """What was told of the siren since the last call."""
    return [(str(m["type"]).split(".")[2], m["data"]) for m in kiosk.sent() if "siren" in str(m["type"])]


def test_it_sounds_when_nobody_has_answered_and_an_answer_ends_it_and_both_are_told(kiosk: Kiosk) -> None:
    alarm_id = call_in_vain(kiosk)
    assert kiosk.siren.history == [False, True]
    assert kiosk.siren_controller.figures() == {"on": True, "alarms": [alarm_id]}
    kiosk.wait(100)
    kiosk.ack(alarm_id, AckAction.REGISTERED)

    assert kiosk.siren.history == [False, True, False]
    assert kiosk.siren_controller.figures() == {"on": False, "alarms": []}
    common = {"historical": True, "alarm_id": alarm_id, "input": "police", "driven": True}
    sounded, stopped = events(kiosk)
    assert sounded == ("siren-sounded", {**common, "reason": "unanswered", "sounded_ms": 0})
    assert stopped == ("siren-stopped", {**common, "reason": "answered", "sounded_ms": 100_000, "historical": False})


def test_it_never_sounds_for_a_silent_alarm(kiosk: Kiosk) -> None:
    kiosk.press("hidden")
    for _ in range(20):
        kiosk.wait(30)
    assert kiosk.siren.history == [False]
    assert events(kiosk) == []


def test_it_never_sounds_for_a_test(kiosk: Kiosk) -> None:
    assert kiosk.pipeline.test_mode(600, None) == "ok"
    kiosk.press()
    for _ in range(20):
        kiosk.wait(30)
    assert kiosk.siren.history == [False]


def test_it_sounds_for_an_alarm_in_earnest_while_another_button_is_tested(kiosk: Kiosk) -> None:
    assert kiosk.pipeline.test_mode(600, ["held"]) == "ok"
    call_in_vain(kiosk)
    assert kiosk.siren.history == [False, True]


def test_a_close_by_a_technician_ends_it_and_leaves_nothing_kept(kiosk: Kiosk) -> None:
    alarm_id = call_in_vain(kiosk)
    assert list(kiosk.outbox.kept(SIREN_KEY)) == [SIREN_KEY + alarm_id]
    kiosk.ack(alarm_id, AckAction.CLOSED)

    assert kiosk.siren.history[-1] is False
    assert [data["reason"] for _, data in events(kiosk)] == ["unanswered", "closed"]
    assert kiosk.outbox.kept(SIREN_KEY) == {}


def test_it_ends_at_its_limit_to_the_moment_and_a_press_sounds_it_again(kiosk: Kiosk) -> None:
    call_in_vain(kiosk)
    kiosk.wait(179.9)
    assert kiosk.siren.history[-1] is True
    kiosk.wait(0.1)
    assert kiosk.siren.history[-1] is False
    kiosk.edge(active=False)
    kiosk.edge(after_ms=100)
    kiosk.pipeline.drain()
    assert kiosk.siren.history[-1] is True
    assert [data["reason"] for _, data in events(kiosk)] == ["unanswered", "time-over", "pressed"]


def test_the_thread_waits_no_longer_than_until_it_is_due(kiosk: Kiosk) -> None:
    kiosk.press()
    for seconds in (10, 20):
        kiosk.wait(seconds)
    kiosk.clock.advance(timedelta(seconds=29.9995))
    began = time.monotonic()
    kiosk.pipeline.run_once(60)
    kiosk.clock.advance(timedelta(seconds=0.0005))
    kiosk.pipeline.run_once(60)
    assert time.monotonic() - began < 30
    assert kiosk.siren.history == [False, True]


def test_no_step_of_the_wall_clock_sounds_it_or_ends_it(kiosk: Kiosk) -> None:
    kiosk.press()
    for seconds in (10, 20):
        kiosk.wait(seconds)
    kiosk.clock.step_wall(timedelta(days=20_000))
    kiosk.wait(29.9)
    assert kiosk.siren.history == [False]
    kiosk.wait(0.1)
    kiosk.clock.step_wall(timedelta(days=-30_000))
    kiosk.wait(179.9)
    assert kiosk.siren.history == [False, True]


def test_it_is_not_touched_on_the_thread_of_a_press(kiosk: Kiosk) -> None:
    call_in_vain(kiosk)
    kiosk.wait(180)
    before = len(kiosk.siren.history)
    kiosk.edge(active=False)
    kiosk.edge(after_ms=100)
    assert len(kiosk.siren.history) == before
    kiosk.pipeline.drain()
    assert len(kiosk.siren.history) == before + 1


def test_a_pin_that_fails_is_told_and_tried_again_and_costs_no_press(kiosk: Kiosk) -> None:
    kiosk.siren.broken = True
    alarm_id = call_in_vain(kiosk)
    assert "pin 26" in kiosk.degraded[SIREN]
    [(_, told)] = events(kiosk)
    assert told["driven"] is False
    assert kiosk.siren_controller.figures()["on"] is False
    kiosk.edge("held")
    kiosk.edge("held", active=False, after_ms=2000)
    kiosk.pipeline.drain()
    assert len(kiosk.book.open()) == 2

    kiosk.siren.broken = False
    kiosk.wait(1)
    assert kiosk.siren.history == [False, True]
    assert SIREN not in kiosk.degraded
    assert kiosk.ack(alarm_id, AckAction.REGISTERED) == "taken"
    assert kiosk.siren.history == [False, True, False]


def test_a_pin_that_can_not_be_had_at_the_start_is_told_and_had_later(kiosk: Kiosk) -> None:
    later = Kiosk(kiosk.outbox, kiosk.clock)
    later.siren.broken = True
    later.siren_controller.start()
    assert SIREN in later.degraded
    later.siren.broken = False
    later.wait(1)
    assert later.siren.history == [False]
    assert SIREN not in later.degraded


def test_after_a_restart_it_sounds_for_what_is_left_of_its_time(kiosk: Kiosk) -> None:
    call_in_vain(kiosk)
    kiosk.wait(100)
    later = Kiosk(kiosk.outbox, kiosk.clock)
    later.siren_controller.start()
    assert later.siren.history == [False]
    later.wait(0)
    assert later.siren.history == [False, True]
    later.wait(79.9)
    assert later.siren.history == [False, True]
    later.wait(0.1)
    assert later.siren.history == [False, True, False]


def test_an_orderly_stop_silences_it_and_says_so(kiosk: Kiosk) -> None:
    call_in_vain(kiosk)
    kiosk.wait(5)
    kiosk.siren_controller.close()
    assert kiosk.siren.history[-1] is False
    assert events(kiosk)[-1][1]["reason"] == "agent-stopped"
    assert kiosk.siren_controller.figures()["on"] is False
    kiosk.pipeline.run_once(0)
    assert kiosk.siren.history[-1] is False, "it was sounded again by a thread that was late"


def step(kiosk: Kiosk, *, chirp: bool) -> str:
    return run(
        check_siren(kiosk.siren_controller, kiosk.clock, chirp=chirp), kiosk.clock, lambda: kiosk.pipeline.run_once(0)
    )


def test_a_self_test_does_not_sound_it_unless_it_may(kiosk: Kiosk) -> None:
    assert "not sounded" in step(kiosk, chirp=False)
    assert kiosk.siren.history == [False]
    assert "read back" in step(kiosk, chirp=True)
    assert kiosk.siren.history == [False, True, False]
    assert events(kiosk) == []


def test_a_chirp_ends_by_itself_although_its_test_has_stopped(kiosk: Kiosk) -> None:
    kiosk.siren_controller.chirp()
    kiosk.pipeline.run_once(0)
    assert kiosk.siren.history == [False, True]
    kiosk.wait(0.3)
    assert kiosk.siren.history == [False, True, False]


def test_a_chirp_is_seen_although_its_test_looks_late(kiosk: Kiosk) -> None:
    test = check_siren(kiosk.siren_controller, kiosk.clock, chirp=True)
    next(test)
    next(test)
    kiosk.pipeline.run_once(0)
    kiosk.wait(1)
    assert kiosk.siren.history == [False, True, False]
    assert "read back" in run(test, kiosk.clock)


def test_no_chirp_begins_while_an_alarm_is_open(kiosk: Kiosk) -> None:
    kiosk.press("hidden")
    with pytest.raises(StepFailed, match="was not tried"):
        step(kiosk, chirp=True)
    assert kiosk.siren.history == [False]


@pytest.mark.parametrize(
    ("reads", "says"), [(lambda: True, "can't be switched off"), (lambda: False, "can't be switched on")]
)
def test_a_siren_that_does_not_do_what_it_is_told_fails_the_test(
    kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch, reads: Callable[[], bool], says: str
) -> None:
    monkeypatch.setattr(kiosk.siren, "is_on", reads)
    with pytest.raises(StepFailed, match=says):
        step(kiosk, chirp=True)


@pytest.mark.parametrize("chirp", [True, False])
def test_a_siren_that_can_not_be_read_fails_the_test_and_nothing_else(
    kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch, chirp: bool
) -> None:
    def fail() -> bool:
        raise HardwareError("the chip is gone")

    monkeypatch.setattr(kiosk.siren, "is_on", fail)
    with pytest.raises(StepFailed):
        step(kiosk, chirp=chirp)
