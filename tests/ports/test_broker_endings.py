import pytest

from agent.adapters.paho_broker import PahoBroker
from agent.core.errors import BrokerError
from agent.ports import (
    BrokerEvent,
    Connected,
    Disconnected,
    OutgoingMessage,
    Received,
)
from tests.support.broker_events import WILL, BrokerEvents, mqtt_threads
from tests.support.mosquitto import Mosquitto
from tests.support.subscriber import Subscriber
from tests.support.tcp_proxy import TcpProxy
from tests.support.wait import wait_for

DOWN = "edge/v1/gp/site/kiosk-1/down/#"
ALARM = OutgoingMessage("edge/v1/gp/site/kiosk-1/up/alarm/police", b"{}")


def test_a_connection_that_breaks_sends_the_will_and_is_told_once(
    mosquitto: Mosquitto, broker: PahoBroker, events: BrokerEvents
) -> None:
    with TcpProxy(mosquitto.port) as proxy, Subscriber(mosquitto.port, ["#"]) as centre:
        broker.connect(f"mqtt://127.0.0.1:{proxy.port}", WILL, [], events)
        events.wait(Connected)

        proxy.cut()

        assert events.wait(Disconnected).kind == "lost"
        assert centre.wait_for(lambda m: m.topic == WILL.topic).payload == WILL.payload
    wait_for(lambda: not mqtt_threads(), what="the end of the thread")
    assert len(events.of(Disconnected)) == 1


def test_a_silent_link_is_noticed_by_keep_alive(mosquitto: Mosquitto, broker: PahoBroker, events: BrokerEvents) -> None:
    with TcpProxy(mosquitto.port) as proxy:
        broker.connect(f"mqtt://127.0.0.1:{proxy.port}", WILL, [], events)
        events.wait(Connected)

        proxy.stall()

        ended = events.wait(Disconnected, timeout_s=30)
    assert (ended.kind, "does not answer" in ended.detail) == ("lost", True)


def test_publishing_without_a_connection_is_an_error_and_queues_nothing(
    mosquitto: Mosquitto, broker: PahoBroker, events: BrokerEvents
) -> None:
    with pytest.raises(BrokerError, match="no connection"):
        broker.publish(ALARM)
    with Subscriber(mosquitto.port, ["#"]) as centre:
        broker.connect(mosquitto.url, WILL, [], events)
        events.wait(Connected)
        mosquitto.freeze()
        broker.disconnect(timeout_s=0.2)
        with pytest.raises(BrokerError, match="no connection"):
            broker.publish(ALARM)
        mosquitto.thaw()

        again = BrokerEvents()
        broker.connect(mosquitto.url, WILL, [], again)
        again.wait(Connected)
        broker.publish(OutgoingMessage("up/mark", b""))
        centre.wait_for(lambda m: m.topic == "up/mark")
        assert ALARM.topic not in [m.topic for m in centre.heard]


def test_a_new_connect_ends_the_old_one_and_takes_over(
    mosquitto: Mosquitto, broker: PahoBroker, events: BrokerEvents
) -> None:
    broker.connect(mosquitto.url, WILL, [], events)
    events.wait(Connected)
    again = BrokerEvents()

    broker.connect(mosquitto.url, WILL, [], again)
    again.wait(Connected)

    assert len(mqtt_threads()) == 1
    assert [type(e) for e in events.all()] == [Connected]


def test_another_client_with_the_same_id_is_named_as_the_reason(
    mosquitto: Mosquitto, broker: PahoBroker, events: BrokerEvents
) -> None:
    broker.connect(mosquitto.url, WILL, [], events)
    events.wait(Connected)

    with Subscriber(mosquitto.port, client_id="kiosk-1"):
        ended = events.wait(Disconnected)

    assert ended.kind == "lost"
    assert "give each device its own" in ended.detail


def test_a_stopping_broker_is_told_as_lost(mosquitto: Mosquitto, broker: PahoBroker, events: BrokerEvents) -> None:
    broker.connect(mosquitto.url, WILL, [], events)
    events.wait(Connected)

    mosquitto.stop()

    assert events.wait(Disconnected).kind == "lost"


def test_a_port_where_nobody_listens_is_unreachable(
    mosquitto: Mosquitto, broker: PahoBroker, events: BrokerEvents
) -> None:
    mosquitto.stop()

    broker.connect(mosquitto.url, WILL, [], events)

    ended = events.wait(Disconnected)
    assert ended.kind == "unreachable"
    assert "nothing listens" in ended.detail


def test_a_receiver_that_fails_ends_the_connection_and_not_silently(
    mosquitto: Mosquitto, broker: PahoBroker, events: BrokerEvents, caplog: pytest.LogCaptureFixture
) -> None:
    def fail_on_messages(event: BrokerEvent) -> None:
        if isinstance(event, Received):
            raise RuntimeError("boom")
        events(event)

    broker.connect(mosquitto.url, WILL, ["down/#"], fail_on_messages)
    events.wait(Connected)
    with Subscriber(mosquitto.port) as centre:
        centre.publish("down/x", b"")

    ended = events.wait(Disconnected)
    assert (ended.kind, "RuntimeError" in ended.detail) == ("lost", True)
    wait_for(lambda: not mqtt_threads(), what="the end of the thread")
    assert "boom" in caplog.text


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("http://localhost", "form"),
        ("mqtt://", "form"),
        ("mqtt://localhost:x", "port"),
        ("mqtt://user:secret@localhost", "password"),
    ],
)
def test_an_address_that_can_not_be_used_is_an_error_without_secrets(
    broker: PahoBroker, events: BrokerEvents, url: str, advice: str
) -> None:
    with pytest.raises(BrokerError, match=advice) as caught:
        broker.connect(url, WILL, [], events)

    assert "secret" not in str(caught.value)
    assert not mqtt_threads()
