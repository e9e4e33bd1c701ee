"""What a resident sees and the centre hears when nobody answers, through crashes, tests and outages."""

from pathlib import Path

from agent.trust.jose_keys import PrivateKey, sign
from edge_centre.key_files import make_key
from tests.support.agent_process import LIGHTS, AgentProcess
from tests.support.centre import Centre
from tests.support.mosquitto import Mosquitto
from tests.support.wait import wait_for

HASTY = {"delayed_after_s": 0.4, "unconfirmed_after_s": 0.8, "repeat_after_s": 1.0, "raise_again_after_s": 1.0}
CALLED = {"yellow": "on", "green": "off", "beacon": "flash", "tone": "off"}
UNANSWERED = {"yellow": "fast-flash", "green": "off", "beacon": "flash", "tone": "on"}
ANSWERED = {"yellow": "on", "green": "on", "beacon": "flash", "tone": "off"}
ALTERNATING = {"yellow": "alternate", "green": "alternate", "beacon": "off", "tone": "off"}
AT_REST = {"yellow": "off", "green": "off", "beacon": "steady", "tone": "off"}
BUTTONS = [{"name": "police", "pin": 17, "debounce_ms": 0}, {"name": "clinic", "pin": 24, "debounce_ms": 0}]


def test_an_alarm_that_nobody_answers_grows_louder_is_told_again_and_survives_a_kill(
    tmp_path: Path, broker: Mosquitto
) -> None:
    with Centre(broker.port) as centre, AgentProcess(tmp_path / "kiosk", broker.url, alarm=HASTY) as agent:
        agent.press()
        alarm_id = centre.wait_for_alarm("updated", stage="delayed").data["alarm_id"]
        agent.wait_for_outputs(**UNANSWERED)
        centre.wait_for_alarm("updated", stage="unconfirmed", repeats=1)
        agent.kill()
        agent.start()
        assert agent.outputs() == UNANSWERED
        told = centre.wait_for_alarm("updated", stage="unconfirmed", repeats=2)

        assert told.data["alarm_id"] == alarm_id
        assert told.data["status"] == "exercise"
        latency = told.data["latency_ms"]
        assert latency["delayed"] >= 400
        assert latency["unconfirmed"] >= 800
        assert [m.data["alarm_id"] for m in centre.messages("alarm/") if m.type == "edge.alarm.raised.v1"] == [alarm_id]


def test_an_answered_alarm_that_is_not_closed_comes_back_until_it_is(tmp_path: Path, broker: Mosquitto) -> None:
    with Centre(broker.port) as centre, AgentProcess(tmp_path / "kiosk", broker.url, alarm=HASTY) as agent:
        agent.press()
        alarm_id = centre.wait_for_alarm().data["alarm_id"]
        centre.acknowledge(alarm_id, agent.key)
        agent.wait_for_outputs(**ANSWERED)
        centre.wait_for_alarm("updated", alarm_id=alarm_id, stage="raised", reraised=1)
        agent.wait_for_outputs(green="off", beacon="flash")
        centre.acknowledge(alarm_id, agent.key, "closed")
        closed = centre.wait_for_alarm("closed", alarm_id=alarm_id)

        assert closed.data["reraised"] == 1
        agent.wait_for_outputs(**AT_REST)
        newest = max(centre.messages("alarms"), key=lambda m: m.seq)
        centre.wait_for("alarms", lambda m: m.seq >= newest.seq and m.data["open"] == [])


def test_an_alarm_to_which_somebody_was_sent_waits_longer_and_then_says_who_to_the_close_through_a_kill(
    tmp_path: Path, broker: Mosquitto
) -> None:
    slow = {**HASTY, "raise_again_after_s": 1.0, "raise_dispatched_after_s": 3.0}
    with Centre(broker.port) as centre, AgentProcess(tmp_path / "kiosk", broker.url, alarm=slow) as agent:
        agent.press()
        alarm_id = centre.wait_for_alarm().data["alarm_id"]
        args = {"alarm_id": alarm_id, "action": "dispatched", "by": "Thandi", "unit": "car 7"}
        centre.acknowledge(alarm_id, agent.key, args=args)
        sent = centre.wait_for_alarm("updated", stage="dispatched")
        agent.wait_for_outputs(green="slow-pulse")
        agent.kill()
        agent.start()
        again = centre.wait_for_alarm("updated", stage="raised", reraised=1)

        assert again.monoms >= sent.data["raises_again_monoms"] > sent.monoms + 2_900
        assert again.data["sent_before"] == sent.data["answered_by"]["dispatched"]
        assert again.data["answered_by"] == {}
        agent.wait_for_outputs(green="off")
        agent.kill()
        agent.start()
        wait_for(lambda: starts(centre) == 3, what="the third start: an ack echoes what that says")
        centre.acknowledge(alarm_id, agent.key, "closed")
        closed = centre.wait_for_alarm("closed", alarm_id=alarm_id)
        assert closed.data["sent_before"] == again.data["sent_before"]


