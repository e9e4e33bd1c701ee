"""What only a broker that misbehaves, or one with TLS, can show."""

import contextlib
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.adapters.paho_broker import PahoBroker
from agent.core.errors import BrokerError
from agent.ports import Connected, OutgoingMessage, Published, Received
from agent.trust.disconnected import Disconnected
from tests.support.broker_events import WILL, BrokerEvents, connected, mqtt_threads
from tests.support.fake_broker import MQTT5, Behaviour, FakeBroker
from tests.support.mosquitto import Mosquitto
from tests.support.wait import wait_for

STALL_S = 20.0
ALARM = OutgoingMessage("up/alarm/police", b"{}")


def refuse_5(level: int) -> bytes:
    return b"\0\x84\0" if level == MQTT5 else b"\0\0"


def refuse_5_as_an_old_broker_does(level: int) -> bytes:
    return b"\0\x01" if level == MQTT5 else b"\0\0"


@pytest.mark.parametrize("connack", [refuse_5, refuse_5_as_an_old_broker_does])
def test_a_broker_that_refuses_mqtt_5_is_spoken_to_in_3_1_1(
    broker: PahoBroker, events: BrokerEvents, connack: object
) -> None:
    with FakeBroker(Behaviour(connack=connack)) as fake:  # type: ignore[arg-type]
        broker.connect(fake.url, WILL, ["down/#"], events)
        assert events.wait(Connected) == Connected("3.1.1", 65535, why_older="it refuses MQTT 5")
        mid = broker.publish(ALARM)
        assert events.wait(Published) == Published(mid, accepted=True)
    assert fake.levels == [5, 4]


def test_a_broker_that_hung_up_on_mqtt_5_is_asked_for_it_again_at_the_next_connection(broker: PahoBroker) -> None:
    behaviour = Behaviour(close_on_connect=lambda level: level == MQTT5)
    with FakeBroker(behaviour) as fake:
        for spoken in ("3.1.1 (it closed the connection on MQTT 5 and gave no reason)",) * 3 + ("5",):
            if spoken == "5":
                behaviour.close_on_connect = lambda level: False
            events = BrokerEvents()
            broker.connect(fake.url, WILL, [], events)
            assert events.wait(Connected).spoken == spoken
            broker.disconnect()
            assert not events.of(Disconnected)

        assert fake.levels == [5, 5, 4] * 3 + [5]


def test_a_broker_that_hangs_up_once_and_says_nothing_has_not_refused_mqtt_5(
    broker: PahoBroker, events: BrokerEvents
) -> None:
    asked: list[int] = []
    with FakeBroker(Behaviour(close_on_connect=lambda level: not asked and not asked.append(level))) as fake:  # type: ignore[func-returns-value]
        broker.connect(fake.url, WILL, [], events)
        assert events.wait(Connected) == Connected("5", 65535)
        assert fake.levels == [5, 5]


def test_one_that_knows_only_an_older_mqtt_and_says_nothing_is_reached_within_three_seconds(
    broker: PahoBroker, events: BrokerEvents
) -> None:
    with FakeBroker(Behaviour(close_on_connect=lambda level: level == MQTT5)) as fake:
        broker.connect(fake.url, WILL, [], events)
        assert events.wait(Connected, timeout_s=3).may_speak_5


