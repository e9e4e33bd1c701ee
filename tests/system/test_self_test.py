"""The self-test of the whole agent: real brokers, simulated pins, and a centre's program that answers."""

import subprocess
from pathlib import Path
from typing import Any

from tests.support.agent_process import BUTTON, AgentProcess, start_cli
from tests.support.centre import Centre, Message
from tests.support.mosquitto import Mosquitto
from tests.support.wait import wait_for

SOON = {"after_start_s": 1, "centre_ack": True}
WHEN_ORDERED = {"enabled": False, "centre_ack": True}
"""A signed command begins a test in any case."""


def steps(event: Message) -> dict[str, bool]:
    return {step["name"]: step["ok"] for step in event.data["steps"]}


def order(agent: AgentProcess) -> "subprocess.Popen[str]":
    """`edge-centre command self-test`, under way."""
    words = ("command", "--config", agent.config, "self-test", "--key", agent.key_file, "--timeout", "60")
    return start_cli(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def said(process: "subprocess.Popen[str]") -> str:
    output, errors = process.communicate(timeout=60)
    return output + errors


def test_a_new_kiosk_tests_itself_end_to_end_and_a_centres_program_answers(tmp_path: Path, broker: Mosquitto) -> None:
    agent = AgentProcess(tmp_path / "kiosk", broker.url, self_test=SOON)
    watch = ("watch", "--config", agent.config, "--as-centre", "jhb", "--answer-tests", "--key", agent.key_file)
    answerer = start_cli(*watch, stdout=subprocess.PIPE)
    try:
        wait_for(lambda: "SUBACK to centre-" in broker.log(), what="a centre that answers")
        with Centre(broker.port) as centre, agent:
            event = centre.wait_for("event/self-test", timeout_s=60)
            assert (event.data["outcome"], event.data["reason"]) == ("passed", "schedule")
            assert list(steps(event)) == ["inputs", "lights", "storage", "black-box", "uplink", "centre"]
            alarm = centre.messages("alarm/self-test")
            assert [m.type.split(".")[2] for m in alarm] == ["raised", "updated", "closed"]
            assert {m.data["status"] for m in alarm} == {"test"}
            assert alarm[0].data["codes"] == {"contact_id": "602", "sia": "RP"}
            assert {m.data["alarm_id"] for m in alarm} == {event.data["alarm_id"]}
            health = centre.wait_for("health", lambda m: m.data.get("self_test") is not None)
            assert (health.data["self_test"]["passed"], health.data["self_test"]["failed"]) == (True, [])
            assert health.data["parts"]["self-test"] == {"state": "ok"}
            assert all(m.data["open"] == [] for m in centre.messages("alarms")), "it is none of the open alarms"
            assert agent.outputs() == {"yellow": "off", "green": "off", "beacon": "steady", "tone": "off"}

            agent.kill()
            agent.start()
            again = centre.wait_for("health", lambda m: m.seq > event.seq and m.data["uptime_s"] > 3, timeout_s=30)
            assert again.data["self_test"]["time"] == health.data["self_test"]["time"]
            assert len(centre.messages("event/self-test")) == 1, "once a day, also when the agent starts again"
    finally:
        answerer.kill()
        answerer.communicate()


def test_an_ordered_test_that_no_centre_answers_fails_with_the_reason_and_the_kiosk_says_out_of_service(
    tmp_path: Path, broker: Mosquitto
) -> None:
    chosen = {"after_start_s": 3600, "centre_ack": True, "ack_within_s": 2}
    with (
        Centre(broker.port) as centre,
        AgentProcess(tmp_path / "kiosk", broker.url, self_test=chosen) as agent,
        order(agent) as command,
    ):
        event = centre.wait_for("event/self-test", timeout_s=60)
        assert (event.data["outcome"], event.data["reason"]) == ("failed", "command")
        assert [name for name, ok in steps(event).items() if not ok] == ["centre"]
        assert "no verified ack" in event.data["steps"][-1]["detail"]
        told = said(command)
        assert command.returncode == 1
        assert "self-test: failed (test-failed): failed: centre" in told
        assert centre.messages("alarm/self-test")[-1].type == "edge.alarm.closed.v1", "nobody need answer it any more"
        centre.wait_for("event/out-of-service", lambda m: m.data["reasons"] == ["self-test"])
        agent.wait_for_outputs(yellow="alternate", green="alternate", beacon="off")
        agent.press()
        agent.wait_for_outputs(yellow="on", beacon="flash")

        agent.kill()
        agent.start()
        centre.wait_for("event/out-of-service", lambda m: m.seq > event.seq + 1 and m.data["reasons"] == ["self-test"])


def test_a_press_ends_a_test_at_once(tmp_path: Path, broker: Mosquitto) -> None:
    with (
        Centre(broker.port) as centre,
        AgentProcess(tmp_path / "kiosk", broker.url, self_test=WHEN_ORDERED) as agent,
        order(agent) as command,
    ):
        centre.wait_for("alarm/self-test", timeout_s=60)
        agent.press()
        assert agent.outputs()["yellow"] == "on"
        event = centre.wait_for("event/self-test", timeout_s=60)
        assert event.data["outcome"] == "interrupted"
        assert "(interrupted)" in said(command)
        raised = centre.wait_for("alarm/police")
        assert (raised.data["status"], raised.data["press_count"]) == ("exercise", 1)
        agent.wait_for_outputs(yellow="on", green="off", beacon="flash")
        with order(agent) as another:
            assert "(alarm-open)" in said(another)


def test_the_path_that_is_not_in_use_is_tried_and_its_failure_is_told_but_the_kiosk_stays_in_service(
    tmp_path: Path, broker: Mosquitto
) -> None:
    unreachable = "mqtt://127.0.0.1:1"
    with (
        Centre(broker.port) as centre,
        AgentProcess(tmp_path / "kiosk", broker.url, unreachable) as agent,
        order(agent) as command,
    ):
        event = centre.wait_for("event/self-test", timeout_s=60)
        assert [name for name, ok in steps(event).items() if not ok] == ["path-2"]
        assert "centre" not in steps(event)
        said(command)
        health = centre.wait_for("health", lambda m: m.data["parts"].get("self-test", {}).get("state") == "degraded")
        assert "path-2" in health.data["parts"]["self-test"]["detail"]
        assert health.data["parts"]["service"] == {"state": "ok"}


def test_the_other_path_is_told_of_the_alarm_and_the_connection_in_use_stays(tmp_path: Path, broker: Mosquitto) -> None:
    """Even when both addresses lead to the same broker, which would end the older of two connections of one name."""
    with (
        Centre(broker.port) as centre,
        AgentProcess(tmp_path / "kiosk", broker.url, broker.url) as agent,
        order(agent) as command,
    ):
        event = centre.wait_for("event/self-test", timeout_s=60)
        assert event.data["outcome"] == "passed", event.data["steps"]
        assert command.wait(30) == 0
        assert [m.type.split(".")[2] for m in centre.messages("alarm/self-test")] == ["raised", "updated", "closed"]
        assert [m for m in centre.messages("state") if m.data["state"] != "online"] == []


def test_a_button_that_is_pressed_without_an_alarm_fails_the_test(tmp_path: Path, broker: Mosquitto) -> None:
    button: dict[str, Any] = {**BUTTON, "hold_s": 10.0, "stuck_after_s": 3600.0}  # no press for the first 10 s
    with (
        Centre(broker.port) as centre,
        AgentProcess(tmp_path / "kiosk", broker.url, buttons=[button]) as agent,
        order(agent) as command,
    ):
        agent.sim("hold", name="police")
        event = centre.wait_for("event/self-test", timeout_s=60)
        said(command)
        [wrong] = [step for step in event.data["steps"] if not step["ok"]]
        assert (wrong["name"], wrong["detail"]) == ("inputs", "police: pressed")
