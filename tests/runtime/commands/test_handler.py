import json
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from agent.contract.vocabulary import TimeQuality
from agent.ports import MAX_RECEIVED_BYTES, Received
from tests.support.desk import RESULTS, Desk, refusal
from tests.support.drafts import IDENTITY, body


def test_a_ping_is_answered_with_the_time(desk: Desk) -> None:
    desk.order("ping")

    [result], events = desk.answers()
    assert (result["status"], result["output"]["timeq"]) == ("succeeded", "synced")
    assert events == []


def test_an_ack_reaches_the_alarm(desk: Desk) -> None:
    claims = desk.claims("ack", args={"alarm_id": "a1", "action": "registered"})
    desk.send(desk.signed(claims), "a1", "ack")

    [ack] = desk.done
    assert (ack.alarm_id, ack.action, ack.issuer) == ("a1", "registered", "centre")
    assert desk.answers()[0][0]["status"] == "succeeded"


def test_an_ack_of_an_alarm_that_is_not_open_fails(desk: Desk) -> None:
    claims = desk.claims("ack", args={"alarm_id": "a2", "action": "closed"})
    desk.send(desk.signed(claims), "a2", "ack")

    [result], _ = desk.answers()
    assert (result["status"], result["code"]) == ("failed", "unknown-alarm")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aud": IDENTITY.device}, "wrong-audience"),
        ({"iss": "somebody"}, "wrong-issuer"),
        ({"exp": 0, "iat": 0}, "expired"),
        ({"name": "reboot"}, "unknown-command"),
        ({"name": "identify"}, "wrong-topic"),
        ({"args": {"now": 1}}, "bad-arguments"),
        ({"ctr": -1}, "malformed"),
        ({"cmd_id": "../x"}, "malformed"),
        ({"iat": 10**400, "exp": 10**400}, "malformed"),
        ({"iat": -(10**400), "exp": -(10**400)}, "malformed"),
    ],
)
def test_claims_that_do_not_hold_are_refused_and_told(desk: Desk, changes: dict[str, Any], code: str) -> None:
    desk.send(desk.signed(desk.claims(**changes)))

    assert refusal(desk) == code


def test_what_nobody_signed_is_refused(desk: Desk) -> None:
    desk.send(b"forged")

    assert refusal(desk) == "bad-signature"


def test_a_retained_command_is_refused_unread(desk: Desk) -> None:
    desk.send(desk.signed(desk.claims()), retain=True)

    assert refusal(desk) == "retained"


def test_a_command_that_is_too_large_is_refused_unread(desk: Desk) -> None:
    desk.send(desk.signed(desk.claims()), size=MAX_RECEIVED_BYTES + 1)

    assert refusal(desk) == "too-large"


def test_a_role_is_held_to_what_it_may(desk: Desk) -> None:
    desk.send(desk.signed(desk.claims("snapshot"), role="technician"), "snapshot")

    assert refusal(desk) == "not-permitted"


def test_without_a_set_clock_a_command_must_echo_a_nonce_that_a_message_has_carried_lately(desk: Desk) -> None:
    desk.clock.set_quality(TimeQuality.UNSYNCED)
    desk.send(desk.signed(desk.claims()))
    [refused] = [body(message) for message in desk.messages() if message.topic.startswith(RESULTS)]
    assert refused["data"]["code"] == "clock-unsynced"

    # The refusal itself carries the nonce, so whoever has heard nothing else can answer.
    echo = desk.claims(boot_nonce=refused["nonce"])
    desk.clock.advance(timedelta(seconds=599))
    desk.send(desk.signed(echo))
    assert desk.answers()[0][0]["status"] == "succeeded"

    desk.clock.advance(timedelta(seconds=1))
    desk.send(desk.signed(desk.claims(boot_nonce=refused["nonce"])))
    assert refusal(desk) == "nonce-expired"


def test_what_was_accepted_is_on_disk_before_it_is_executed(desk: Desk) -> None:
    desk.order("rebirth")

    assert desk.done == ["rebirth"]
    [kept] = desk.kept_when_executed
    assert json.loads(kept["command/key-1/c1"]) == {"name": "rebirth", "ctr": 1, "result": None}


def test_an_ack_waits_for_no_disk(desk: Desk) -> None:
    desk.send(desk.signed(desk.claims("ack", args={"alarm_id": "a1", "action": "registered"})), "a1", "ack")

    assert len(desk.done) == 1
    assert desk.kept_when_executed == [{}]


def test_the_keys_are_looked_at_before_each_message_and_while_none_comes(desk: Desk) -> None:
    token = desk.signed(desk.claims("rebirth"))
    desk.desk._look_at_keys = desk.tokens.clear
    desk.send(token, "rebirth")
    assert refusal(desk) == "bad-signature"

    desk.signed(desk.claims())
    desk.desk.run_once(0)
    assert desk.tokens == {}


