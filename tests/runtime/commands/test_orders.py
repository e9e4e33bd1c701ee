"""What becomes of commands that do something and take their time: pictures, self-tests, test mode."""

from datetime import timedelta
from typing import Any

import pytest

from agent.contract.events import SelfTestData, SelfTestStep
from agent.contract.vocabulary import Outcome
from agent.core.alarms.test_mode import TestModeAnswer
from agent.outbox.replay import Extent, ReplayEnd
from agent.runtime.commands.orders import SelfTestAnswer, picture_done, replay_done, self_test_done
from tests.support.command_rig import RESULTS, CommandRig, refusal
from tests.support.drafts import alarm, write


@pytest.mark.parametrize(
    ("args", "asked", "text"),
    [
        ({"seconds": 600, "input": "police"}, (600, ["police"]), "presses of police are tests for 600 s"),
        ({"inputs": ["police", "fire"]}, (300, ["police", "fire"]), "presses of police, fire are tests for 300 s"),
        ({"seconds": 0}, (0, None), "test mode is over"),
        ({}, (300, None), "presses of every input are tests for 300 s"),
    ],
)
def test_test_mode_is_for_so_long_and_for_some_inputs_or_all(
    handler: CommandRig, args: dict[str, Any], asked: tuple[float, list[str] | None], text: str
) -> None:
    handler.send(handler.signed(handler.claims("test-mode", args=args), role="technician"), "test-mode")

    assert handler.done == [("test-mode", *asked)]
    [result], _ = handler.answers()
    assert (result["status"], result["code"], result["text"]) == ("succeeded", "ok", text)


@pytest.mark.parametrize(
    "args",
    [
        {"seconds": 601},
        {"seconds": -1},
        {"seconds": "x"},
        {"input": "../x"},
        {"inputs": []},
        {"inputs": "police"},
        {"inputs": ["../x"]},
        {"input": "police", "inputs": ["police"]},
    ],
)
def test_test_mode_has_an_end_and_names_inputs_in_one_way(handler: CommandRig, args: dict[str, Any]) -> None:
    handler.send(handler.signed(handler.claims("test-mode", args=args), role="technician"), "test-mode")

    assert refusal(handler) == "bad-arguments"
    assert handler.done == []


@pytest.mark.parametrize("answer", ["alarm-open", "unknown-input"])
def test_a_test_mode_that_does_not_begin_has_failed(handler: CommandRig, answer: TestModeAnswer) -> None:
    handler.test_mode_answer = answer
    handler.send(handler.signed(handler.claims("test-mode"), role="admin"), "test-mode")

    [result], _ = handler.answers()
    assert (result["status"], result["code"]) == ("failed", answer)


def test_a_snapshot_is_in_progress_until_the_camera_has_answered(handler: CommandRig) -> None:
    handler.order("snapshot", camera="front")
    [asked], _ = handler.answers()
    handler.handler.order_done(picture_done(asked["command_id"], True, ""))
    handler.handler.run_once(0)
    [done], _ = handler.answers()

    assert handler.done == [("snapshot", asked["command_id"], "front")]
    assert (asked["status"], done["status"]) == ("in-progress", "succeeded")
    assert done["output"] == {"snapshot": asked["command_id"]}


def test_a_snapshot_that_the_camera_can_not_make_fails_with_its_reason(handler: CommandRig) -> None:
    handler.order("snapshot")
    handler.handler.order_done(picture_done("c1", False, "no fresh frame"))
    handler.handler.run_once(0)

    [_, failed], _ = handler.answers()
    assert (failed["status"], failed["code"], failed["text"]) == ("failed", "no-picture", "no fresh frame")


def test_a_snapshot_without_an_answer_times_out_once(handler: CommandRig) -> None:
    handler.order("snapshot")
    handler.answers()
    handler.clock.advance(timedelta(seconds=11))
    handler.handler.run_once(0)
    handler.handler.order_done(picture_done("c1", True, ""))
    handler.handler.run_once(0)

    [late], _ = handler.answers()
    assert late["status"] == "timed-out"


def test_a_snapshot_without_a_camera_fails_at_once(handler: CommandRig) -> None:
    handler.camera = None
    handler.order("snapshot")

    assert handler.answers()[0][0]["code"] == "no-camera"


def test_a_picture_that_nobody_ordered_is_no_result(handler: CommandRig) -> None:
    handler.handler.order_done(picture_done("alarm-1", True, ""))
    handler.handler.run_once(0)

    assert handler.answers() == ([], [])


def test_the_picture_s_result_goes_where_its_command_asked_for(handler: CommandRig) -> None:
    claims = handler.claims("snapshot")
    answer_to: dict[str, Any] = {"response_topic": RESULTS + "mine", "correlation_data": b"42"}
    handler.send(handler.signed(claims), "snapshot", **answer_to)
    handler.handler.order_done(picture_done(claims["cmd_id"], ok=True, detail=""))
    handler.handler.run_once(0)

    results = [message for message in handler.messages() if "/up/result/" in message.topic]
    assert [(message.topic, message.correlation_data) for message in results] == [(RESULTS + "mine", b"42")] * 2


