"""What a broker may not make us hold in memory, whoever speaks to it: a device or a tool of the centre."""

import queue

import pytest

from agent.adapters.paho_bounded import MAXIMUM_PACKET_BYTES
from agent.adapters.paho_broker import PahoBroker
from agent.adapters.paho_centre import CentreConnection
from agent.ports import Connected, Disconnected, Received
from tests.support.broker_events import WILL, BrokerEvents
from tests.support.fake_broker import Behaviour, FakeBroker, publish_header

TOO_LONG = [publish_header("down/x", MAXIMUM_PACKET_BYTES)]
"""Only its header, so that nothing waits in vain for the rest."""


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (Behaviour(flood=TOO_LONG), f"sent a packet of {MAXIMUM_PACKET_BYTES + 8} bytes; at most 135168 are accepted"),
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


def test_the_longest_packet_that_is_read_comes_whole_and_the_connection_stands() -> None:
    payload = bytes(MAXIMUM_PACKET_BYTES - len(publish_header("down/x", 10**5)))
    broker, events = PahoBroker("kiosk-1", connect_timeout_s=5), BrokerEvents()
    with FakeBroker(Behaviour(flood=[publish_header("down/x", len(payload)), payload])) as fake:
        broker.connect(fake.url, WILL, ["down/#"], events)
        assert events.wait(Received).size == len(payload) - 1  # less the MQTT 5 properties, which are none
        broker.disconnect()
    assert [type(event) for event in events.all()] == [Connected, Received]


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
