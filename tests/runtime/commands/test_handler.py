import json
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from agent.contract.messages import Answer
from agent.contract.vocabulary import TimeQuality
from agent.core.facts import AckAnswer, AckVerdict
from agent.ports import MAX_RECEIVED_BYTES, Received
from agent.runtime.live.answers import LiveAnswer
from tests.support.command_rig import RESULTS, CommandRig, refusal
from tests.support.drafts import IDENTITY, alarm_data, body


def test_a_ping_is_answered_with_the_time(handler: CommandRig) -> None:
    handler.order("ping")

    [result], events = handler.answers()
    assert (result["status"], result["output"]["timeq"]) == ("succeeded", "synced")
    assert events == []


def test_an_ack_reaches_the_alarm(handler: CommandRig) -> None:
    claims = handler.claims("ack", args={"alarm_id": "a1", "action": "registered"})
    handler.send(handler.signed(claims), "a1", "ack")

    [ack] = handler.done
    assert (ack.alarm_id, ack.action, ack.answer.issuer) == ("a1", "registered", "centre")
    assert handler.answers()[0][0]["status"] == "succeeded"


def test_the_result_of_an_ack_names_the_alarm_its_stage_and_who_has_it(handler: CommandRig) -> None:
    sipho = Answer(issuer="pta", by="Sipho", at="2026-01-01T00:00:00.000Z")
    handler.alarm = alarm_data(stage="dispatched", held_by=sipho)
    args = {"alarm_id": "a1", "action": "dispatched", "by": "Thandi", "unit": "car 7"}
    handler.send(handler.signed(handler.claims("ack", args=args)), "a1", "ack")

    [ack] = handler.done
    assert (ack.answer.person, ack.answer.unit, ack.command) == (("centre", "Thandi"), "car 7", "centre/c1")
    [result], _ = handler.answers()
    assert (result["code"], result["text"]) == ("ok", "dispatched by Thandi (centre); Sipho (pta) has it")
    assert result["output"] == {
        "alarm_id": "a1",
        "action": "dispatched",
        "stage": "dispatched",
        "held_by": {"issuer": "pta", "by": "Sipho", "at": "2026-01-01T00:00:00.000Z"},
    }


@pytest.mark.parametrize(
    ("verdict", "action", "code", "text"),
    [
        ("taken", "take-over", "ok", "take-over by centre; pta has it"),
        ("taken", "closed", "ok", "closed by centre; pta had it"),
        ("already-registered", "registered", "already-registered", "registered by centre; pta has it already"),
        ("not-durable", "closed", "not-durable", "closed by centre; pta had it; not on its disk yet"),
    ],
)
def test_a_result_says_in_words_who_has_or_had_the_alarm(
    handler: CommandRig, verdict: AckVerdict, action: str, code: str, text: str
) -> None:
    handler.alarm = alarm_data(held_by=Answer(issuer="pta", at="2026-01-01T00:00:00.000Z"))
    handler.acknowledge = lambda ack: AckAnswer(verdict, handler.alarm)  # type: ignore[method-assign]
    claims = handler.claims("ack", args={"alarm_id": "a1", "action": action})
    handler.send(handler.signed(claims), "a1", "ack")

    [result], _ = handler.answers()
    assert (result["status"], result["code"]) == ("succeeded", code)
    assert result["text"].startswith(text)


def test_an_ack_of_an_alarm_that_is_not_open_fails(handler: CommandRig) -> None:
    claims = handler.claims("ack", args={"alarm_id": "a2", "action": "closed"})
    handler.send(handler.signed(claims), "a2", "ack")

    [result], _ = handler.answers()
    assert (result["status"], result["code"]) == ("failed", "unknown-alarm")
    assert result["output"] == {"alarm_id": "a2", "action": "closed"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aud": IDENTITY.device}, "wrong-audience"),
        ({"iss": "somebody"}, "wrong-issuer"),
        ({"exp": 0, "iat": 0}, "expired"),
        ({"name": "update"}, "unknown-command"),
        ({"name": "identify"}, "wrong-topic"),
        ({"args": {"now": 1}}, "bad-arguments"),
        ({"ctr": -1}, "malformed"),
        ({"cmd_id": "../x"}, "malformed"),
        ({"iat": 10**400, "exp": 10**400}, "malformed"),
        ({"iat": -(10**400), "exp": -(10**400)}, "malformed"),
    ],
)
def test_claims_that_do_not_hold_are_refused_and_told(handler: CommandRig, changes: dict[str, Any], code: str) -> None:
    handler.send(handler.signed(handler.claims(**changes)))

    assert refusal(handler) == code