def test_in_test_mode_a_press_is_a_test_and_the_next_one_after_it_is_not(tmp_path: Path, broker: Mosquitto) -> None:
    agent = AgentProcess(tmp_path / "kiosk", broker.url, buttons=BUTTONS)
    technician = make_key("technician", agent.directory / "keys")
    with Centre(broker.port) as centre, agent:
        assert order_test_mode(centre, technician, seconds=600)["status"] == "succeeded"
        agent.wait_for_outputs(yellow="slow-pulse", green="slow-pulse", beacon="steady")
        agent.press()
        tested = centre.wait_for_alarm(status="test").data["alarm_id"]
        agent.wait_for_outputs(**CALLED)
        assert order_test_mode(centre, technician, seconds=0)["status"] == "succeeded"
        assert order_test_mode(centre, agent.key, seconds=600)["code"] == "not-permitted"
        agent.press()
        meant = centre.wait_for_alarm(status="exercise").data["alarm_id"]

        assert meant != tested
        assert order_test_mode(centre, technician, seconds=600)["code"] == "alarm-open"
        snapshot = centre.wait_for("alarms", lambda m: len(m.data["open"]) == 2)
        assert {alarm["status"] for alarm in snapshot.data["open"]} == {"test", "exercise"}
        for kind in ("test-mode-began", "test-mode-ended"):
            centre.wait_for(f"security/{kind}")


def test_an_alarm_of_another_button_ends_test_mode(tmp_path: Path, broker: Mosquitto) -> None:
    agent = AgentProcess(tmp_path / "kiosk", broker.url, buttons=BUTTONS)
    technician = make_key("technician", agent.directory / "keys")
    with Centre(broker.port) as centre, agent:
        assert order_test_mode(centre, technician, seconds=600, input="police")["status"] == "succeeded"
        assert order_test_mode(centre, technician, seconds=600, input="nobody")["code"] == "unknown-input"
        agent.press("clinic")
        centre.wait_for_alarm(input="clinic", status="exercise")
        centre.wait_for("security/test-mode-ended")
        agent.press("police")
        centre.wait_for_alarm(input="police", status="exercise")


def test_a_kiosk_without_an_uplink_says_that_it_is_out_of_service_and_still_takes_a_press(
    tmp_path: Path, broker: Mosquitto
) -> None:
    broker.stop()
    service = {"out_of_service_after_s": 1.0}
    with AgentProcess(tmp_path / "kiosk", broker.url, service=service, lights=LIGHTS) as agent:
        agent.wait_for_outputs(**ALTERNATING)
        agent.press()
        assert agent.outputs() == CALLED
        broker.start()
        with Centre(broker.port) as centre:
            centre.wait_for("event/out-of-service", lambda m: m.data["reasons"] == ["no-uplink"], timeout_s=30)
            centre.wait_for("event/in-service", timeout_s=30)
            raised = centre.wait_for_alarm()
            centre.acknowledge(raised.data["alarm_id"], agent.key, "closed")
            agent.wait_for_outputs(**AT_REST)
            centre.wait_for("health", lambda m: m.data["parts"]["service"]["state"] == "ok")


def starts(centre: Centre) -> int:
    """How many starts of the agent the centre has heard of."""
    return len({message.data["boot_nonce"] for message in centre.messages("state")})


def order_test_mode(centre: Centre, key: PrivateKey, **args: object) -> dict[str, object]:
    """Send the command and wait for its result."""
    claims = centre.ack_claims("", key, name="test-mode", args=args)
    centre.send("command/test-mode", sign(claims, key))
    return centre.result(str(claims["cmd_id"]))
