import threading
from typing import Any

import pytest

from agent.adapters.paho_broker import PahoBroker
from agent.adapters.paho_connection import VERSIONS
from agent.core.errors import BrokerError
from agent.ports import MAX_RECEIVED_BYTES, BrokerEvent, Connected, OutgoingMessage, Published, Received
from agent.trust.disconnected import TAKEN_OVER, Disconnected
from tests.campaigns.chaos.network import SWALLOWS, Network
from tests.support.broker_events import WILL, BrokerEvents, connected, mqtt_threads
from tests.support.mosquitto import Mosquitto
from tests.support.subscriber import Subscriber
from tests.support.wait import wait_for

DOWN = "edge/v1/gp/site/kiosk-1/down/#"
ALARM = OutgoingMessage("edge/v1/gp/site/kiosk-1/up/alarm/police", b"{}")


def test_connected_comes_with_the_protocol_and_the_window(
    mosquitto: Mosquitto, broker: PahoBroker, events: BrokerEvents
) -> None:
    broker.connect(mosquitto.url, WILL, [DOWN], events)

    assert events.wait(Connected) == Connected("5", 20)


def test_more_filters_than_one_subscribe_may_hold_are_all_subscribed(mosquitto: Mosquitto, broker: PahoBroker) -> None:
    events = connected(broker, mosquitto.url, *(f"down/{n}" for n in range(19)))

    with Subscriber(mosquitto.port) as centre:
        for number in (0, 7, 8, 18):
            centre.publish(f"down/{number}", b"x")

    events.wait(Received, 4)
    assert [e.topic for e in events.of(Received)] == ["down/0", "down/7", "down/8", "down/18"]


def test_a_message_is_delivered_with_its_properties_and_acknowledged(mosquitto: Mosquitto, broker: PahoBroker) -> None:
    with Subscriber(mosquitto.port, ["#"]) as centre:
        events = connected(broker, mosquitto.url)

        message = OutgoingMessage(
            "up/event/x", b"hello", expiry_s=60, content_type="text/plain", correlation_data=b"42"
        )
        mid = broker.publish(message)

        assert events.wait(Published) == Published(mid, accepted=True)
        heard = centre.wait_for()
    assert (heard.topic, heard.payload, heard.qos) == ("up/event/x", b"hello", 1)
    properties = vars(heard.properties)
    assert properties["ContentType"] == "text/plain"
    assert 0 < properties["MessageExpiryInterval"] <= 60
    assert properties["CorrelationData"] == b"42"


def test_a_message_of_qos_0_counts_as_published_when_it_is_written(mosquitto: Mosquitto, broker: PahoBroker) -> None:
    events = connected(broker, mosquitto.url)

    mids = [broker.publish(OutgoingMessage("up/health", b"{}", qos=0)) for _ in range(3)]

    events.wait(Published, 3)
    assert events.of(Published) == [Published(mid, accepted=True) for mid in mids]