def test_what_nobody_signed_is_refused(handler: CommandRig) -> None:
    handler.send(b"forged")

    assert refusal(handler) == "bad-signature"


def test_a_retained_command_is_refused_unread(handler: CommandRig) -> None:
    handler.send(handler.signed(handler.claims()), retain=True)

    assert refusal(handler) == "retained"


def test_a_command_that_is_too_large_is_refused_unread(handler: CommandRig) -> None:
    handler.send(handler.signed(handler.claims()), size=MAX_RECEIVED_BYTES + 1)

    assert refusal(handler) == "too-large"


def test_a_role_is_held_to_what_it_may(handler: CommandRig) -> None:
    handler.send(handler.signed(handler.claims("snapshot"), role="technician"), "snapshot")

    assert refusal(handler) == "not-permitted"


def test_without_a_set_clock_a_command_must_echo_a_nonce_that_a_message_has_carried_lately(handler: CommandRig) -> None:
    handler.clock.set_quality(TimeQuality.UNSYNCED)
    handler.send(handler.signed(handler.claims()))
    [refused] = [body(message) for message in handler.messages() if message.topic.startswith(RESULTS)]
    assert refused["data"]["code"] == "clock-unsynced"

    # The refusal itself carries the nonce, so whoever has heard nothing else can answer.
    echo = handler.claims(boot_nonce=refused["nonce"])
    handler.clock.advance(timedelta(seconds=599))
    handler.send(handler.signed(echo))
    assert handler.answers()[0][0]["status"] == "succeeded"

    handler.clock.advance(timedelta(seconds=1))
    handler.send(handler.signed(handler.claims(boot_nonce=refused["nonce"])))
    assert refusal(handler) == "nonce-expired"


def test_what_was_accepted_is_on_disk_before_it_is_executed(handler: CommandRig) -> None:
    handler.order("rebirth")

    assert handler.done == ["rebirth"]
    [kept] = handler.kept_when_executed
    assert json.loads(kept["command/key-1/c1"]) == {"name": "rebirth", "ctr": 1, "result": None}


def test_an_ack_waits_for_no_disk(handler: CommandRig) -> None:
    handler.send(handler.signed(handler.claims("ack", args={"alarm_id": "a1", "action": "registered"})), "a1", "ack")

    assert len(handler.done) == 1
    assert handler.kept_when_executed == [{}]


def test_the_keys_are_looked_at_before_each_message_and_while_none_comes(handler: CommandRig) -> None:
    token = handler.signed(handler.claims("rebirth"))
    handler.tick = handler.tokens.clear  # type: ignore[method-assign]
    handler.send(token, "rebirth")
    assert refusal(handler) == "bad-signature"

    handler.signed(handler.claims())
    handler.handler.run_once(0)
    assert handler.tokens == {}


def test_what_can_not_be_read_is_answered_with_the_digest_by_which_its_sender_knows_it(handler: CommandRig) -> None:
    handler.send(b"forged")

    [result], _ = handler.answers()
    assert (result["command_id"], result["output"]) == ("unknown", {"sha256": sha256(b"forged").hexdigest()})


def test_a_repeated_command_gets_its_first_result_and_is_not_executed_again(handler: CommandRig) -> None:
    token = handler.signed(handler.claims("rebirth"))
    handler.send(token, "rebirth")
    [first], _ = handler.answers()
    handler.send(token, "rebirth")
    [second], [event] = handler.answers()

    assert first == second
    assert handler.done == ["rebirth"]
    assert (event["kind"], event["severity"]) == ("command-repeated", "info")


def test_a_command_of_another_key_with_the_same_identifier_is_no_repetition(handler: CommandRig) -> None:
    claims = handler.claims("rebirth")
    handler.send(handler.signed(claims), "rebirth")
    handler.send(handler.signed(claims, kid="key-2"), "rebirth")

    assert handler.done == ["rebirth", "rebirth"]


