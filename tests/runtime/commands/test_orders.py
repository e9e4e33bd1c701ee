"""What becomes of commands that do something and take their time: pictures, self-tests, test mode."""

from datetime import timedelta
from typing import Any

import pytest

from agent.contract.messages import SelfTestData, SelfTestStep
from agent.contract.vocabulary import Outcome
from agent.core.alarms.test_mode import TestModeAnswer
from agent.runtime.commands.orders import SelfTestAnswer, picture_done, self_test_done
from tests.support.desk import RESULTS, Desk, refusal


@pytest.mark.parametrize(
    ("args", "asked", "text"),
    [
        ({"seconds": 600, "input": "police"}, (600, "police"), "presses of police are tests for 600 s"),
        ({"seconds": 0}, (0, None), "test mode is over"),
        ({}, (300, None), "presses of every input are tests for 300 s"),
    ],
)
def test_test_mode_is_for_so_long_and_for_one_input_or_all(
    desk: Desk, args: dict[str, Any], asked: tuple[float, str | None], text: str
) -> None:
    desk.send(desk.signed(desk.claims("test-mode", args=args), role="technician"), "test-mode")

    assert desk.done == [("test-mode", *asked)]
    [result], _ = desk.answers()
    assert (result["status"], result["code"], result["text"]) == ("succeeded", "ok", text)


@pytest.mark.parametrize("args", [{"seconds": 601}, {"seconds": -1}, {"seconds": "x"}, {"input": "../x"}])
def test_test_mode_has_an_end(desk: Desk, args: dict[str, Any]) -> None:
    desk.send(desk.signed(desk.claims("test-mode", args=args), role="technician"), "test-mode")

    assert refusal(desk) == "bad-arguments"
    assert desk.done == []


@pytest.mark.parametrize("answer", ["alarm-open", "unknown-input"])
def test_a_test_mode_that_does_not_begin_has_failed(desk: Desk, answer: TestModeAnswer) -> None:
    desk.test_mode_answer = answer
    desk.send(desk.signed(desk.claims("test-mode"), role="admin"), "test-mode")

    [result], _ = desk.answers()
    assert (result["status"], result["code"]) == ("failed", answer)


def test_a_snapshot_is_in_progress_until_the_camera_has_answered(desk: Desk) -> None:
    desk.order("snapshot", camera="front")
    [asked], _ = desk.answers()
    desk.desk.order_done(picture_done(asked["command_id"], True, ""))
    desk.desk.run_once(0)
    [done], _ = desk.answers()

    assert desk.done == [("snapshot", asked["command_id"], "front")]
    assert (asked["status"], done["status"]) == ("in-progress", "succeeded")
    assert done["output"] == {"snapshot": asked["command_id"]}


def test_a_snapshot_that_the_camera_can_not_make_fails_with_its_reason(desk: Desk) -> None:
    desk.order("snapshot")
    desk.desk.order_done(picture_done("c1", False, "no fresh frame"))
    desk.desk.run_once(0)

    [_, failed], _ = desk.answers()
    assert (failed["status"], failed["code"], failed["text"]) == ("failed", "no-picture", "no fresh frame")


def test_a_snapshot_without_an_answer_times_out_once(desk: Desk) -> None:
    desk.order("snapshot")
    desk.answers()
    desk.clock.advance(timedelta(seconds=11))
    desk.desk.run_once(0)
    desk.desk.order_done(picture_done("c1", True, ""))
    desk.desk.run_once(0)

    [late], _ = desk.answers()
    assert late["status"] == "timed-out"


def test_a_snapshot_without_a_camera_fails_at_once(desk: Desk) -> None:
    desk.camera = None
    desk.order("snapshot")

    assert desk.answers()[0][0]["code"] == "no-camera"


def test_a_picture_that_nobody_ordered_is_no_result(desk: Desk) -> None:
    desk.desk.order_done(picture_done("alarm-1", True, ""))
    desk.desk.run_once(0)

    assert desk.answers() == ([], [])


def test_the_picture_s_result_goes_where_its_command_asked_for(desk: Desk) -> None:
    claims = desk.claims("snapshot")
    answer_to: dict[str, Any] = {"response_topic": RESULTS + "mine", "correlation_data": b"42"}
    desk.send(desk.signed(claims), "snapshot", **answer_to)
    desk.desk.order_done(picture_done(claims["cmd_id"], ok=True, detail=""))
    desk.desk.run_once(0)

    results = [message for message in desk.messages() if "/up/result/" in message.topic]
    assert [(message.topic, message.correlation_data) for message in results] == [(RESULTS + "mine", b"42")] * 2


def test_a_snapshot_that_is_ordered_again_gets_the_newest_result(desk: Desk) -> None:
    order = desk.signed(desk.claims("snapshot"))
    desk.send(order, "snapshot")
    desk.send(order, "snapshot")
    assert [result["status"] for result in desk.answers()[0]] == ["in-progress"] * 2

    desk.desk.order_done(picture_done("c1", ok=True, detail=""))
    desk.desk.run_once(0)
    desk.send(order, "snapshot")

    assert [result["status"] for result in desk.answers()[0]] == ["succeeded"] * 2
    assert len(desk.done) == 1


@pytest.mark.parametrize(
    ("outcome", "status", "code"),
    [("passed", "succeeded", "ok"), ("failed", "failed", "test-failed"), ("interrupted", "failed", "interrupted")],
)
def test_a_self_test_is_answered_when_it_begins_and_when_it_has_ended(
    desk: Desk, outcome: Outcome, status: str, code: str
) -> None:
    desk.order("self-test")
    [asked], _ = desk.answers()
    assert (asked["status"], asked["code"]) == ("in-progress", "asked")
    assert desk.done == [("self-test", asked["command_id"])]

    desk.clock.advance(timedelta(seconds=120))
    bad = SelfTestStep(name="lights", ok=outcome == "passed", detail="yellow", ms=600)
    data = SelfTestData(outcome=outcome, reason="command", steps=(bad,))
    desk.desk.order_done(self_test_done(asked["command_id"], data))
    desk.desk.run_once(0)
    [result], _ = desk.answers()
    assert (result["status"], result["code"], result["command_id"]) == (status, code, asked["command_id"])
    assert result["output"]["outcome"] == outcome
    assert result["output"]["steps"]["lights"]["detail"] == "yellow"


@pytest.mark.parametrize("answer", ["busy", "alarm-open"])
def test_a_self_test_that_can_not_begin_fails_at_once(desk: Desk, answer: SelfTestAnswer) -> None:
    desk.self_test_answer = answer
    desk.order("self-test")
    [result], _ = desk.answers()
    assert (result["status"], result["code"]) == ("failed", answer)


def test_a_self_test_that_never_ends_is_given_up(desk: Desk) -> None:
    desk.order("self-test")
    desk.clock.advance(timedelta(seconds=299))
    desk.desk.run_once(0)
    assert len(desk.answers()[0]) == 1
    desk.clock.advance(timedelta(seconds=1))
    desk.desk.run_once(0)
    [result], _ = desk.answers()
    assert (result["status"], result["code"]) == ("timed-out", "no-answer")
