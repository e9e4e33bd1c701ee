"""The way that a connection takes, how it is left for another, and what a broker lets pass on it."""

import errno
import socket
from pathlib import Path
from typing import Any

import pytest

from agent.adapters.paho_broker import PahoBroker
from agent.adapters.paho_connection import VERSIONS
from agent.core.errors import MessageRefused
from agent.ports import Connected, OutgoingMessage, Published
from agent.trust import broker_failures
from agent.trust.broker_failures import Endpoint, InterfaceError
from agent.trust.disconnected import Disconnected
from tests.support.broker_events import WILL, BrokerEvents, connected, mqtt_threads
from tests.support.fake_broker import Behaviour, FakeBroker
from tests.support.mosquitto import Mosquitto
from tests.support.subscriber import Subscriber
from tests.support.wait import wait_for

ALARM = OutgoingMessage("up/alarm/police", b"{}")


def connack_with(properties: bytes) -> Any:
    return lambda level: b"\0\0" + bytes([len(properties)]) + properties


def test_a_connection_is_bound_to_the_interface_that_is_named(broker: PahoBroker) -> None:
    with FakeBroker(Behaviour()) as fake:
        connected(broker, fake.url, interface="lo")

        own: Any = broker._connection._attempt.client.socket()  # type: ignore[union-attr]
        assert own.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0") == b"lo"


def test_an_interface_that_is_not_there_is_named_with_what_to_do(broker: PahoBroker, events: BrokerEvents) -> None:
    with FakeBroker(Behaviour()) as fake:
        broker.connect(fake.url, WILL, [], events, interface="nosuch0")

        ended = events.wait(Disconnected)
    assert ended.kind == "unreachable"
    assert "no network interface nosuch0: check [mqtt] interfaces" in ended.detail


def test_a_kernel_that_forbids_the_choice_of_interface_is_told_with_what_to_do() -> None:
    error = InterfaceError(errno.EPERM, "Operation not permitted")

    told = broker_failures.of_connecting(error, Endpoint("broker", 1883, tls=False, interface="wwan0"))

    assert (told.kind, "CAP_NET_RAW" in told.detail, "wwan0" in told.detail) == ("unreachable", True, True)


def test_the_interface_stands_in_what_is_said_of_a_path(broker: PahoBroker, events: BrokerEvents) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    broker.connect(f"mqtt://127.0.0.1:{port}", WILL, [], events, interface="lo")

    assert f"127.0.0.1:{port} by lo" in events.wait(Disconnected).detail


def test_an_address_that_swallows_everything_leaves_time_for_the_next(
    broker: PahoBroker, events: BrokerEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a name does whose IPv6 address leads nowhere."""
    with FakeBroker(Behaviour()) as fake, socket.socket() as hole, socket.socket() as filler:
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        filler.connect(hole.getsockname())  # the queue is full: further connects get no answer
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        found = [(*kind, hole.getsockname()), (*kind, ("127.0.0.1", fake.port))]
        monkeypatch.setattr("agent.adapters.paho_client.socket.getaddrinfo", lambda *_, **__: found)

        broker.connect(f"mqtt://two-addresses.example:{fake.port}", WILL, [], events)

        assert events.wait(Connected).protocol == "5"


def test_a_message_above_the_brokers_packet_size_is_refused_here_and_the_connection_stands(broker: PahoBroker) -> None:
    largest = b"\x27\0\0\0\x80"
    with FakeBroker(Behaviour(connack=connack_with(largest))) as fake:
        events = connected(broker, fake.url)
        with pytest.raises(MessageRefused, match="128"):
            broker.publish(OutgoingMessage("up/event/x", b"x" * 128))
        mid = broker.publish(ALARM)

        assert events.wait(Published) == Published(mid, accepted=True)


def test_the_size_is_counted_as_the_broker_counts_it(tmp_path: Path, broker: PahoBroker) -> None:
    with Mosquitto(tmp_path / "broker", extra=["max_packet_size 1000"]) as mosquitto:
        events = connected(broker, mosquitto.url)
        largest = 0
        for size in range(900, 1001):
            try:
                broker.publish(OutgoingMessage("up/event/x", b"x" * size, expiry_s=60))
            except MessageRefused:
                break
            largest = size
        events.wait(Published, largest - 899)

        assert 900 < largest < 1000
        assert not events.of(Disconnected)


def test_a_message_that_can_not_be_sent_at_all_is_refused_and_stands_in_nobodys_way(broker: PahoBroker) -> None:
    with FakeBroker(Behaviour()) as fake:
        events = connected(broker, fake.url)
        with pytest.raises(MessageRefused):
            broker.publish(OutgoingMessage("up/+/x", b""))
        broker.publish(ALARM)

        events.wait(Published)


def test_a_broker_that_retains_nothing_gets_the_same_messages_without_the_flag(broker: PahoBroker) -> None:
    with FakeBroker(Behaviour(connack=connack_with(b"\x25\0"))) as fake:
        events = connected(broker, fake.url)
        broker.publish(OutgoingMessage("up/state", b"{}", retain=True))
        events.wait(Published)

        assert [flags & 1 for flags in fake.publish_flags] == [0]


def test_a_broker_that_confirms_nothing_is_left(broker: PahoBroker, events: BrokerEvents) -> None:
    with FakeBroker(Behaviour(connack=connack_with(b"\x24\0"))) as fake:
        broker.connect(fake.url, WILL, [], events)

        ended = events.wait(Disconnected)
    assert (ended.kind, "QoS 1" in ended.detail) == ("protocol", True)


@pytest.mark.parametrize("versions", [VERSIONS, VERSIONS[1:]], ids=["5", "3.1.1"])
def test_a_path_that_is_left_tells_the_will_and_one_that_ends_in_order_does_not(
    tmp_path: Path, broker: PahoBroker, monkeypatch: pytest.MonkeyPatch, versions: Any
) -> None:
    monkeypatch.setattr("agent.adapters.paho_connection.VERSIONS", versions)
    with Mosquitto(tmp_path / "broker") as mosquitto, Subscriber(mosquitto.port, ["#"]) as centre:
        for leaving in (False, True):
            connected(broker, mosquitto.url)
            assert not [m for m in centre.heard if m.topic == WILL.topic]

            broker.disconnect(timeout_s=0.0 if leaving else 2.0, will=leaving)
            wait_for(lambda: not mqtt_threads(), what="the end of the thread")
            centre.sync()

        assert centre.wait_for(lambda m: m.topic == WILL.topic).payload == WILL.payload
