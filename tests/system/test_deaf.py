"""Nobody may keep acks from a kiosk: deploy's broker, its logins, and messages of every size around the limits."""

import itertools
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from agent.trust.paho_bounded import KEPT_PACKET_BYTES, MAXIMUM_PACKET_BYTES
from agent.trust.tls_context import TlsFiles
from edge_centre.library import Centre as Library
from edge_centre.library import NewMessage
from tests.support.agent_process import REPOSITORY, TREE, USER, AgentProcess
from tests.support.centre import Centre
from tests.support.certificates import BrokerAuthorities
from tests.support.mosquitto import CENTRE, DEPLOYED, Mosquitto
from tests.support.subscriber import Subscriber
from tests.support.wait import wait_for

LOGINS = (("thandi", "correct horse battery"), ("sipho", "battery horse correct"))
OTHER = USER.replace("0042", "0043")
ACKS = 100
TOPIC = f"{TREE}/down/ack/x"
V5, V3 = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311


def broker_limit() -> int:
    """What deploy's broker takes at most: of a packet, its first byte and what comes after its length."""
    found = re.search(r"^max_packet_size (\d+)$", (DEPLOYED / "edge-agent.conf").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


def payloads(topic: str, qos: int, *, is_5: bool) -> list[bytes]:
    """The largest that pass, and a little less: with their packet's header, all sizes around the broker's limit."""
    beside = 1 + 2 + len(topic) + (2 if qos else 0) + is_5
    return [bytes(broker_limit() - beside - less) for less in range(6)]


@contextmanager
def bombardment(*senders: Subscriber, topic: str, versions: tuple[MQTTProtocolVersion, ...]) -> Iterator[list[int]]:
    """Each sends one message after the other, of each size and QoS; the list counts them."""
    end, sent = threading.Event(), [0]

    def run(sender: Subscriber, is_5: bool) -> None:
        if is_5:
            sender.publish(f"{topic}{'x' * (65_000 - len(topic))}", b"", alias=1)
        for qos in itertools.cycle((1, 2, 0, 1)):
            for payload in payloads(topic, qos, is_5=is_5):
                if end.is_set():
                    return
                sender.publish(topic, payload, qos=qos)
                if is_5:  # to the kiosk it goes with the whole topic, and so is 65,000 bytes larger
                    sender.publish("", payload + bytes(len(topic) - 3), qos=qos, alias=1)
                sent[0] += 1

    threads = [
        threading.Thread(target=run, args=(sender, version == V5))
        for sender, version in zip(senders, versions, strict=True)
    ]
    for thread in threads:
        thread.start()
    try:
        yield sent
    finally:
        end.set()
        for thread in threads:
            thread.join()


@pytest.mark.long
def test_a_login_without_a_key_does_not_make_a_kiosk_deaf(tmp_path: Path, authorities: BrokerAuthorities) -> None:
    files = authorities.device(USER)
    with (
        Mosquitto(tmp_path / "broker", authorities=authorities, logins=dict(LOGINS)) as broker,
        Centre(broker.centre_port, host="localhost", files=authorities.centre(CENTRE)) as centre,
        AgentProcess(tmp_path / "kiosk", broker.url, mqtt=files.mqtt) as agent,
        Subscriber(broker.web_port, web=True, login=LOGINS[0]) as login,
        Subscriber(broker.web_port, web=True, login=LOGINS[1], protocol=V3) as old_login,
        Subscriber(broker.centre_port, host="localhost", files=authorities.centre(CENTRE)) as other_centre,
    ):
        agent.press()
        alarm_id = centre.wait_for_alarm("updated", stage="sent").data["alarm_id"]
        with bombardment(login, old_login, other_centre, topic=TOPIC, versions=(V5, V3, V5)) as sent:
            wait_for(lambda: sent[0] > 60, what="twenty messages of each of them", timeout_s=30)
            for number in range(ACKS):
                if number % 10 == 0:
                    agent.press()
                cmd_id = centre.acknowledge(alarm_id, agent.key)
                assert centre.result(cmd_id)["status"] == "succeeded", number
            assert agent.outputs()["green"] == "on"
            centre.wait_for(
                "security/command-rejected", lambda m: m.data["detail"]["code"] == "too-large", timeout_s=60
            )
        assert {m.data["state"] for m in centre.messages("state")} == {"online"}, "no connection has ended"
        assert "Dropping too large" not in broker.log()
    print(f"{sent[0]} messages that were too large, none of {ACKS} acks lost")


def test_a_stolen_kiosk_does_not_make_a_centre_deaf(tmp_path: Path, authorities: BrokerAuthorities) -> None:
    stolen, own = authorities.device(OTHER), authorities.centre(CENTRE)
    heard: list[str] = []

    def hear(notice: object) -> None:
        if isinstance(notice, NewMessage):
            heard.append(notice.message.topic)

    files = authorities.device(USER)
    with (
        Mosquitto(tmp_path / "broker", authorities=authorities) as broker,
        Library(
            [f"mqtts://localhost:{broker.centre_port}"], tls=TlsFiles(own.ca, own.cert, own.key), on_notice=hear
        ) as library,
        Subscriber(broker.port, host="localhost", files=stolen) as thief,
    ):
        library.await_connection()
        topic = f"edge/v1/{OTHER}/up/alarm/police"
        with bombardment(thief, topic=topic, versions=(V5,)) as sent:
            wait_for(lambda: sent[0] > 30, what="thirty messages that are too large", timeout_s=30)
            with AgentProcess(tmp_path / "kiosk", broker.url, mqtt=files.mqtt) as agent:
                agent.press()
                wait_for(lambda: f"{TREE}/up/alarm/police" in heard, what="the alarm at the centre")
        assert "Dropping too large" not in broker.log()


def test_what_a_stolen_kiosk_has_retained_comes_to_no_centre(tmp_path: Path) -> None:
    """It would come before what is new, and what the broker can't queue beside it the broker drops."""
    levels = ("event/x", "alarm/x", "security/x", "result/x", "health", "evidence", "alarms", "state", "meta")
    with Mosquitto(tmp_path / "broker") as broker, Subscriber(broker.port) as thief:
        for level in levels:
            thief.publish(f"edge/v1/{OTHER}/up/{level}", bytes(1000), retain=True)
        heard: list[str] = []
        with Library([broker.url], on_heard=lambda message: heard.append(message.topic.rpartition("/up/")[2])):
            wait_for(lambda: "meta" in heard, what="what a broker has kept of it")
            thief.publish(f"edge/v1/{OTHER}/up/event/x", bytes(1000))
            wait_for(lambda: "event/x" in heard, what="what it says now")
    assert sorted(heard) == ["alarms", "event/x", "meta", "state"]


def test_what_a_client_keeps_of_a_message_is_more_than_the_largest_that_the_broker_delivers() -> None:
    assert broker_limit() + 65_535 + 16 < KEPT_PACKET_BYTES


def test_a_subscriber_that_asks_for_what_the_contract_says_is_not_made_deaf() -> None:
    said = re.search(r"Maximum Packet Size to 1 MiB \(([\d,]+)\)", (REPOSITORY / "docs" / "contract.md").read_text())
    assert said is not None
    asked = int(said[1].replace(",", ""))
    assert broker_limit() + 65_535 + 16 < asked == MAXIMUM_PACKET_BYTES


def test_a_kiosk_notices_at_any_broker_that_no_ack_reaches_it_and_green_comes(tmp_path: Path) -> None:
    # One that takes far larger messages than a kiosk asks for, and so drops them for ever.
    with (
        Mosquitto(tmp_path / "broker", extra=["max_packet_size 4000000"]) as broker,
        Centre(broker.port) as centre,
        AgentProcess(tmp_path / "kiosk", broker.url) as agent,
        Subscriber(broker.port) as attacker,
    ):
        came = re.compile(f"Sending PUBLISH to [^ ]+ \\(.*'{TREE}/down/echo'")
        wait_for(lambda: came.search(broker.log()), what="an echo that has come back")
        agent.press()
        alarm_id = centre.wait_for_alarm("updated", stage="sent").data["alarm_id"]
        for _ in range(25):
            attacker.publish(TOPIC, bytes(MAXIMUM_PACKET_BYTES))
        assert broker.log().count("Dropping too large outgoing PUBLISH") >= 20
        began_s = time.monotonic()
        centre.acknowledge(alarm_id, agent.key)
        centre.wait_for("state", lambda m: m.data["state"] == "lost", timeout_s=15)
        took_s = time.monotonic() - began_s
        told = centre.wait_for("security/delivery-stopped", timeout_s=60)
        centre.result(centre.acknowledge(alarm_id, agent.key))
        agent.wait_for_outputs(green="on")
    assert took_s <= 10
    assert "took this device's echo, and has not delivered it for 3 s" in told.data["text"]


def test_what_somebody_has_retained_for_a_kiosk_costs_its_sim_card_nothing(tmp_path: Path) -> None:
    with (
        Mosquitto(tmp_path / "broker") as broker,
        Subscriber(broker.port) as login,
        Centre(broker.port) as centre,
    ):
        for level in (f"{kind}/{number}" for kind in ("ack", "command") for number in range(50)):
            login.publish(f"{TREE}/down/{level}", bytes(100_000), retain=True)
        login.publish(f"{TREE}/down/keys", b"is kept for it", retain=True)
        with AgentProcess(tmp_path / "kiosk", broker.url) as agent:
            centre.wait_for("security/command-rejected", lambda m: m.data["detail"]["topic"].endswith("/down/keys"))
            agent.press()
            alarm_id = centre.wait_for_alarm("updated", stage="sent").data["alarm_id"]
            centre.result(centre.acknowledge(alarm_id, agent.key))
            sent = re.findall(
                f"Sending PUBLISH to {re.escape(USER.replace('/', '.'))} .*'{TREE}/down/([^/']+)", broker.log()
            )
    assert sent.count("command") == 0
    assert sent.count("ack") == 1


def test_where_the_access_list_forbids_the_echo_it_is_reported_and_acks_come_as_ever(
    tmp_path: Path, authorities: BrokerAuthorities
) -> None:
    files = authorities.device(USER)
    with (
        Mosquitto(tmp_path / "broker", authorities=authorities) as broker,
        Centre(broker.centre_port, host="localhost", files=authorities.centre(CENTRE)) as centre,
    ):
        access = tmp_path / "broker" / "edge-agent" / "edge-agent.acl"
        whole = access.read_text()
        access.write_text(whole.replace("pattern write edge/v1/%u/down/echo\n", ""))
        broker.reload()
        with AgentProcess(tmp_path / "kiosk", broker.url, mqtt=files.mqtt) as agent:
            part = centre.wait_for("event/part-degraded", lambda m: m.data["part"] == "echo").data["detail"]
            assert part.endswith(
                "it refuses this device's echo (not authorized); acks that stop arriving would go unnoticed: "
                f"allow {TREE}/down/echo"
            )
            agent.press()
            alarm_id = centre.wait_for_alarm("updated", stage="sent").data["alarm_id"]
            centre.result(centre.acknowledge(alarm_id, agent.key))
            agent.wait_for_outputs(green="on")
            assert {m.data["state"] for m in centre.messages("state")} == {"online"}
