"""Brokers that a site has set up wrongly, or that can't do what they should: a press arrives all the same."""

import queue
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from agent.adapters.paho_broker import PahoBroker
from agent.adapters.tls_context import TlsFiles
from agent.centre import HoleFilled, HoleFound, NewMessage, Presence
from agent.core.errors import MessageRefused
from agent.ports import OutgoingMessage
from tests.campaigns.brokers.cluster import Cluster, control
from tests.campaigns.brokers.sites import KINDS
from tests.support.agent_process import TREE, AgentProcess
from tests.support.broker_events import connected
from tests.support.centre import Centre
from tests.support.certificates import BrokerAuthorities
from tests.support.mosquitto import CENTRE, Mosquitto
from tests.support.two_paths import PATIENT
from tests.support.wait import PATIENCE_S, wait_for
from tests.system.test_centre_library import Watching

needs_rabbitmq = pytest.mark.skipif(bool(KINDS["rabbitmq"].missing()), reason="there is no RabbitMQ here")
pytestmark = pytest.mark.timeout(300)
SMALL = 32 * 1024
CAP_S = 1


@needs_rabbitmq
def test_a_press_leaves_a_rabbitmq_whose_disk_is_full(tmp_path: Path) -> None:
    """It blocks whoever publishes, and tells no MQTT client: it acknowledges nothing, and lets nobody in."""
    with Cluster(tmp_path, 1) as cluster, Mosquitto(tmp_path / "second") as second, Centre(second.port) as there:
        [node] = cluster.nodes
        with AgentProcess(tmp_path / "kiosk", node.url, second.url, mqtt=PATIENT) as agent:
            wait_for(lambda: f"connected to {node.url}" in agent.log(), what="the first path")
            control(node, "set_disk_free_limit", "10000GB")
            agent.press()
            there.wait_for_alarm("raised")
            assert f"{node.url} acknowledges nothing" in agent.log()
            agent.kill()
            agent.start()
            agent.press()
            there.wait_for_alarm("updated", press_count=2)
            wait_for(lambda: f"no connection to {node.url}" in agent.log(), what="a word about the first path")


@needs_rabbitmq
def test_what_a_short_session_has_lost_is_replayed(tmp_path: Path) -> None:
    with Cluster(tmp_path, 1, [f"mqtt.max_session_expiry_interval_seconds = {CAP_S}"]) as cluster:
        [node] = cluster.nodes
        with AgentProcess(tmp_path / "kiosk", node.url) as agent:
            with Watching(node.url, session="wall-display", key=agent.key) as watching:
                watching.presence(Presence.ONLINE)
                marks = watching.centre.marks()
            gone_s = time.monotonic() + 3 * CAP_S
            wait_for(lambda: time.monotonic() > gone_s)
            with Centre(node.port) as somebody:
                agent.press()
                somebody.wait_for_alarm("updated", stage="sent")
            with Watching(node.url, session="wall-display", key=agent.key, marks=marks) as watching:
                hole = watching.next(HoleFound)
                for number in range(hole.first, hole.last + 1):
                    assert watching.next(HoleFilled).number == number
                told = [each.message.envelope.type for each in watching.seen if isinstance(each, NewMessage)]
                assert "edge.alarm.raised.v1" in told


@pytest.mark.parametrize("broker", ["mosquitto", pytest.param("rabbitmq", marks=needs_rabbitmq)])
def test_a_picture_is_too_large_for_a_broker_and_an_alarm_is_not(tmp_path: Path, broker: str) -> None:
    """Who sends too much would lose the connection; both say their limit, and the agent keeps to it."""
    with ExitStack() as stack:
        if broker == "mosquitto":
            mosquitto = stack.enter_context(Mosquitto(tmp_path / "broker", extra=[f"max_packet_size {SMALL}"]))
            url, port = mosquitto.url, mosquitto.port
        else:
            settings = [f"mqtt.max_packet_size_authenticated = {SMALL}"]
            [node] = stack.enter_context(Cluster(tmp_path, 1, settings)).nodes
            url, port = node.url, node.port
        camera = PahoBroker("camera")
        connected(camera, url)
        stack.callback(camera.disconnect)
        with pytest.raises(MessageRefused, match=f"more than the {SMALL}"):
            camera.publish(OutgoingMessage(f"{TREE}/up/snapshot/p1", bytes(SMALL)))
        centre = stack.enter_context(Centre(port))
        agent = stack.enter_context(AgentProcess(tmp_path / "kiosk", url))
        agent.press()
        centre.wait_for_alarm("updated", stage="sent")


@needs_rabbitmq
def test_what_a_broker_does_not_keep_is_asked_for(tmp_path: Path) -> None:
    """It takes retained messages and drops them. A centre that comes later learns of an open alarm by `rebirth`."""
    settings = ["mqtt.retained_message_store = rabbit_mqtt_retained_msg_store_noop"]
    with Cluster(tmp_path, 1, settings) as cluster, AgentProcess(tmp_path / "kiosk", cluster.nodes[0].url) as agent:
        agent.press()
        wait_for(lambda: "sent, presses 1" in agent.log(), what="the press at the broker")
        with Watching(cluster.nodes[0].url, key=agent.key) as watching:
            watching.presence(Presence.ONLINE)
            assert wait_for(watching.centre.open_alarms)[0].data.press_count == 1


def test_a_broker_that_allows_nothing_retained_gets_the_press_and_the_will(tmp_path: Path) -> None:
    """It refuses the connection for a retained will; the second try has one that is not."""
    with (
        Mosquitto(tmp_path / "broker", extra=["retain_available false"]) as broker,
        Centre(broker.port) as centre,
        AgentProcess(tmp_path / "kiosk", broker.url) as agent,
    ):
        agent.press()
        centre.wait_for_alarm("updated", stage="sent")
        agent.kill()
        centre.wait_for("state", lambda m: m.data["state"] == "lost")


def test_two_tools_that_a_broker_gives_one_client_id_throw_each_other_out_and_are_told_why(tmp_path: Path) -> None:
    """They share a certificate, after which the broker names them. Both come back, and miss no alarm."""
    authorities = BrokerAuthorities.create(tmp_path)
    renames = ["use_username_as_clientid true"]
    with ExitStack() as stack:
        broker = stack.enter_context(Mosquitto(tmp_path / "broker", authorities=authorities, extra=renames))
        own = authorities.centre(CENTRE)
        url, tls = f"mqtts://localhost:{broker.centre_port}", TlsFiles(own.ca, own.cert, own.key)
        links: queue.SimpleQueue[tuple[str, bool, str]] = queue.SimpleQueue()
        device = authorities.device("gp/jhb-park-station/kiosk-0042")
        files = {"ca_file": str(device.ca), "cert_file": str(device.cert), "key_file": str(device.key)}
        agent = AgentProcess(tmp_path / "kiosk", broker.url, mqtt=files)
        wall = stack.enter_context(Watching(url, tls=tls, key=agent.key, on_link=lambda *link: links.put(link)))
        desk = stack.enter_context(Watching(url, tls=tls, key=agent.key))
        wait_for(lambda: "taken over" in links.get(timeout=PATIENCE_S)[2].lower(), what="the reason")
        stack.enter_context(agent)
        agent.press()
        for each in (wall, desk):
            each.stage("sent")
