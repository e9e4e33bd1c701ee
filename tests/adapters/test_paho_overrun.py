"""What a broker may not make us hold in memory, whoever speaks to it: a device or a tool of the centre."""

import queue

import pytest

from agent.adapters.paho_broker import PahoBroker
from agent.ports import MAX_RECEIVED_BYTES, Received
from agent.trust.disconnected import Disconnected
from agent.trust.paho_bounded import KEPT_PACKET_BYTES, MAXIMUM_PACKET_BYTES
from edge_centre.adapters.paho_centre import CentreConnection, Heard
from tests.support.broker_events import WILL, BrokerEvents
from tests.support.fake_broker import MQTT5, Behaviour, FakeBroker, publish_header
from tests.support.wait import wait_for

TOO_LONG = [b"\x90" + publish_header("down/x", MAXIMUM_PACKET_BYTES)[1:]]
"""The header of a SUBACK, so that nothing waits in vain for the rest."""
PIECE = bytes(64 * 1024)


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (Behaviour(flood=TOO_LONG), f"sent a packet of {MAXIMUM_PACKET_BYTES + 8} bytes; at most 1048576 are accepted"),
        (Behaviour(before_suback=TOO_LONG[0]), "sent a packet of"),
        (Behaviour(flood=[publish_header("down/x", 9, qos=2)]), "sent a message with QoS 2"),
        (Behaviour(before_suback=(publish_header("down/x", 1) + b"\0") * 101), "without confirming a subscription"),
    ],
    ids=["too long", "too long before the SUBACK", "of quality 2", "without end before the SUBACK"],
)
def test_more_than_a_small_device_can_hold_ends_the_connection(behaviour: Behaviour, reason: str) -> None:
    broker, events = PahoBroker("kiosk-1", connect_timeout_s=5), BrokerEvents()
    with FakeBroker(behaviour) as fake:
        broker.connect(fake.url, WILL, ["down/#"], events)
        end = events.wait(Disconnected)
        broker.disconnect()
    assert end.kind == "overrun"
    assert reason in end.detail
    assert not events.of(Received)


@pytest.mark.parametrize("pieces", [3, 5, 16, 17, 400], ids=lambda pieces: f"{pieces * 64} KiB")
@pytest.mark.parametrize("level", [MQTT5, 4], ids=["MQTT 5", "MQTT 3.1.1"])
@pytest.mark.parametrize("qos", [0, 1])
def test_a_message_that_is_too_long_does_not_cut_a_kiosk_off_however_long_it_is(
    level: int, pieces: int, qos: int
) -> None:
    refusal, welcome = b"\0\x84\0", b"\0\0\0" if level == MQTT5 else b"\0\0"
    behaviour = Behaviour(connack=lambda asked: refusal if asked > level else welcome)
    size, properties = pieces * len(PIECE), b"\0" if level == MQTT5 else b""
    after = properties + b"ok"
    behaviour.flood = [
        publish_header("down/x", size, qos),
        *[PIECE] * pieces,
        publish_header("down/x", len(after)),
        after,
    ]
    broker, events = PahoBroker("kiosk-1", connect_timeout_s=5), BrokerEvents()
    with FakeBroker(behaviour) as fake:
        broker.connect(fake.url, WILL, ["down/#"], events)
        events.wait(Received, 2)
        wait_for(lambda: [kind for kind, _ in fake.packets].count(4) == qos, what="an acknowledgement, or none")
        broker.disconnect()
    long, short = events.of(Received)
    assert (long.size, len(long.payload)) == (size - len(properties), MAX_RECEIVED_BYTES)
    assert short.payload == b"ok"
    assert not events.of(Disconnected)


def test_a_tool_of_the_centre_keeps_no_more_of_a_long_message_and_goes_on() -> None:
    told: queue.Queue[Heard] = queue.Queue()
    flood = [publish_header("up/x", 30 * len(PIECE)), *[PIECE] * 30, publish_header("up/x", 3), b"\0ok"]
    with FakeBroker(Behaviour(flood=flood)) as fake:
        centre = CentreConnection(fake.url, on_message=told.put)
        centre.open(["up/#"])
        try:
            long, after = told.get(timeout=10), told.get(timeout=10)
        finally:
            centre.close()
    assert 128 * 1024 < len(long.payload) < KEPT_PACKET_BYTES + len(PIECE)
    assert after.payload == b"ok"


def test_a_tool_of_the_centre_says_why_it_has_left_and_comes_again() -> None:
    told: queue.Queue[tuple[bool, str]] = queue.Queue()
    with FakeBroker(Behaviour(flood=TOO_LONG)) as fake:
        centre = CentreConnection(fake.url, on_link=lambda up, reason: told.put((up, reason)))
        centre.open(["up/#"])
        try:
            links = [told.get(timeout=10) for _ in range(3)]
        finally:
            centre.close()
    assert [up for up, _ in links] == [True, False, True]
    assert "the broker sent a packet of" in links[1][1]
