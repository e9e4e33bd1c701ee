"""The network of chaos does what it says, so that a storm without a fault means something."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from tests.campaigns.chaos import packets
from tests.campaigns.chaos.network import GOOD, SWALLOWS, Conditions, Network
from tests.support.fake_broker import Behaviour, FakeBroker
from tests.support.mosquitto import Mosquitto
from tests.support.subscriber import RefusedError, Subscriber, assert_refused
from tests.support.wait import wait_for

REFUSED = 0x87


@pytest.fixture
def network(broker: Mosquitto) -> Iterator[Network]:
    with Network(broker.port) as network:
        yield network


def test_on_a_good_day_everything_passes(network: Network) -> None:
    with Subscriber(network.port, ["edge/#"]) as client:
        assert not client.publish("edge/up/alarm/police", b"help").is_failure
        assert client.wait_for().payload == b"help"


def test_an_alarm_that_is_refused_never_reaches_the_broker(network: Network) -> None:
    with Subscriber(network.port, ["edge/#"]) as client:
        network.conditions = Conditions(puback=REFUSED)
        assert client.publish("edge/up/alarm/police", b"help").value == REFUSED
        assert not client.publish("edge/up/event/power", b"other").is_failure
        client.sync()
        assert [heard.payload for heard in client.heard] == [b"other"]


def test_connections_are_refused_with_the_code(network: Network) -> None:
    network.conditions = Conditions(connack=REFUSED)
    with pytest.raises(RefusedError, match="Not authorized"), Subscriber(network.port):
        pass


def test_a_cut_ends_every_connection_once(network: Network) -> None:
    with Subscriber(network.port) as client:
        network.cut()
        client.wait_for_disconnect()
    with Subscriber(network.port):
        pass


def test_nobody_gets_through_until_it_is_mended(network: Network) -> None:
    network.conditions = Conditions(refuses=True)
    assert_refused(network.port, timeout_s=5)
    network.conditions = GOOD
    with Subscriber(network.port):
        pass


def test_what_is_swallowed_arrives_when_the_network_is_back(network: Network) -> None:
    with Subscriber(network.port, ["edge/#"]) as client:
        network.conditions = SWALLOWS
        with pytest.raises(AssertionError, match="no acknowledgement"):
            client.publish("edge/up/alarm/police", b"help", timeout_s=0.3)
        network.conditions = GOOD
        assert client.wait_for().payload == b"help"


def test_a_lossy_network_delays_and_never_reorders_or_loses(network: Network) -> None:
    with Subscriber(network.port, ["edge/#"]) as client:
        network.conditions = Conditions(loss=0.3)
        for number in range(5):
            client.publish("edge/number", str(number))
        heard = client.wait_for_count(5)
        assert [each.payload for each in heard] == [b"0", b"1", b"2", b"3", b"4"]


def test_a_receive_maximum_is_told_and_watched() -> None:
    with ExitStack() as stack:
        silent = stack.enter_context(FakeBroker(Behaviour(puback=None)))
        network = stack.enter_context(Network(silent.port))
        network.conditions = Conditions(receive_maximum=2)
        with Subscriber(network.port) as client:
            for number in range(3):
                client._client.publish("edge/number", str(number), qos=1)
            wait_for(lambda: network.overruns == 1, what="the message beyond the maximum")


def test_a_broker_of_the_older_protocol_closes_where_it_has_no_code(network: Network) -> None:
    with Subscriber(network.port, protocol=MQTTProtocolVersion.MQTTv311) as client:
        network.conditions = Conditions(puback=REFUSED)
        client._client.publish("edge/up/alarm/police", b"help", qos=1)
        client.wait_for_disconnect()


def test_packets_are_cut_out_of_a_stream_wherever_it_is_torn() -> None:
    stream = packets.puback(1, 0) + packets.puback(700, REFUSED) + packets.connack(5, REFUSED)
    for torn in range(len(stream)):
        first, rest = packets.split(stream[:torn])
        second, nothing = packets.split(rest + stream[torn:])
        assert b"".join(packet.raw for packet in [*first, *second]) == stream
        assert [packet.mid for packet in [*first, *second][:2]] == [1, 700]
        assert nothing == b""
