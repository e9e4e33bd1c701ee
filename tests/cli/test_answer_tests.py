"""`edge-agent watch --answer-tests`: which alarms it answers, and which it must leave to people."""

import json
from pathlib import Path
from typing import Any

import pytest

from agent.adapters.jose_keys import KeyRing
from agent.adapters.paho_centre import Heard
from agent.cli.answer_tests import SelfTestAnswerer
from agent.cli.keygen import make_key
from tests.support.agent_process import run_cli

TREE = "edge/v1/gp/site/kiosk-7"
ALARM = {"alarm_id": "a1", "status": "test", "stage": "raised"}


class Outgoing:
    """What would be published."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []

    def publish(self, topic: str, payload: bytes, expiry_s: int | None = None) -> None:
        self.sent.append((topic, payload))


def answers(directory: Path, *heard: tuple[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Topics and claims of what is answered, every signature having been verified."""
    key = make_key("operator", directory)
    ring = KeyRing.load(directory / "keys.json")
    outgoing = Outgoing()
    answerer = SelfTestAnswerer(outgoing, key)
    for topic, data in heard:
        payload = data if isinstance(data, bytes) else json.dumps({"nonce": "n1", "data": data}).encode()
        answerer.hear(Heard(topic, payload, retain=False))
    return [(topic, dict(ring.verify(token).claims)) for topic, token in outgoing.sent]


def test_the_alarm_of_a_self_test_is_registered_and_closed_by_signed_acks_for_that_device(tmp_path: Path) -> None:
    given = answers(tmp_path, (f"{TREE}/up/alarm/self-test", ALARM))

    assert [topic for topic, _ in given] == [f"{TREE}/down/ack/a1"] * 2
    assert [claims["args"] for _, claims in given] == [
        {"alarm_id": "a1", "action": "registered"},
        {"alarm_id": "a1", "action": "closed"},
    ]
    assert all((claims["aud"], claims["boot_nonce"]) == ("/edge/gp/site/kiosk-7", "n1") for _, claims in given)
    assert given[0][1]["ctr"] < given[1][1]["ctr"]


@pytest.mark.parametrize(
    ("topic", "data"),
    [
        ("up/alarm/police", ALARM),
        ("up/alarm/police", {**ALARM, "status": "actual"}),
        ("up/alarm/self-test", {**ALARM, "status": "actual"}),
        ("up/alarm/self-test", {**ALARM, "stage": "closed"}),
        ("up/alarm/self-test", {"stage": "raised"}),
        ("up/alarm/self-test", b"no JSON"),
        ("up/alarm/self-test", [1]),
        ("up/alarms", ALARM),
        ("down/alarm/self-test", ALARM),
    ],
)
def test_nothing_else_is_ever_answered(tmp_path: Path, topic: str, data: Any) -> None:
    assert answers(tmp_path, (f"{TREE}/{topic}", data)) == []


def test_it_needs_a_key(tmp_path: Path) -> None:
    done = run_cli("watch", "--config", tmp_path / "none.toml", "--answer-tests")
    assert done.returncode == 2
    assert "--key" in done.stderr


CLOSED = {"alarm_id": "a2", "status": "actual", "stage": "closed", "press_count": 2}


@pytest.mark.parametrize(
    ("seq", "presses", "sent"),
    [(8, 2, [{"alarm_id": "a2", "action": "closed", "press_count": 2}]), (6, 2, []), (8, 3, [])],
    ids=["open again", "an older message that comes late", "pressed since"],
)
def test_an_alarm_that_is_open_again_after_its_close_is_closed_again_unless_somebody_has_pressed(
    tmp_path: Path, seq: int, presses: int, sent: list[dict[str, Any]]
) -> None:
    told = [(7, CLOSED), (seq, {**CLOSED, "stage": "registered", "press_count": presses})]
    heard = [
        (f"{TREE}/up/alarm/police", json.dumps({"epoch": "e", "seq": number, "data": data}).encode())
        for number, data in told
    ]

    assert [claims["args"] for _, claims in answers(tmp_path, *heard)] == sent
