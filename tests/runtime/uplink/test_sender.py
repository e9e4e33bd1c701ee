from collections.abc import Callable
from dataclasses import replace

import pytest

from agent.contract.messages import Rank
from agent.core.errors import MessageRefused
from agent.ports import OutgoingMessage
from tests.support.device import Device, answer_alarms
from tests.support.drafts import alarm, event, picture
from tests.support.fake_ports import MemoryBroker, topics


@pytest.fixture
def device(make_device: Callable[..., Device]) -> Device:
    """It has only one broker."""
    return make_device(urls=("mqtt://a",))


@pytest.mark.parametrize(("receive_maximum", "telemetry"), [(1, 1), (2, 1), (3, 2), (8, 4), (20, 16), (65535, 16)])
def test_telemetry_that_is_not_acknowledged_leaves_places_for_an_alarm(
    device: Device, receive_maximum: int, telemetry: int
) -> None:
    device.broker.receive_maximum = receive_maximum
    device.broker.answer = lambda _: "silence"
    for number in range(40):
        device.outbox.put(event(f"e{number}"))
    device.passes(4)
    assert len(device.broker.unanswered) == telemetry

    device.outbox.put(alarm())
    device.passes(2)
    assert topics(device.broker.sent).count("alarm/police") == (receive_maximum > 1)


@pytest.mark.parametrize("receive_maximum", [1, 2, 20])
def test_an_alarm_waits_for_no_place_longer_than_for_an_acknowledgement(device: Device, receive_maximum: int) -> None:
    device.broker.receive_maximum = receive_maximum
    device.broker.answer = lambda _: "silence"
    for number in range(receive_maximum):
        device.outbox.put(replace(event(f"e{number}"), rank=Rank.STATE))
    device.passes(3)
    device.advance(5)
    device.outbox.put(alarm())
    device.advance(4)
    assert device.connections == 1
    assert topics(device.broker.sent).count("alarm/police") == 0

    device.broker.answer = lambda _: "accept"
    device.advance(1.1)
    device.passes(3)
    assert [fact.alarm_id for fact in device.deliveries] == ["a1"]


def test_an_alarm_that_the_only_broker_refuses_is_tried_on_its_one_connection_until_it_is_taken(device: Device) -> None:
    device.broker.answer = answer_alarms("refuse")
    device.outbox.put(alarm())
    device.passes(3)
    for _ in range(20):
        device.advance(61)
    assert topics(device.broker.sent).count("alarm/police") > 10
    assert device.connections == 1

    device.broker.answer = lambda _: "accept"
    device.advance(61)
    assert [fact.alarm_id for fact in device.deliveries] == ["a1"]


def test_what_a_cluster_passes_on_in_part_comes_once_but_the_newest_message_of_an_alarm_does_again(
    device: Device,
) -> None:
    """RabbitMQ says so of each message, while a node is dead at which somebody had subscribed."""
    device.broker.answer = lambda _: "in part"
    device.outbox.put(event())
    device.outbox.put(alarm("a1"))
    device.outbox.put(alarm("a1", press_count=2))
    device.outbox.put(alarm("a2"))
    device.passes(3)
    for _ in range(600):
        device.advance(1)

    sent = topics(device.broker.sent)
    assert sent.count("event/person-left") == 1
    assert 2 * 10 <= sent.count("alarm/police") <= 2 * 20, "of two alarms, in ten minutes"
    assert device.waiting == {"alarm": 2}
    assert device.outbox.figures()[1] == dict.fromkeys(device.outbox.figures()[1], 0), "nothing is given up"
    assert topics([message for message, _ in device.refusals]) == ["alarm/police"] * 2

    device.broker.answer = lambda _: "accept"
    device.advance(61)
    assert {fact.alarm_id for fact in device.deliveries} == {"a1", "a2"}


def test_a_message_that_the_connection_can_not_carry_is_given_up_and_told(device: Device) -> None:
    too_large(device.broker, "snapshot/")
    device.outbox.put(picture())
    device.outbox.put(event())
    device.passes(3)

    assert device.waiting == {}
    assert topics(device.broker.kept) == ["event/person-left"]
    assert [(m.topic.rpartition("/up/")[2], why) for m, why in device.refusals] == [("snapshot/p1", "too large")]
    assert device.outbox.figures()[1]["picture"] == 1


def test_an_alarm_that_one_broker_can_not_carry_goes_to_the_next(make_device: Callable[..., Device]) -> None:
    device = make_device()
    too_large(device.broker, "alarm/")
    device.outbox.put(alarm())
    device.passes(4)

    assert topics(device.second.kept) == ["alarm/police"]
    assert device.outbox.figures()[1]["alarm"] == 0


def too_large(broker: MemoryBroker, part: str) -> None:
    publish = broker.publish

    def publish_or_refuse(message: OutgoingMessage) -> int:
        if part in message.topic:
            raise MessageRefused("too large")
        return publish(message)

    broker.publish = publish_or_refuse  # type: ignore[method-assign]