@pytest.mark.long
def test_a_broker_that_stalls_puts_no_kiosk_of_a_fleet_on_an_older_mqtt(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker") as mosquitto:
        assert spoken_after_a_stall(mosquitto) == ["5"] * 30


def spoken_after_a_stall(mosquitto: Mosquitto) -> list[str]:
    """What each of thirty kiosks speaks that have lost a broker which stood still, and tried it again meanwhile."""
    fleet = [PahoBroker(f"kiosk-{number}", keepalive_s=5, connect_timeout_s=20) for number in range(30)]

    def connect(kiosk: PahoBroker) -> BrokerEvents:
        events = BrokerEvents()
        kiosk.connect(mosquitto.url, WILL, ["down/#"], events)
        return events

    told = [connect(kiosk) for kiosk in fleet]
    for events in told:
        events.wait(Connected)
    mosquitto.freeze()
    thaw_s = time.monotonic() + STALL_S
    for events in told:
        events.wait(Disconnected, timeout_s=30)
    told = [connect(kiosk) for kiosk in fleet]
    # Their connections are accepted by the kernel, and wait for the broker.
    wait_for(lambda: time.monotonic() >= thaw_s, what="the end of the stall", timeout_s=STALL_S)
    mosquitto.thaw()
    spoken = [events.wait(Connected).spoken for events in told]
    for kiosk in fleet:
        kiosk.disconnect()
    return spoken


def test_a_broker_that_hangs_up_on_everything_is_unreachable(broker: PahoBroker, events: BrokerEvents) -> None:
    with FakeBroker(Behaviour(close_on_connect=lambda level: True)) as fake:
        broker.connect(fake.url, WILL, [], events)

        ended = events.wait(Disconnected)
        assert (ended.kind, "without an answer" in ended.detail) == ("unreachable", True)
        assert fake.levels == [5, 5, 4]
    assert len(events.all()) == 1


@pytest.mark.parametrize(
    ("code", "kind", "advice"),
    [
        (0x85, "refused", "client id"),
        (0x86, "refused", "password"),
        (0x87, "refused", "access list"),
        (0x88, "unreachable", "tried again"),
        (0x9A, "protocol", "retained"),
    ],
)
def test_a_refusal_says_why_and_what_to_do(
    broker: PahoBroker, events: BrokerEvents, code: int, kind: str, advice: str
) -> None:
    with FakeBroker(Behaviour(connack=lambda level: bytes([0, code, 0]))) as fake:
        broker.connect(fake.url, WILL, [], events)

        ended = events.wait(Disconnected)
    assert ended.kind == kind
    assert advice in ended.detail
    assert len(events.all()) == 1


def test_a_refused_filter_is_named_and_the_connection_stands(broker: PahoBroker, events: BrokerEvents) -> None:
    filters = [f"down/{number}" for number in range(10)]
    with FakeBroker(Behaviour(suback=0x87)) as fake:
        broker.connect(fake.url, WILL, filters, events)

        assert events.wait(Connected).refused == tuple(filters)
        mid = broker.publish(ALARM)
        assert events.wait(Published) == Published(mid, accepted=True)


def test_a_refused_message_is_told_as_not_accepted(broker: PahoBroker) -> None:
    with FakeBroker(Behaviour(puback=0x87)) as fake:
        events = connected(broker, fake.url)

        mid = broker.publish(ALARM)

        assert events.wait(Published) == Published(mid, accepted=False, detail="Not authorized", forbidden=True)


def test_no_subscriber_is_a_success(broker: PahoBroker) -> None:
    with FakeBroker(Behaviour(puback=0x10)) as fake:
        events = connected(broker, fake.url)

        broker.publish(ALARM)

        assert events.wait(Published).accepted


def test_the_brokers_window_is_told_and_nothing_is_held_back(broker: PahoBroker, events: BrokerEvents) -> None:
    window_of_2 = b"\0\0\x03\x21\0\x02"
    with FakeBroker(Behaviour(connack=lambda level: window_of_2, puback=None)) as fake:
        broker.connect(fake.url, WILL, [], events)
        assert events.wait(Connected).receive_maximum == 2

        for _ in range(30):
            broker.publish(ALARM)

        wait_for(lambda: len(fake.packets) == 30, what="the thirty messages")
    assert not events.of(Published)


def test_a_broker_that_never_answers_is_given_up(events: BrokerEvents) -> None:
    broker = PahoBroker("kiosk-1", connect_timeout_s=0.3)
    with FakeBroker(Behaviour(silent=True)) as fake:
        broker.connect(fake.url, WILL, [], events)

        ended = events.wait(Disconnected)
    assert (ended.kind, "sent nothing" in ended.detail) == ("unreachable", True)
    broker.disconnect()


def test_giving_up_on_a_silent_broker_is_possible_at_once(broker: PahoBroker, events: BrokerEvents) -> None:
    with FakeBroker(Behaviour(silent=True)) as fake:
        broker.connect(fake.url, WILL, [], events)
        wait_for(lambda: fake._peer, what="the TCP connection")

        broker.disconnect(timeout_s=2)

        assert not mqtt_threads()
    assert not events.all()


def test_a_connect_that_hangs_in_tcp_can_be_broken_off(events: BrokerEvents) -> None:
    broker = PahoBroker("kiosk-1", connect_timeout_s=60)
    with contextlib.ExitStack() as held:
        listener = held.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):  # fill the queue, so that further connects get no answer
            filler = held.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        broker.connect(f"mqtt://127.0.0.1:{listener.getsockname()[1]}", WILL, [], events)
        (thread,) = [t for t in threading.enumerate() if t.name == "mqtt"]
        wait_for(lambda: getattr(broker._connection._attempt.client, "_handle", None), what="the socket")  # type: ignore[union-attr]

        broker.disconnect(timeout_s=5)

        assert not thread.is_alive()
    assert not events.all()


