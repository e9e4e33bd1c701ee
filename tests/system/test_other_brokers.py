"""Brokers that are older, stricter, or second choice."""

import json
import struct
import subprocess
from pathlib import Path
from random import Random
from typing import Any

from edge_centre.adapters.paho_centre import CentreConnection as Tool
from tests.campaigns.chaos.network import Conditions, Network
from tests.support.agent_process import FILES, TREE, USER, AgentProcess, run_cli
from tests.support.centre import Centre
from tests.support.fake_broker import MQTT5, Behaviour, FakeBroker, publish_header
from tests.support.mosquitto import Mosquitto
from tests.support.wait import wait_for

_PUBLISH = 3
_TOO_OLD = b"\0\x84\0"  # CONNACK of MQTT 5: unsupported protocol version


def test_a_broker_of_mqtt_3_1_1_gets_the_press_after_one_try_of_mqtt_5(tmp_path: Path) -> None:
    behaviour = Behaviour(connack=lambda level: _TOO_OLD if level == MQTT5 else b"\0\0")
    with FakeBroker(behaviour) as broker, AgentProcess(tmp_path, broker.url) as agent:
        agent.press()
        wait_for(lambda: published(broker, "alarm/police"), what="the alarm")
        assert broker.levels == [5, 4]
        topics = [topic for topic, _ in all_published(broker)]
        assert f"{TREE}/up/state" in topics
        # This broker's acknowledgement lights nothing either.
        wait_for(lambda: any(data(m)["stage"] == "sent" for m in published(broker, "alarm/police")), what="sent")
        assert agent.outputs()["green"] == "off"


def test_the_tools_of_the_centre_speak_3_1_1_where_a_broker_knows_no_better(tmp_path: Path, broker: Mosquitto) -> None:
    with Network(broker.port, Random(1)) as old:
        old.conditions = Conditions(refuses_5=True)
        with AgentProcess(tmp_path / "kiosk", old.url) as agent:
            wait_for(lambda: "with 3.1.1 (it refuses MQTT 5)" in agent.log(), what="a connection in MQTT 3.1.1")
            assert "as gp_jhb-park-station_kiosk-0042 " in broker.log(), "NATS takes no dots"
            watch = ("watch", "--config", agent.config, "--json", "--seconds", "3")
            agent.press()
            agent.wait_for_outputs(yellow="on")
            watched = run_cli(*watch)
            assert watched.stderr == ""
            heard = [json.loads(line) for line in watched.stdout.splitlines()]
            (told,) = [m["payload"]["data"]["open"] for m in heard if m["topic"] == f"{TREE}/up/alarms"]

            options = ("--config", agent.config, "--key", agent.key_file)
            acked = run_cli("ack", told[0]["alarm_id"], "--action", "registered", *options)
            assert acked.stdout.startswith("ack: succeeded"), acked.stderr
            assert agent.outputs()["green"] == "on"
            assert run_cli("command", "ping", *options).stdout.startswith("ping: succeeded")


def test_a_broker_that_hangs_up_on_mqtt_5_is_spoken_to_in_3_1_1_by_a_tool_too() -> None:
    with FakeBroker(Behaviour(close_on_connect=lambda level: level == MQTT5)) as broker:
        centre = Tool(broker.url)
        centre.open([f"{TREE}/up/#"])
        centre.publish(f"{TREE}/down/command/ping", b"x", expiry_s=60)
        centre.close()
        assert broker.levels == [5, 5, 4]


def test_a_broker_that_keeps_a_session_for_a_day_only_is_told_of() -> None:
    """One that says nothing grants what was asked for."""
    a_day = b"\0\0\x05\x11" + (24 * 3600).to_bytes(4)
    for connack, told in ((a_day, "it keeps our session for 86400 s, not for 1209600"), (b"\0\0\0", "Success")):
        links: list[tuple[bool, str]] = []
        with FakeBroker(Behaviour(connack=lambda _, said=connack: said)) as broker:  # type: ignore[misc]
            centre = Tool(broker.url, on_link=lambda up, why, said=links: said.append((up, why)), client_id="wall-1")  # type: ignore[misc]
            centre.open([f"{TREE}/up/#"])
            centre.close()
        assert links == [(True, told)]


