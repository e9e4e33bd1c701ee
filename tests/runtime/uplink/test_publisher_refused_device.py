from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.commissioning import unsigned
from tests.support.device import WILL, Device
from tests.support.drafts import FACTORY, alarm, security
from tests.support.fake_ports import Answer, topics


@pytest.fixture
def device(make_device: Callable[..., Device]) -> Device:
    device = make_device()
    device.broker.answer = device.second.answer = lambda _: "refuse"
    return device


def put_birth(device: Device) -> None:
    """As the announcer does at each connection; its topic is that of the will."""
    device.outbox.put(replace(security(), topic=WILL.topic, retain=True))


def test_a_broker_that_refuses_our_own_state_is_left_for_the_next_one(device: Device) -> None:
    put_birth(device)
    device.passes(3)

    assert not device.publisher.connected
    assert [end.kind for end in device.ends] == ["refused"]
    assert "access list" in device.ends[0].detail
    device.broker.answer = lambda _: "accept"
    device.advance(200)
    assert [connection.url[-1] for connection in device.broker.connections] == ["a", "b"]


@pytest.mark.parametrize(("answer", "has_us"), [("fail", False), ("in part", True)])
def test_a_broker_that_refuses_our_own_state_without_forbidding_it_is_not_left(
    device: Device, answer: Answer, has_us: bool
) -> None:
    """A cluster refuses in part what would also go to a queue on its dead node: everybody else gets it."""
    device.broker.answer = device.second.answer = lambda _: answer
    put_birth(device)
    device.passes(3)
    assert (device.acceptances > 0) is has_us
    device.advance(1)

    assert device.publisher.connected
    assert device.ends == []
    device.broker.answer = lambda _: "accept"
    device.advance(60)
    assert device.acceptances > 0


def test_the_office_gets_the_report_of_a_walk_that_was_on_its_way_to_a_broker_that_refuses_the_device(
    device: Device,
) -> None:
    """Of what is retained the next connection makes all anew, but not this."""
    device.broker.answer = lambda sent: "refuse" if sent.topic == WILL.topic else "silence"
    device.outbox.put(FACTORY.commissioning(unsigned()))
    put_birth(device)
    device.passes(3)
    assert "commissioning" in topics(device.broker.sent)
    assert not device.publisher.connected
    device.broker.answer = device.second.answer = lambda _: "accept"
    device.advance(200)
    assert "commissioning" in topics(device.second.kept) + topics(device.broker.kept)


def test_what_a_broker_refused_that_refuses_the_whole_device_arrives_later(device: Device) -> None:
    device.outbox.put(alarm())
    device.outbox.put(security())
    for _ in range(10):
        put_birth(device)
        device.passes(3)
        device.advance(200)
    assert device.waiting.keys() >= {"alarm", "security"}

    device.broker.answer = device.second.answer = lambda _: "accept"
    device.advance(200)
    device.advance(200)
    assert device.waiting == {}
    kept = topics(device.second.kept) + topics(device.broker.kept)
    assert "alarm/police" in kept
    assert "security/boot" in kept
    assert [fact.alarm_id for fact in device.deliveries] == ["a1"]