def test_many_messages_from_two_threads_all_arrive_whole(mosquitto: Mosquitto, broker: PahoBroker) -> None:
    each = 150
    payloads = [bytes([n % 251]) * 20_000 for n in range(2 * each)]
    with Subscriber(mosquitto.port, ["up/#"]) as centre:
        events = connected(broker, mosquitto.url)

        def send(start: int) -> None:
            for n in range(start, start + each):
                broker.publish(OutgoingMessage(f"up/{n}", payloads[n]))

        threads = [threading.Thread(target=send, args=(start,)) for start in (0, each)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        events.wait(Published, 2 * each, timeout_s=30)
        heard = centre.wait_for_count(2 * each, timeout_s=30)
    assert {m.topic: m.payload for m in heard} == {f"up/{n}": payloads[n] for n in range(2 * each)}


def test_what_comes_down_has_its_response_topic_and_retain_flag(mosquitto: Mosquitto, broker: PahoBroker) -> None:
    with Subscriber(mosquitto.port) as centre:
        centre.publish("down/config", b"desired", retain=True)
        events = connected(broker, mosquitto.url, "down/#")
        centre.publish("down/command/ping", b"now", retain=False)

        events.wait(Received, 2)
    by_topic = {e.topic: e for e in events.of(Received)}
    assert by_topic["down/config"].retain
    assert not by_topic["down/command/ping"].retain
    assert by_topic["down/command/ping"].payload == b"now"
    assert by_topic["down/command/ping"].response_topic is None


def test_a_payload_above_the_limit_is_cut_and_its_true_size_told(mosquitto: Mosquitto, broker: PahoBroker) -> None:
    events = connected(broker, mosquitto.url, "down/#")

    with Subscriber(mosquitto.port) as centre:
        centre.publish("down/command/ping", b"x" * 100_000)

    received = events.wait(Received)
    assert len(received.payload) == MAX_RECEIVED_BYTES
    assert received.size == 100_000


@pytest.mark.parametrize("versions", [VERSIONS, VERSIONS[1:]], ids=["5", "3.1.1"])
def test_the_broker_keeps_nothing_for_a_device_that_is_away(
    mosquitto: Mosquitto, broker: PahoBroker, monkeypatch: pytest.MonkeyPatch, versions: Any
) -> None:
    """A session that is kept on one node of a cluster shuts the device out while that node is dead."""
    monkeypatch.setattr("agent.adapters.paho_connection.VERSIONS", versions)
    with Subscriber(mosquitto.port) as centre:
        for _ in range(2):
            events = connected(broker, mosquitto.url, DOWN)
            centre.publish("edge/v1/gp/site/kiosk-1/down/ack/2", b"heard")
            assert events.wait(Received).payload == b"heard"
            assert len(events.of(Received)) == 1
            broker.disconnect()
            centre.publish("edge/v1/gp/site/kiosk-1/down/ack/1", b"nobody hears it")


def test_an_orderly_disconnect_leaves_no_thread_no_event_and_no_will(mosquitto: Mosquitto, broker: PahoBroker) -> None:
    with Subscriber(mosquitto.port, ["#"]) as centre:
        events = connected(broker, mosquitto.url)
        broker.publish(ALARM)

        broker.disconnect()
        broker.disconnect()

        assert not mqtt_threads()
        known = events.all()
        centre.wait_for(lambda m: m.topic == ALARM.topic)
        # The broker has dealt with the end of the connection when it logs it.
        wait_for(lambda: "kiosk-1 disconnected" in mosquitto.log(), what="the broker's log line")
        centre.sync()
        assert [m.topic for m in centre.heard] == [ALARM.topic]
    assert events.all() == known
    assert not events.of(Disconnected)


def test_a_connection_shows_that_its_thread_lives_and_without_one_there_is_nothing_to_show(
    mosquitto: Mosquitto, broker: PahoBroker
) -> None:
    assert broker.pulse() is None
    connected(broker, mosquitto.url)
    wait_for(lambda: broker.pulse() is not None, what="the first turn")
    before = broker.pulse()
    assert before is not None
    wait_for(lambda: (broker.pulse() or 0) > before + 1, what="two turns")
    broker.disconnect()
    assert broker.pulse() is None


def test_a_connection_that_breaks_sends_the_will_and_is_told_once(mosquitto: Mosquitto, broker: PahoBroker) -> None:
    with Network(mosquitto.port) as network, Subscriber(mosquitto.port, ["#"]) as centre:
        events = connected(broker, network.url)

        network.cut()

        assert events.wait(Disconnected).kind == "lost"
        assert centre.wait_for(lambda m: m.topic == WILL.topic).payload == WILL.payload
    wait_for(lambda: not mqtt_threads(), what="the end of the thread")
    assert len(events.of(Disconnected)) == 1


def test_a_silent_link_is_noticed_by_keep_alive(mosquitto: Mosquitto, broker: PahoBroker) -> None:
    with Network(mosquitto.port) as network:
        events = connected(broker, network.url)

        network.conditions = SWALLOWS

        ended = events.wait(Disconnected, timeout_s=30)
    assert (ended.kind, "no longer answers" in ended.detail) == ("lost", True)


def test_publishing_without_a_connection_is_an_error_and_queues_nothing(
    mosquitto: Mosquitto, broker: PahoBroker
) -> None:
    with pytest.raises(BrokerError, match="no connection"):
        broker.publish(ALARM)
    with Subscriber(mosquitto.port, ["#"]) as centre:
        connected(broker, mosquitto.url)
        mosquitto.freeze()
        broker.disconnect(timeout_s=0.2)
        with pytest.raises(BrokerError, match="no connection"):
            broker.publish(ALARM)
        mosquitto.thaw()

        connected(broker, mosquitto.url)
        broker.publish(OutgoingMessage("up/mark", b""))
        centre.wait_for(lambda m: m.topic == "up/mark")
        assert ALARM.topic not in [m.topic for m in centre.heard]


def test_a_new_connect_ends_the_old_one_and_takes_over(mosquitto: Mosquitto, broker: PahoBroker) -> None:
    events = connected(broker, mosquitto.url)
    BrokerEvents()

    connected(broker, mosquitto.url)

    assert len(mqtt_threads()) == 1
    assert [type(e) for e in events.all()] == [Connected]


def test_another_client_with_the_same_id_is_named_as_the_reason(mosquitto: Mosquitto, broker: PahoBroker) -> None:
    events = connected(broker, mosquitto.url)

    with Subscriber(mosquitto.port, client_id="kiosk-1"):
        ended = events.wait(Disconnected)

    assert ended.kind == TAKEN_OVER
    assert "give each device its own" in ended.detail


def test_a_stopping_broker_is_told_as_lost(mosquitto: Mosquitto, broker: PahoBroker) -> None:
    events = connected(broker, mosquitto.url)

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


def test_an_offer_is_taken_only_while_the_other_end_has_had_all_that_came_before(
    mosquitto: Mosquitto, broker: PahoBroker
) -> None:
    """It is dropped where it would stand in a queue, and a message comes through the same connection afterwards."""
    picture = OutgoingMessage("edge/v1/gp/site/kiosk-1/up/live/front", bytes(60_000), qos=0)
    assert not broker.offer(picture), "there is no connection"
    assert broker.line() is None
    with Subscriber(mosquitto.port, ["edge/v1/#"]) as centre:
        connected(broker, mosquitto.url)
        wait_for(lambda: broker.offer(picture), what="an idle line")
        centre.wait_for(lambda heard: heard.payload == picture.payload)
        wait_for(lambda: (line := broker.line()) is not None and line.is_idle, what="an idle line")
        line = broker.line()
        assert line is not None
        assert 0 < line.rtt_s < 0.5
        mosquitto.freeze()
        taken = sum(broker.offer(picture) for _ in range(2000))
        mosquitto.thaw()
        assert taken < 500, "the kernels take some; what nobody reads is not piled up"
        broker.publish(ALARM)
        centre.wait_for(lambda heard: heard.topic == ALARM.topic)