def test_a_refused_command_does_not_use_up_its_counter(handler: CommandRig) -> None:
    refused = handler.claims("snapshot", ctr=2**62)
    handler.send(handler.signed(refused, role="technician"), "snapshot")
    handler.answers()
    handler.order("ping")

    assert handler.answers()[0][0]["status"] == "succeeded"


def test_a_flood_of_forgeries_is_answered_only_so_often(handler: CommandRig) -> None:
    for _ in range(50):
        handler.handler.receive(Received(IDENTITY.down("command", "ping"), b"forged", 6, retain=False))
        handler.handler.run_once(0)

    results, events = handler.answers()
    assert len(results) == len(events) < 50
    handler.clock.advance(timedelta(minutes=2))
    handler.send(b"forged")
    _, [event] = handler.answers()
    assert event["suppressed"] == 50 - len(events)


def test_a_flood_of_forgeries_does_not_stop_a_true_command(handler: CommandRig) -> None:
    for _ in range(50):
        handler.handler.receive(Received(IDENTITY.down("command", "ping"), b"forged", 6, retain=False))
        handler.handler.run_once(0)
    handler.answers()
    handler.order("ping")

    assert handler.answers()[0][0]["status"] == "succeeded"


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
def test_the_answer_goes_to_our_own_results_only(handler: CommandRig, asked: str | None, used: str) -> None:
    handler.send(handler.signed(handler.claims()), response_topic=asked, correlation_data=b"42")

    [message] = handler.messages()
    assert message.topic == used
    assert message.correlation_data == b"42"


def test_a_command_is_executed_though_the_disk_can_not_keep_its_counter(
    handler: CommandRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.runtime.commands.handler._DISK_PATIENCE_S", 0.01)
    token = handler.signed(handler.claims("rebirth"))
    handler.handler.receive(Received(IDENTITY.down("command", "rebirth"), token, 7, retain=False))
    handler.handler.run_once(0)
    handler.handler.receive(Received(IDENTITY.down("command", "rebirth"), token, 7, retain=False))
    handler.handler.run_once(0)

    assert handler.done == ["rebirth"]


def test_more_messages_than_the_desk_can_hold_are_counted_and_not_read(handler: CommandRig) -> None:
    order = handler.signed(handler.claims("ping"))
    ping = Received(IDENTITY.down("command", "ping"), order, len(order), retain=False)
    for _ in range(1000):
        handler.handler.receive(ping)
    _, events = handler.answers()
    assert [event["kind"] for event in events] == ["command-flood"] * 20

    handler.clock.advance(timedelta(seconds=60))
    handler.handler.receive(ping)
    [event] = handler.answers()[1]
    assert event["suppressed"] == 1000 - 64 - 20


def test_a_topic_that_is_endless_is_repeated_only_so_far(handler: CommandRig) -> None:
    handler.send(b"nonsense", "x" * 60_000)

    [event] = handler.answers()[1]
    assert len(event["text"]) < 400
    assert len(event["detail"]["topic"]) == 256


def test_a_look_is_ordered_by_the_holder_of_the_key_and_for_the_person_that_is_named(handler: CommandRig) -> None:
    handler.order("live-start", reason="who is it?", by="Thandi", lease_s=20)
    handler.order("live-stop", live="01a21900-ec59-7166-aa19-e977f7ba48ae")
    handler.live_answer = LiveAnswer("not-yours", "that is a look of another")
    handler.order("live-stop", live="01a21900-ec59-7166-aa19-e977f7ba48ae")

    results, _ = handler.answers()
    assert [(each["status"], each["code"]) for each in results] == [("succeeded", "ok")] * 2 + [("failed", "not-yours")]
    assert [(said[2].issuer, said[2].by, said[2].role) for said in handler.done] == [
        ("centre", "Thandi", "operator"),
        ("centre", None, "operator"),
        ("centre", None, "operator"),
    ]
    assert handler.done[0][1].lease_s == 20


@pytest.mark.parametrize("spoilt", [{"lease_s": 301}, {"lease_s": 4}, {"fps": 6}, {"reason": ""}, {"reason": "a\nb"}])
def test_a_look_that_is_too_long_too_fast_or_without_a_reason_is_refused(
    handler: CommandRig, spoilt: dict[str, Any]
) -> None:
    handler.order("live-start", **{"reason": "why", **spoilt})
    assert refusal(handler) == "bad-arguments"
