from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.core.events import TimeQuality
from agent.ports import MAX_RECEIVED_BYTES, Received
from agent.sim.clock import SimClock
from tests.support.desk import RESULTS, Desk, refusal
from tests.support.drafts import IDENTITY, open_outbox


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


def test_without_a_set_clock_a_command_must_echo_the_nonce(desk: Desk) -> None:
    desk.clock.set_quality(TimeQuality.UNSYNCED)
    desk.send(desk.signed(desk.claims()))
    assert refusal(desk) == "clock-unsynced"

    desk.send(desk.signed(desk.claims(boot_nonce="nonce")))
    assert desk.answers()[0][0]["status"] == "succeeded"


def test_counters_that_are_found_late_count_and_end_the_need_of_the_nonce(desk: Desk) -> None:
    desk.desk.take_up({}, known=False)
    desk.send(desk.signed(desk.claims()))
    assert refusal(desk) == "counters-unknown"

    desk.desk.take_up({"key-1": "50"}, known=True)
    desk.send(desk.signed(desk.claims(ctr=50)))
    assert refusal(desk) == "replayed"
    desk.send(desk.signed(desk.claims(ctr=51)))
    assert desk.answers()[0][0]["status"] == "succeeded"

    desk.desk.take_up({"key-1": "7"}, known=True)
    desk.send(desk.signed(desk.claims(ctr=51, cmd_id="another")))
    assert refusal(desk) == "replayed"


def test_a_kept_counter_that_is_no_number_is_not_taken_for_none(desk: Desk) -> None:
    desk.desk.take_up({"key-1": "garbage"}, known=True)
    desk.send(desk.signed(desk.claims()))

    assert refusal(desk) == "counters-unknown"


def test_the_counter_is_on_disk_before_the_command_is_executed(desk: Desk) -> None:
    desk.order("rebirth")

    assert desk.done == ["rebirth"]
    assert desk.kept_when_executed == [{"ctr/key-1": "1"}]


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


def test_a_command_that_is_replayed_after_a_restart_is_refused(tmp_path: Path) -> None:
    clock = SimClock()
    outbox = open_outbox(tmp_path / "store", clock)
    before = Desk(outbox, clock)
    claims = before.claims("rebirth")
    before.send(before.signed(claims), "rebirth")
    before.answers()
    outbox.close()

    again = open_outbox(tmp_path / "store", clock)
    after = Desk(again, clock)
    after.send(after.signed(claims), "rebirth")
    assert refusal(after) == "replayed"
    again.close()


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
    monkeypatch.setattr("agent.runtime.command_desk._DISK_PATIENCE_S", 0.01)
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