def test_a_command_that_is_somewhat_too_large_is_refused_unread_and_the_connection_stands(tmp_path: Path) -> None:
    flood = publish_header(f"{TREE}/down/command/ping", 100 * 1024) + bytes(100 * 1024)
    behaviour = Behaviour(connack=lambda level: _TOO_OLD if level == MQTT5 else b"\0\0", after_suback=flood)
    with FakeBroker(behaviour) as broker, AgentProcess(tmp_path, broker.url) as agent:
        refused = wait_for(lambda: published(broker, "security/command-rejected"), what="a refusal")
        assert data(refused[0])["detail"]["code"] == "too-large"
        agent.press()
        wait_for(lambda: published(broker, "alarm/police"), what="the alarm")
        assert broker.levels == [5, 4], "it did not stay connected"


def test_a_refused_password_is_told_in_words_without_the_password_and_the_press_waits(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, USER, "right-secret"], check=True, timeout=10)
    extra = ["allow_anonymous false", f"password_file {passwords}"]
    with Mosquitto(tmp_path / "broker", extra=extra) as broker:
        kiosk = tmp_path / "kiosk"
        with AgentProcess(kiosk, broker.url, mqtt={"password": "wrong-secret"}) as agent:
            wait_for(lambda: "check [mqtt] password" in agent.log(), what="advice")
            agent.press()
            assert agent.outputs()["yellow"] == "on"
            assert "secret" not in agent.log()
            assert b"secret" not in Path(f"/proc/{agent.pid}/cmdline").read_bytes()
            text = agent.config.read_text()
            agent.kill()
            agent.config.write_text(text.replace("wrong-secret", "right-secret"))
            agent.start()
            wait_for(lambda: f"Received PUBLISH from {FILES}" in broker.log(), what="messages at the broker")
            wait_for(lambda: "sent, presses 1" in agent.log(), what="the press of before")
            wait_for(lambda: "up/security/broker-refused" in broker.log(), what="the security event")


def test_a_press_takes_the_second_broker_when_the_first_is_dead(tmp_path: Path, broker: Mosquitto) -> None:
    with (
        Centre(broker.port) as centre,
        AgentProcess(tmp_path / "kiosk", "mqtt://127.0.0.1:1", broker.url) as agent,
    ):
        agent.press()
        centre.wait_for_alarm("updated", stage="sent", timeout_s=20)


def test_a_broker_that_takes_everything_and_acknowledges_nothing_is_left_for_the_next(
    tmp_path: Path, broker: Mosquitto
) -> None:
    with (
        FakeBroker(Behaviour(puback=None)) as silent,
        Centre(broker.port) as centre,
        AgentProcess(tmp_path / "kiosk", silent.url, broker.url, mqtt={"alarm_timeout_s": 1}) as agent,
    ):
        agent.press()
        alarm = centre.wait_for_alarm("updated", stage="sent", timeout_s=20)
        raised = {m.id for m in centre.messages("alarm/") if m.type == "edge.alarm.raised.v1"}
        assert len(raised) == 1
        assert alarm.data["press_count"] == 1


def all_published(broker: FakeBroker) -> list[tuple[str, bytes]]:
    """Topic and payload of every PUBLISH of QoS 1 by a client of MQTT 3.1.1."""
    found = []
    for kind, body in list(broker.packets):
        if kind == _PUBLISH:
            (length,) = struct.unpack_from("!H", body)
            found.append((body[2 : 2 + length].decode(), body[2 + length + 2 :]))
    return found


def published(broker: FakeBroker, under: str) -> list[bytes]:
    return [payload for topic, payload in all_published(broker) if topic == f"{TREE}/up/{under}"]


def data(payload: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(payload)["data"]
    return found