def test_what_can_not_be_read_is_answered_with_the_digest_by_which_its_sender_knows_it(desk: Desk) -> None:
    desk.send(b"forged")

    [result], _ = desk.answers()
    assert (result["command_id"], result["output"]) == ("unknown", {"sha256": sha256(b"forged").hexdigest()})


def test_a_repeated_command_gets_its_first_result_and_is_not_executed_again(desk: Desk) -> None:
    token = desk.signed(desk.claims("rebirth"))
    desk.send(token, "rebirth")
    [first], _ = desk.answers()
    desk.send(token, "rebirth")
    [second], [event] = desk.answers()

    assert first == second
    assert desk.done == ["rebirth"]
    assert (event["kind"], event["severity"]) == ("command-repeated", "info")


def test_a_command_of_another_key_with_the_same_identifier_is_no_repetition(desk: Desk) -> None:
    claims = desk.claims("rebirth")
    desk.send(desk.signed(claims), "rebirth")
    desk.send(desk.signed(claims, kid="key-2"), "rebirth")

    assert desk.done == ["rebirth", "rebirth"]


def test_a_refused_command_does_not_use_up_its_counter(desk: Desk) -> None:
    refused = desk.claims("snapshot", ctr=2**62)
    desk.send(desk.signed(refused, role="technician"), "snapshot")
    desk.answers()
    desk.order("ping")

    assert desk.answers()[0][0]["status"] == "succeeded"


def test_a_flood_of_forgeries_is_answered_only_so_often(desk: Desk) -> None:
    for _ in range(50):
        desk.desk.receive(Received(IDENTITY.down("command", "ping"), b"forged", 6, retain=False))
        desk.desk.run_once(0)

    results, events = desk.answers()
    assert len(results) == len(events) < 50
    desk.clock.advance(timedelta(minutes=2))
    desk.send(b"forged")
    _, [event] = desk.answers()
    assert event["suppressed"] == 50 - len(events)


def test_a_flood_of_forgeries_does_not_stop_a_true_command(desk: Desk) -> None:
    for _ in range(50):
        desk.desk.receive(Received(IDENTITY.down("command", "ping"), b"forged", 6, retain=False))
        desk.desk.run_once(0)
    desk.answers()
    desk.order("ping")

    assert desk.answers()[0][0]["status"] == "succeeded"


@pytest.mark.parametrize(
    ("asked", "used"),
    [
        (RESULTS + "mine", RESULTS + "mine"),
        (IDENTITY.up("state"), RESULTS + "c1"),
        ("edge/v1/gp/other/kiosk-9/up/result/c1", RESULTS + "c1"),
        (RESULTS, RESULTS + "c1"),
        (RESULTS + "#", RESULTS + "c1"),
        (RESULTS + "+", RESULTS + "c1"),
        (RESULTS + "a/b", RESULTS + "c1"),
        (RESULTS + "a\0", RESULTS + "c1"),
        (None, RESULTS + "c1"),
    ],
)
def test_the_answer_goes_to_our_own_results_only(desk: Desk, asked: str | None, used: str) -> None:
    desk.send(desk.signed(desk.claims()), response_topic=asked, correlation_data=b"42")

    [message] = desk.messages()
    assert message.topic == used
    assert message.correlation_data == b"42"


def test_a_command_is_executed_though_the_disk_can_not_keep_its_counter(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.runtime.commands.handler._DISK_PATIENCE_S", 0.01)
    token = desk.signed(desk.claims("rebirth"))
    desk.desk.receive(Received(IDENTITY.down("command", "rebirth"), token, 7, retain=False))
    desk.desk.run_once(0)
    desk.desk.receive(Received(IDENTITY.down("command", "rebirth"), token, 7, retain=False))
    desk.desk.run_once(0)

    assert desk.done == ["rebirth"]


def test_more_messages_than_the_desk_can_hold_are_counted_and_not_read(desk: Desk) -> None:
    order = desk.signed(desk.claims("ping"))
    ping = Received(IDENTITY.down("command", "ping"), order, len(order), retain=False)
    for _ in range(1000):
        desk.desk.receive(ping)
    _, events = desk.answers()
    assert [event["kind"] for event in events] == ["command-flood"] * 20

    desk.clock.advance(timedelta(seconds=60))
    desk.desk.receive(ping)
    [event] = desk.answers()[1]
    assert event["suppressed"] == 1000 - 64 - 20


def test_a_topic_that_is_endless_is_repeated_only_so_far(desk: Desk) -> None:
    desk.send(b"nonsense", "x" * 60_000)

    [event] = desk.answers()[1]
    assert len(event["text"]) < 400
    assert len(event["detail"]["topic"]) == 256