def test_a_snapshot_that_is_ordered_again_gets_the_newest_result(handler: CommandRig) -> None:
    order = handler.signed(handler.claims("snapshot"))
    handler.send(order, "snapshot")
    handler.send(order, "snapshot")
    assert [result["status"] for result in handler.answers()[0]] == ["in-progress"] * 2

    handler.handler.order_done(picture_done("c1", ok=True, detail=""))
    handler.handler.run_once(0)
    handler.send(order, "snapshot")

    assert [result["status"] for result in handler.answers()[0]] == ["succeeded"] * 2
    assert len(handler.done) == 1


@pytest.mark.parametrize(
    ("outcome", "status", "code"),
    [("passed", "succeeded", "ok"), ("failed", "failed", "test-failed"), ("interrupted", "failed", "interrupted")],
)
def test_a_self_test_is_answered_when_it_begins_and_when_it_has_ended(
    handler: CommandRig, outcome: Outcome, status: str, code: str
) -> None:
    ordered = handler.claims("self-test", args={"siren": True})
    handler.send(handler.signed(ordered, role="technician"), "self-test")
    [asked], _ = handler.answers()
    assert (asked["status"], asked["code"]) == ("in-progress", "asked")
    assert handler.done == [("self-test", asked["command_id"], True)]

    handler.clock.advance(timedelta(seconds=120))
    bad = SelfTestStep(name="lights", ok=outcome == "passed", detail="yellow", ms=600)
    data = SelfTestData(outcome=outcome, reason="command", steps=(bad,))
    handler.handler.order_done(self_test_done(asked["command_id"], data))
    handler.handler.run_once(0)
    [result], _ = handler.answers()
    assert (result["status"], result["code"], result["command_id"]) == (status, code, asked["command_id"])
    assert result["output"]["outcome"] == outcome
    assert result["output"]["steps"]["lights"]["detail"] == "yellow"


@pytest.mark.parametrize("answer", ["busy", "alarm-open"])
def test_a_self_test_that_can_not_begin_fails_at_once(handler: CommandRig, answer: SelfTestAnswer) -> None:
    handler.self_test_answer = answer
    handler.order("self-test")
    [result], _ = handler.answers()
    assert (result["status"], result["code"]) == ("failed", answer)


def test_a_self_test_that_never_ends_is_given_up(handler: CommandRig) -> None:
    handler.order("self-test")
    handler.clock.advance(timedelta(seconds=299))
    handler.handler.run_once(0)
    assert len(handler.answers()[0]) == 1
    handler.clock.advance(timedelta(seconds=1))
    handler.handler.run_once(0)
    [result], _ = handler.answers()
    assert (result["status"], result["code"]) == ("timed-out", "no-answer")


def test_a_replay_is_in_progress_until_a_broker_has_all_of_it(handler: CommandRig) -> None:
    outbox = handler.outbox
    outbox.replay.wake = lambda: write(outbox)
    for number in range(7):
        outbox.put(alarm(f"a{number}"))
    handler.messages()
    handler.order("replay", first=2, last=6)
    told = []
    for _ in range(5):
        told += handler.answers()[0]
        handler.order("replay", first=1)
        handler.clock.advance(timedelta(seconds=0.2))
        write(outbox)
        handler.handler.run_once(0)

    output = {"first": 2, "last": 6, "count": 5, "missing": []}
    assert [(each["status"], each["code"]) for each in told[:3]] == [
        ("in-progress", "asked"),
        ("failed", "busy"),
        ("succeeded", "ok"),
    ]
    assert told[0]["output"] == told[2]["output"] == output


def test_a_replay_of_nothing_has_succeeded_at_once_and_one_from_number_0_is_refused(handler: CommandRig) -> None:
    handler.outbox.replay.wake = lambda: write(handler.outbox)
    handler.order("replay", first=5)
    [result], _ = handler.answers()
    assert (result["status"], result["output"]) == ("succeeded", {"first": 5, "last": 0, "count": 0, "missing": []})

    handler.order("replay", first=0)
    assert refusal(handler) == "bad-arguments"


@pytest.mark.parametrize(("is_whole", "code"), [(True, "ok"), (False, "not-confirmed")])
def test_a_replay_tells_its_end(is_whole: bool, code: str) -> None:
    done = replay_done(ReplayEnd("c1", Extent(1, 9, 7, [(3, 4)]), is_whole))

    assert (done.id, done.ok, done.code) == ("c1", is_whole, code)
    assert done.output == {"first": 1, "last": 9, "count": 7, "missing": [[3, 4]]}


def test_a_second_signer_gets_no_more_pictures_and_the_record_has_the_reason(handler: CommandRig) -> None:
    handler.order("snapshot", reason="who is at the door?")
    [_], told = handler.answers()
    [asked] = [each["detail"] for each in told if each["kind"] == "snapshot-asked"]
    assert (asked["camera"], asked["reason"]) == ("front", "who is at the door?")
    handler.send(handler.signed(handler.claims("snapshot"), kid="key-2"), "snapshot")
    [result], told = handler.answers()
    assert result["code"] == "busy"
    assert not [each for each in told if each["kind"] == "snapshot-asked"]


def test_during_an_open_alarm_every_picture_is_given_and_each_is_in_the_record(handler: CommandRig) -> None:
    handler.open_alarms = frozenset({"a1"})
    for _ in range(25):  # of no other kind are so many published in a minute
        handler.order("snapshot")
        [result], told = handler.answers()
        assert result["code"] == "asked"
        assert [each["kind"] for each in told].count("snapshot-asked") == 1
