import itertools
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from agent.core.errors import BrokerError
from agent.ports import Connected
from agent.runtime.uplink import publisher as publisher_module
from tests.support.device import ECHO, REFUSED, WILL, Device, answer_alarms
from tests.support.drafts import alarm, event, open_outbox, security, write
from tests.support.fake_ports import MemoryBroker, topics
from tests.support.sim_clock import SimClock
from tests.support.stores import opened


def test_the_connection_is_asked_for_with_will_and_subscriptions(device: Device) -> None:
    device.passes()

    [connection] = device.broker.connections
    assert (connection.url, connection.will, connection.subscriptions) == ("mqtt://a", WILL, ["down/ack/+", ECHO])


def test_addresses_are_tried_in_turn(device: Device) -> None:
    device.broker.outcome = REFUSED
    device.passes(2)
    for _ in range(3):
        device.advance(200)

    assert [connection.url[-1] for connection in device.broker.connections][:4] == ["a", "b", "a", "b"]


def test_an_address_that_can_not_be_used_at_all_is_one_more_failure(device: Device) -> None:
    device.broker.outcome = BrokerError("the file ca.pem can't be read")
    device.passes()

    assert [(end.kind, end.detail) for end in device.ends] == [("unreachable", "the file ca.pem can't be read")]
    device.broker.outcome = None
    device.advance(200)
    assert device.publisher.connected


def test_an_alarm_without_an_answer_goes_again_on_a_new_connection_of_the_only_broker(
    make_device: Callable[..., Device],
) -> None:
    device = make_device(urls=("mqtt://a",))
    device.broker.answer = answer_alarms("silence")
    device.outbox.put(alarm())
    device.passes(3)
    device.advance(9.9)
    assert device.connections == 1

    device.broker.answer = lambda _: "accept"
    device.advance(0.2)
    device.passes(2)

    assert device.connections == 2
    assert topics(device.broker.kept) == ["alarm/police"]
    assert device.waiting == {}
    assert device.ends[0].kind == "lost"
    assert device.moves == 0


def test_telemetry_without_an_answer_is_given_more_time_than_an_alarm(device: Device) -> None:
    device.broker.answer = lambda _: "silence"
    device.outbox.put(event())
    device.passes(3)
    device.advance(29)
    assert device.connections == 1

    device.advance(2)
    device.passes(2)
    assert device.connections == 2


def test_a_lost_connection_gives_everything_back_and_sends_it_again(device: Device) -> None:
    device.broker.answer = lambda m: "refuse" if "security" in m.topic else "silence"
    device.outbox.put(security())
    for number in range(3):
        device.outbox.put(alarm(f"a{number}"))
    device.passes(3)
    assert len(device.broker.sent) == 4

    device.broker.drop()
    device.broker.answer = lambda _: "accept"
    device.passes()
    assert not device.publisher.connected
    device.advance(200)
    device.passes(2)

    assert sorted(topics(device.broker.kept)) == ["alarm/police"] * 3 + ["security/boot"]
    assert device.waiting == {}


def test_a_connection_that_dies_while_sending_loses_nothing(device: Device) -> None:
    device.passes(2)
    device.broker.connected = False
    device.outbox.put(alarm())
    device.passes(3)
    assert device.waiting == {"alarm": 1}

    device.broker.drop()
    device.advance(200)
    device.passes(2)
    assert device.waiting == {}


def test_tries_are_spaced_ever_further_while_nothing_is_urgent(device: Device) -> None:
    device.broker.outcome = REFUSED
    at: list[float] = []
    for second in range(100):
        before = len(device.broker.connections)
        device.passes(2)
        at += [second] * (len(device.broker.connections) - before)
        device.clock.advance(timedelta(seconds=1))

    gaps = [later - earlier for earlier, later in itertools.pairwise(at)]
    assert gaps == [2, 4, 8, 16, 32]


def test_an_alarm_does_not_wait_for_a_long_backoff(device: Device) -> None:
    device.broker.outcome = REFUSED
    device.passes(2)
    for _ in range(8):
        device.advance(130)
    before = len(device.broker.connections)
    device.advance(1)
    assert len(device.broker.connections) == before

    device.outbox.put(alarm())
    device.broker.outcome = None
    device.advance(publisher_module._URGENT_RETRY_NS / 1e9)
    device.passes(2)

    assert len(device.broker.connections) == before + 1
    assert device.waiting == {}


def test_an_alarm_tries_every_path_at_once_and_then_makes_a_pause(device: Device) -> None:
    device.broker.outcome = REFUSED
    device.outbox.put(alarm())
    device.passes(50)
    assert [connection.url[-1] for connection in device.broker.connections] == ["a", "b"]

    device.advance(publisher_module._URGENT_RETRY_NS / 1e9)
    device.passes(50)
    assert [connection.url[-1] for connection in device.broker.connections] == ["a", "b"] * 2


def test_after_a_loss_a_calm_device_takes_its_moment_in_the_spread(
    make_device: Callable[..., Device],
) -> None:
    """The device of these tests waits for as long as it may."""
    device = make_device(spread_s=30.0)
    device.passes(2)
    device.broker.drop()
    device.passes()
    device.advance(29.9)
    assert len(device.broker.connections) == 1

    device.advance(0.2)
    device.passes(2)
    assert (device.connections, device.moves) == (2, 1)


