"""The tools of the other tests, tried on themselves: a broken tool would make good tests lie."""

import pytest

from tests.support.mosquitto import Mosquitto
from tests.support.subscriber import Subscriber
from tests.support.wait import wait_for


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


def test_a_stopped_broker_leaves_no_process(broker: Mosquitto) -> None:
    broker.freeze()
    broker.thaw()
    broker.stop()
    with pytest.raises(AssertionError, match="not running"):
        _ = broker.pid
    broker.start()
    wait_for(lambda: broker.pid)
