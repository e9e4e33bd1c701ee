"""The tools of the other tests, tried on themselves: a broken tool would make good tests lie."""

import pytest

from tests.support.fixtures import authorities, broker, tls_broker
from tests.support.mosquitto import Mosquitto
from tests.support.subscriber import RefusedError, Subscriber
from tests.support.tcp_proxy import TcpProxy
from tests.support.wait import wait_for

__all__ = ["authorities", "broker", "tls_broker"]


def test_what_is_published_is_heard(broker: Mosquitto) -> None:
    with Subscriber(broker.port, ["a/#"]) as subscriber, Subscriber(broker.port) as publisher:
        assert not publisher.publish("a/b", b"1").is_failure
        heard = subscriber.wait_for(lambda message: message.topic == "a/b")
        assert (heard.payload, heard.qos, heard.retain) == (b"1", 1, False)


@pytest.mark.parametrize("crash", [False, True], ids=["stopped", "frozen and stopped"])
def test_a_queue_survives_a_restart_of_the_broker(broker: Mosquitto, crash: bool) -> None:
    with Subscriber(broker.port, ["a/#"], client_id="s", persistent=True):
        pass
    with Subscriber(broker.port) as publisher:
        publisher.publish("a/b", b"kept")
    if crash:
        broker.freeze()
    broker.restart()
    with Subscriber(broker.port, client_id="s", persistent=True) as subscriber:
        assert subscriber.wait_for().payload == b"kept"


def test_a_killed_broker_is_noticed_and_comes_back_on_its_port(broker: Mosquitto) -> None:
    port = broker.port
    with Subscriber(port, ["a"]) as subscriber:
        broker.kill()
        subscriber.wait_for_disconnect()
    with pytest.raises(ConnectionRefusedError), Subscriber(port):
        pass
    broker.start()
    with Subscriber(port, ["a"]) as subscriber:
        assert subscriber.connected


def test_a_cut_proxy_ends_connections_and_takes_new_ones(broker: Mosquitto) -> None:
    with TcpProxy(broker.port) as proxy:
        with Subscriber(proxy.port, ["a"]) as subscriber:
            proxy.cut()
            subscriber.wait_for_disconnect()
        with Subscriber(proxy.port, ["a"]) as subscriber:
            subscriber.publish("a", b"again")
            assert subscriber.wait_for().payload == b"again"
        assert proxy.accepted >= 2


def test_a_refusing_proxy_lets_nobody_in_until_it_resumes(broker: Mosquitto) -> None:
    with TcpProxy(broker.port) as proxy:
        proxy.refuse()
        with pytest.raises((OSError, RefusedError)), Subscriber(proxy.port, timeout_s=5):
            pass
        proxy.resume()
        with Subscriber(proxy.port) as subscriber:
            assert subscriber.connected


def test_a_stalled_proxy_holds_everything_back_and_loses_nothing(broker: Mosquitto) -> None:
    with (
        TcpProxy(broker.port) as proxy,
        Subscriber(proxy.port, ["a"]) as behind,
        Subscriber(broker.port, ["a"]) as direct,
    ):
        proxy.stall()
        direct.publish("a", b"1")
        direct.wait_for()
        assert behind.heard == []
        proxy.resume()
        assert behind.wait_for().payload == b"1"


def test_a_stopped_broker_leaves_no_process(broker: Mosquitto) -> None:
    broker.freeze()
    broker.thaw()
    broker.stop()
    with pytest.raises(AssertionError, match="not running"):
        _ = broker.pid
    broker.start()
    wait_for(lambda: broker.pid)