def test_after_a_loss_a_device_with_an_open_alarm_takes_the_next_path_at_once(
    make_device: Callable[..., Device],
) -> None:
    device = make_device(spread_s=30.0)
    device.passes(2)
    device.calm = False
    device.broker.drop()
    device.passes(4)

    assert device.waiting == {}, "the broker has taken the alarm, and nobody has closed it"
    assert (device.connections, device.moves) == (2, 1)


def test_a_stop_sends_what_waits_and_then_the_farewell_and_ends_once_all_is_confirmed(device: Device) -> None:
    device.passes(2)
    device.outbox.put(event())

    def farewell() -> None:
        device.outbox.put(security("farewell"))
        write(device.outbox)

    device.on_farewell = farewell
    device.publisher.close(5.0)

    assert topics(device.broker.kept) == ["event/person-left", "security/boot"]
    assert device.broker.orderly_ends == 1
    assert not device.publisher.connected


def test_a_stop_while_the_connection_is_being_made_sends_what_waits_once_it_stands(device: Device) -> None:
    """As at a kiosk whose buttons can't be watched: it says so, and ends to be started again."""
    connect = device.broker.connect
    held: list[Callable[[], None]] = []

    def connect_later(url: str, will: Any, filters: Any, on_event: Any, interface: Any) -> None:
        def on_later(event: Any) -> None:
            held.append(lambda: on_event(event)) if isinstance(event, Connected) else on_event(event)

        connect(url, will, filters, on_later, interface)

    device.broker.connect = connect_later  # type: ignore[method-assign,assignment]
    device.passes()
    device.outbox.put(event())
    write(device.outbox)
    wait, waits = device.publisher.run_once, itertools.count()

    def answer_at_the_third(timeout_s: float) -> None:
        if next(waits) == 2:
            held.pop()()
        wait(timeout_s)

    device.publisher.run_once = answer_at_the_third  # type: ignore[method-assign]
    device.publisher.close(5.0)

    assert topics(device.broker.kept) == ["event/person-left"]


def test_a_stop_that_the_broker_does_not_answer_ends_and_keeps_what_is_not_confirmed(device: Device) -> None:
    device.broker.answer = answer_alarms("silence")
    device.outbox.put(alarm())
    device.passes(3)

    class Hurrying(SimClock):
        def boottime_ns(self) -> int:
            device.clock.advance(timedelta(seconds=1))
            return device.clock.boottime_ns()

    device.publisher._clock = Hurrying()
    device.publisher.close(5.0)

    assert device.waiting == {"alarm": 1}
    assert not device.broker.connected


def test_a_stop_without_a_connection_keeps_everything_for_the_next_start(tmp_path: Path) -> None:
    clock = SimClock()
    outbox = open_outbox(tmp_path / "store", clock)
    device = Device(clock, outbox, MemoryBroker(outcome=REFUSED))
    outbox.put(alarm())
    device.passes(2)
    said: list[str] = []
    device.on_farewell = lambda: said.append("farewell")
    device.publisher.close(5.0)
    outbox.close()

    assert said == []
    with opened(tmp_path / "store") as store:
        assert sum(store.counts().values()) == 1


OLD = Connected("3.1.1", 20, why_older="it closed the connection on MQTT 5 and gave no reason", may_speak_5=True)


def test_a_kiosk_that_a_stalled_broker_has_put_on_an_older_mqtt_comes_back_to_5_when_nothing_waits(
    make_device: Callable[..., Device],
) -> None:
    kiosk = make_device(urls=("mqtt://a",), calm=False)
    kiosk.broker.accepted = OLD
    kiosk.passes(2)
    kiosk.advance(3600)
    assert kiosk.connections == 1, "not while an alarm is open"

    kiosk.calm = True
    kiosk.broker.answer = lambda _: "silence"
    kiosk.outbox.put(event())
    kiosk.passes(2)
    assert kiosk.connections == 1, "nor while a message has no answer"

    kiosk.broker.accepted = None
    kiosk.broker.answer = lambda _: "accept"
    for mid in [*kiosk.broker.unanswered]:
        kiosk.broker.settle(mid)
    kiosk.passes(3)
    assert kiosk.connections == 2
    for _ in range(1000):
        kiosk.advance(100)
    assert kiosk.connections == 2


def test_a_broker_that_speaks_no_mqtt_5_and_says_nothing_loses_a_kiosk_ever_more_seldom(
    make_device: Callable[..., Device],
) -> None:
    kiosk = make_device(urls=("mqtt://a",))
    kiosk.broker.accepted = OLD
    for _ in range(3 * 24 * 60):
        kiosk.advance(60)
    assert 5 <= kiosk.connections <= 11

    kiosk.broker.accepted = Connected("3.1.1", 20, why_older="it refuses MQTT 5")
    kiosk.advance(24 * 3600)
    kiosk.advance(60)
    before = kiosk.connections
    for _ in range(3000):
        kiosk.advance(60)
    assert kiosk.connections == before, "one that has refused MQTT 5 is not asked again"
