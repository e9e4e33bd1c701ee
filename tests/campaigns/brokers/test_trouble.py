"""Brokers that a site has set up wrongly, or that can't do what they should: a press arrives all the same."""

import queue
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from agent.adapters.paho_broker import PahoBroker
from agent.core.errors import MessageRefused
from agent.ports import OutgoingMessage
from agent.trust.tls_context import TlsFiles
from edge_centre.library import HoleFilled, HoleFound, NewMessage, Presence
from tests.campaigns.brokers.cluster import Cluster, Node, control
from tests.campaigns.brokers.sites import Nats, needs
from tests.support.agent_process import TREE, AgentProcess
from tests.support.broker_events import connected
from tests.support.centre import Centre
from tests.support.certificates import BrokerAuthorities
from tests.support.mosquitto import CENTRE, Mosquitto
from tests.support.subscriber import Subscriber
from tests.support.two_paths import PATIENT
from tests.support.wait import PATIENCE_S, wait_for
from tests.system.test_bad_disks import fill, small_disk
from tests.system.test_centre_library import Watching

pytestmark = pytest.mark.timeout(300)
SMALL = 32 * 1024
CAP_S = 1


@pytest.mark.parametrize("broker", [pytest.param(each, marks=needs(each)) for each in ("rabbitmq", "nats")])
def test_a_press_leaves_a_broker_whose_disk_is_full(tmp_path: Path, broker: str) -> None:
    """RabbitMQ blocks whoever publishes, and tells no MQTT client; NATS ends the connection. None lets anybody in."""
    with ExitStack() as stack:
        second = stack.enter_context(Mosquitto(tmp_path / "second"))
        there = stack.enter_context(Centre(second.port))
        fill_up: Callable[[], object]
        if broker == "rabbitmq":
            [node] = stack.enter_context(Cluster(tmp_path, 1)).nodes
            url, told = node.url, f"{node.url} acknowledges nothing"
            fill_up = partial(control, node, "set_disk_free_limit", "10000GB")
        else:
            nats = stack.enter_context(Nats(tmp_path / "nats", store="max_file_store: 1MB"))
            url, told, fill_up = nats.url, f"lost the connection to {nats.url}", partial(fill_nats, nats)
        agent = stack.enter_context(AgentProcess(tmp_path / "kiosk", url, second.url, mqtt=PATIENT))
        wait_for(lambda: f"connected to {url}" in agent.log(), what="the first path")
        fill_up()
        agent.press()
        there.wait_for_alarm("raised")
        assert told in agent.log()
        agent.kill()
        agent.start()
        agent.press()
        there.wait_for_alarm("updated", press_count=2)
        wait_for(lambda: f"no connection to {url}" in agent.log(), what="a word about the first path")


def fill_nats(nats: Nats) -> None:
    """With what waits for somebody who is away."""
    options: dict[str, Any] = {"protocol": MQTTProtocolVersion.MQTTv311}
    with Subscriber(nats.port, ["other/#"], client_id="away", persistent=True, **options):
        pass
    with suppress(AssertionError), Subscriber(nats.port, timeout_s=5, **options) as publisher:
        while True:
            publisher.publish("other/x", bytes(10_000))


@needs("rabbitmq")
def test_what_a_short_session_has_lost_is_replayed(tmp_path: Path) -> None:
    with Cluster(tmp_path, 1, [f"mqtt.max_session_expiry_interval_seconds = {CAP_S}"]) as cluster:
        [node] = cluster.nodes
        links: queue.SimpleQueue[tuple[str, bool, str]] = queue.SimpleQueue()

        def lose() -> None:
            assert f"keeps our session for {CAP_S} s" in links.get(timeout=PATIENCE_S)[2]
            gone_s = time.monotonic() + 3 * CAP_S
            wait_for(lambda: time.monotonic() > gone_s)

        assert_replayed(tmp_path, node, lose, on_link=lambda *link: links.put(link))


def test_what_a_mosquitto_with_a_full_disk_forgets_is_replayed(tmp_path: Path) -> None:
    """It goes on in memory, and says nothing but in its log; a restart takes away what it could not write."""
    with (
        small_disk(tmp_path / "broker" / "database", "size=1m") as disk,
        Mosquitto(tmp_path / "broker") as broker,
    ):
        assert_replayed(tmp_path, broker, lambda: fill(disk, 1), then=broker.restart)
        assert "No space left on device" in broker.log()


def assert_replayed(
    directory: Path,
    broker: Mosquitto | Node,
    lose: Callable[[], object],
    then: Callable[[], object] = lambda: None,
    **options: Any,
) -> None:
    """A press between `lose` and `then` is made while the centre is away; its session has lost it."""
    with AgentProcess(directory / "kiosk", broker.url) as agent:
        with Watching(broker.url, session="wall-display", key=agent.key, **options) as watching:
            marks = wait_for(lambda: {each: mark for each, mark in watching.centre.marks().items() if mark.number})
        lose()
        with Centre(broker.port) as somebody:
            agent.press()
            somebody.wait_for_alarm("updated", stage="sent")
        then()
        with Watching(broker.url, session="wall-display", key=agent.key, marks=marks) as watching:
            hole = watching.next(HoleFound)
            for number in range(hole.first, hole.last + 1):
                assert watching.next(HoleFilled).number == number
            told = [each.message.envelope.type for each in watching.seen if isinstance(each, NewMessage)]
            assert "edge.alarm.raised.v1" in told


@pytest.mark.parametrize("broker", ["mosquitto", pytest.param("rabbitmq", marks=needs("rabbitmq"))])
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


@needs("rabbitmq")
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
        files = device.mqtt
        agent = AgentProcess(tmp_path / "kiosk", broker.url, mqtt=files)
        wall = stack.enter_context(Watching(url, tls=tls, key=agent.key, on_link=lambda *link: links.put(link)))
        desk = stack.enter_context(Watching(url, tls=tls, key=agent.key))
        wait_for(lambda: "taken over" in links.get(timeout=PATIENCE_S)[2].lower(), what="the reason")
        stack.enter_context(agent)
        agent.press()
        for each in (wall, desk):
            each.stage("sent")
