"""The PUBLISH packet that is written past the client library's queue is the one that the library would have written."""

import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent.adapters.paho_client import AbortableClient, publish_packet

TOPIC = "edge/v1/gp/site/kiosk/up/alarm/police"
VERSIONS = [MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311]


def properties() -> Properties:
    made = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    made.ContentType = "application/json"
    made.MessageExpiryInterval = 60
    return made


def packet_of_paho(mid: int, topic: str, payload: bytes, qos: int, retain: bool, made: Properties) -> bytes:
    packets: list[bytes] = []

    class Recording(Client):
        def _packet_queue(
            self, command: int, packet: bytes | bytearray, mid: int, qos: int, info: MQTTMessageInfo | None = None
        ) -> MQTTErrorCode:
            packets.append(bytes(packet))
            return MQTTErrorCode.MQTT_ERR_SUCCESS

    client = Recording(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        client._sock = ours
        client._last_mid = mid - 1
        client.publish(topic, payload, qos, retain, made)
        client._sock = None
    return packets[0]


@given(
    mid=st.integers(1, 65535),
    size=st.integers(0, 300) | st.sampled_from([16_300, 16_383, 16_384, 70_000, 2_097_100, 2_097_152]),
    qos=st.sampled_from([1, 2]),
    retain=st.booleans(),
)
def test_it_is_byte_for_byte_what_paho_makes(mid: int, size: int, qos: int, retain: bool) -> None:
    payload, made = b"x" * size, properties()

    packed = made.pack()  # type: ignore[no-untyped-call]
    packet = publish_packet(mid, TOPIC.encode(), payload, qos, retain, dup=False, properties=packed)

    assert packet == packet_of_paho(mid, TOPIC, payload, qos, retain, made)


@pytest.fixture
def wire() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.settimeout(5)
        yield ours, theirs


def connected(sock: socket.socket, version: MQTTProtocolVersion) -> AbortableClient:
    client = AbortableClient(CallbackAPIVersion.VERSION2, protocol=version)
    client.max_inflight_messages_set(0)
    client._sock = sock
    return client


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_socket_does_not_take_at_once_follows_in_order(
    wire: tuple[socket.socket, socket.socket], version: MQTTProtocolVersion
) -> None:
    ours, theirs = wire
    client = connected(ours, version)
    is_5 = version == MQTTProtocolVersion.MQTTv5
    packed = b"\0" if is_5 else b""
    large, small = b"x" * 3_000_000, b"y" * 50

    client.publish(TOPIC, large, 1)
    assert client.want_write()  # the socket is full in the middle of the packet
    client.publish(TOPIC, small, 1)
    wanted = b"".join(
        publish_packet(mid, TOPIC.encode(), payload, 1, retain=False, dup=False, properties=packed)
        for mid, payload in ((1, large), (2, small))
    )
    got = bytearray()
    while len(got) < len(wanted):
        got += theirs.recv(1 << 20)
        client.loop_write()

    assert got == wanted
    client._sock = None


def test_a_dead_socket_leaves_the_message_to_the_library_which_says_that_the_connection_is_lost(
    wire: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = wire
    client = connected(ours, MQTTProtocolVersion.MQTTv5)
    theirs.close()

    info = client.publish(TOPIC, b"help", 1)

    assert info.rc == MQTTErrorCode.MQTT_ERR_CONN_LOST
