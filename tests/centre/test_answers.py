"""What a program answers by itself, and what it must leave to people."""

from concurrent.futures import Future
from typing import Any

import pytest

from agent.contract.messages import ResultData
from agent.contract.vocabulary import AckAction
from edge_centre.library import AbandonedError, Alarm, Notice
from edge_centre.library.answers import Answers
from tests.support.agent_process import run_cli
from tests.support.made_up import World

DONE = ResultData(command_id="c", name="ack", status="succeeded", code="ok", text="")


class Outgoing:
    """What would be sent, and the futures of it."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, dict[str, Any]]] = []
        self.futures: list[Future[ResultData]] = []

    def ack(self, alarm: Alarm, action: AckAction, *, timeout_s: float | None, **more: Any) -> Future[ResultData]:
        assert timeout_s is not None
        self.sent.append((alarm.alarm_id, action.value, more))
        self.futures.append(Future())
        return self.futures[-1]


def answers(*notices: list[Notice]) -> Outgoing:
    outgoing = Outgoing()
    answerer = Answers(outgoing)
    for each in notices:
        for notice in each:
            answerer.hear(notice)
    return outgoing


def test_the_alarm_of_a_self_test_is_registered_and_closed_when_that_was_answered() -> None:
    outgoing = answers(World().alarm(1, input="self-test", status="test"))
    assert outgoing.sent == [("a1", "registered", {})]
    outgoing.futures[0].set_result(DONE)
    assert outgoing.sent[1:] == [("a1", "closed", {})]


def test_a_test_alarm_that_the_device_has_closed_itself_is_left_alone() -> None:
    outgoing = answers(World().alarm(1, input="self-test", status="test"))
    outgoing.futures[0].set_exception(AbandonedError("the alarm is closed"))
    assert len(outgoing.sent) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "test"},
        {},
        {"input": "self-test", "status": "actual"},
        {"input": "self-test", "status": "test", "stage": "closed"},
        {"input": "self-test", "status": "test", "stage": "sent"},
    ],
)
def test_nothing_else_is_ever_answered(fields: dict[str, str]) -> None:
    assert answers(World().alarm(1, **fields)).sent == []


@pytest.mark.parametrize(
    ("seq", "presses", "sent"),
    [(8, 2, [("a1", "closed", {"press_count": 2})]), (6, 2, []), (8, 3, [])],
    ids=["open again", "an older message that comes late", "pressed since"],
)
def test_an_alarm_that_is_open_again_after_its_close_is_closed_again_unless_somebody_has_pressed(
    seq: int, presses: int, sent: list[tuple[str, str, dict[str, Any]]]
) -> None:
    world = World()
    closed = world.alarm(7, stage="closed", press_count=2)
    assert answers(closed, world.alarm(seq, stage="registered", press_count=presses)).sent == sent


def test_it_needs_a_key() -> None:
    done = run_cli("watch", "--config", "none.toml", "--answer-tests")
    assert done.returncode == 2
    assert "--key" in done.stderr