def test_what_is_no_mqtt_is_a_protocol_error(broker: PahoBroker, events: BrokerEvents) -> None:
    with FakeBroker(Behaviour(after_suback=b"\xf0\x00")) as fake:
        broker.connect(fake.url, WILL, ["down/#"], events)

        assert events.wait(Disconnected).kind == "protocol"
    assert [type(e) for e in events.all()] == [Connected, Disconnected]


@pytest.mark.parametrize(
    "suback", [b"\x90\x17\0\x01\0" + b"\x01" * 20, b"\x90\x04\x77\x77\0\x01"], ids=["surplus codes", "of nothing"]
)
def test_a_suback_for_what_was_not_asked_ends_the_connection_as_a_protocol_error_and_without_a_traceback(
    broker: PahoBroker, events: BrokerEvents, caplog: pytest.LogCaptureFixture, suback: bytes
) -> None:
    with FakeBroker(Behaviour(before_suback=suback)) as fake:
        broker.connect(fake.url, WILL, ["down/#"], events)
        assert events.wait(Disconnected).kind == "protocol"
    assert not caplog.text


def test_a_message_whose_topic_is_no_utf_8_is_dropped_and_keeps_no_kiosk_from_hearing_the_next(
    broker: PahoBroker, events: BrokerEvents, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = (bytes([0x30, len(topic) + 3, 0, len(topic)]) + topic + b"\0" for topic in (b"down/\xff", b"down/x"))
    with FakeBroker(Behaviour(before_suback=bad + good, after_suback=bad + good)) as fake:
        broker.connect(fake.url, WILL, ["down/#"], events)
        assert [events.wait(Received).topic for _ in range(2)] == ["down/x"] * 2
    assert "Traceback" not in caplog.text
    assert "not UTF-8" in caplog.text


def test_response_topic_and_correlation_data_are_passed_on(broker: PahoBroker, events: BrokerEvents) -> None:
    properties = b"\x08\0\x04up/r" + b"\x09\0\x02\x01\x02"
    body = b"\0\x06down/x" + bytes([len(properties)]) + properties + b"payload"
    publish = bytes([0x30, len(body)]) + body
    with FakeBroker(Behaviour(before_suback=publish)) as fake:
        broker.connect(fake.url, WILL, ["down/#"], events)

        received = events.wait(Received)
    assert received == Received("down/x", b"payload", 7, False, "up/r", b"\x01\x02", qos=0)
    assert isinstance(events.all()[0], Connected)


def test_an_unresolvable_name_is_unreachable(broker: PahoBroker, events: BrokerEvents) -> None:
    broker.connect("mqtt://broker.invalid", WILL, [], events)

    ended = events.wait(Disconnected, timeout_s=30)
    assert (ended.kind, "broker.invalid" in ended.detail) == ("unreachable", True)


def test_a_thread_that_dies_by_itself_is_noticed(broker: PahoBroker, caplog: pytest.LogCaptureFixture) -> None:
    with FakeBroker(Behaviour()) as fake:
        events = connected(broker, fake.url)
        connection = broker._connection
        assert connection is not None

        def break_down(*_: object) -> None:
            raise RuntimeError("boom")

        connection._turn = break_down  # type: ignore[method-assign,assignment]
        fake.cut()

        assert events.wait(Disconnected).kind == "lost"
    with pytest.raises(BrokerError):
        broker.publish(ALARM)


def test_the_password_is_sent_and_shown_nowhere(mosquitto_with_password: Mosquitto) -> None:
    refused = BrokerEvents()
    broker = PahoBroker("kiosk-1", password="hunter2")
    connected(broker, mosquitto_with_password.url)
    broker.disconnect()
    wrong = PahoBroker("kiosk-1", password="hunter3")
    wrong.connect(mosquitto_with_password.url, WILL, [], refused)

    ended = refused.wait(Disconnected)
    wrong.disconnect()

    assert ended.kind == "refused"
    assert "hunter" not in ended.detail + repr(broker._login)


@pytest.fixture
def mosquitto_with_password(tmp_path: Path) -> Iterator[Mosquitto]:
    passwords = tmp_path / "passwords"
    passwords.write_text("kiosk-1:hunter2\n")
    passwords.chmod(0o600)
    subprocess.run(["mosquitto_passwd", "-U", str(passwords)], check=True)
    with Mosquitto(tmp_path / "broker", extra=["allow_anonymous false", f"password_file {passwords}"]) as running:
        yield running
