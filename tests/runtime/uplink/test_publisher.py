import queue
from datetime import timedelta
from typing import Any

import pytest

from agent.ports import Published, Received
from tests.support.device import REFUSED, Device, answer_alarms
from tests.support.drafts import FACTORY, alarm, event, health, security
from tests.support.fake_ports import topics

TALK = Received("down/ack/a1", b"token", 5, retain=False)


def test_what_waits_is_sent_once_connected_and_forgotten_once_confirmed(device: Device) -> None:
    device.outbox.put(event())
    device.outbox.put(alarm())
    device.passes(3)

    assert device.connections == 1
    assert topics(device.broker.kept) == ["alarm/police", "event/person-left"]
    assert device.waiting == {}
    assert [fact.alarm_id for fact in device.deliveries] == ["a1"]


def test_nothing_is_handed_over_without_a_connection(device: Device) -> None:
    device.broker.outcome = REFUSED
    device.outbox.put(alarm())
    device.passes(5)

    assert device.broker.sent == []
    assert device.waiting == {"alarm": 1}
    assert not device.publisher.connected


def test_a_refused_alarm_is_never_given_up(device: Device) -> None:
    device.broker.answer = device.second.answer = answer_alarms("refuse")
    device.outbox.put(alarm())
    device.passes(3)
    for _ in range(20):
        device.advance(61)

    assert len(device.broker.sent) + len(device.second.sent) > 10
    assert device.waiting == {"alarm": 1}
    assert device.deliveries == []
    assert device.outbox.figures()[1]["alarm"] == 0

    device.broker.answer = device.second.answer = lambda _: "accept"
    device.advance(61)
    assert device.waiting == {}
    assert [fact.alarm_id for fact in device.deliveries] == ["a1"]


@pytest.mark.parametrize("draft", [event(), health(), security(), FACTORY.snapshot("p1", b"jpeg")])
def test_a_refused_message_of_another_class_is_given_up_after_five_tries(device: Device, draft: Any) -> None:
    device.broker.answer = lambda _: "refuse"
    device.outbox.put(draft)
    device.passes(3)
    for _ in range(20):
        device.advance(10)

    assert len(device.broker.sent) == 5
    assert device.waiting == {}
    assert sum(device.outbox.figures()[1].values()) == 1
    assert [detail for _, detail in device.refusals] == ["not authorized"]


def test_a_refused_message_does_not_stand_in_the_way_of_others(device: Device) -> None:
    device.second.outcome = REFUSED
    device.broker.answer = answer_alarms("refuse")
    device.outbox.put(alarm())
    device.outbox.put(event())
    device.passes(3)

    assert topics(device.broker.kept) == ["event/person-left"]


@pytest.mark.parametrize(("receive_maximum", "window"), [(1, 1), (7, 7), (20, 20), (65535, 20)])
def test_no_more_is_in_flight_than_the_broker_and_we_allow(device: Device, receive_maximum: int, window: int) -> None:
    device.broker.receive_maximum = receive_maximum
    device.broker.answer = lambda _: "silence"
    for number in range(50):
        device.outbox.put(alarm(f"a{number}"))
    device.passes(4)
    assert len(device.broker.unanswered) == window

    device.broker.settle(1)
    device.passes(2)
    assert len(device.broker.sent) == window + 1


def test_an_alarm_goes_before_telemetry_that_waits_for_room(device: Device) -> None:
    device.broker.receive_maximum = 1
    device.broker.answer = lambda _: "silence"
    device.outbox.put(event("e1"))
    device.outbox.put(event("e2"))
    device.passes(3)
    device.outbox.put(alarm())
    device.broker.settle(1)
    device.passes(2)

    assert topics(device.broker.sent) == ["event/person-left", "alarm/police"]


def test_an_answer_for_a_message_that_is_not_on_its_way_confirms_nothing(device: Device) -> None:
    device.broker.answer = lambda _: "silence"
    device.outbox.put(alarm("a1"))
    device.passes(3)
    device.broker._on_event(Published(99, accepted=True))
    device.passes()

    assert device.waiting == {"alarm": 1}
    assert device.deliveries == []


def test_a_broker_that_does_not_answer_does_not_spin_the_processor_while_the_disk_hangs(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.broker.answer = lambda _: "silence"
    device.broker.receive_maximum = 1
    device.passes(2)
    device.outbox.put(alarm("a1"))
    device.outbox.put(alarm("a2"))
    device.clock.advance(timedelta(seconds=1))
    device.publisher.run_once(0)
    assert len(device.broker.unanswered) == 1
    waits: list[float | None] = []

    class Watched(queue.SimpleQueue):  # type: ignore[type-arg]
        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            waits.append(timeout)
            raise queue.Empty

    monkeypatch.setattr(device.publisher._inbox, "_events", Watched())
    device.publisher.run_once(0.5)

    assert waits == [0.5]


def test_what_comes_down_is_handed_on(device: Device) -> None:
    device.passes(2)
    device.broker.send_down(TALK)
    device.passes()

    assert device.heard == [TALK]


def test_a_broker_that_never_stops_talking_keeps_no_alarm_from_leaving(device: Device) -> None:
    class TalksOn(list[Received]):
        def append(self, message: Received) -> None:
            super().append(message)
            if len(self) < 10_000:
                device.broker.send_down(message)

    device.passes(2)
    device.heard = TalksOn()
    device.broker.send_down(TALK)
    device.outbox.put(alarm())
    device.publisher.run_once(0)

    assert topics(device.broker.sent) == ["alarm/police"]
    assert 0 < len(device.heard) < 1_000


def test_what_comes_down_faster_than_it_is_read_fills_no_memory_and_is_told(device: Device) -> None:
    device.passes(2)
    device.outbox.put(alarm())
    device.publisher.run_once(0)
    for _ in range(1_000):
        device.broker.send_down(TALK)
    device.passes(20)

    assert 0 < len(device.heard) < 500
    assert device.floods == 1
    assert [fact.alarm_id for fact in device.deliveries] == ["a1"]

    device.broker.send_down(TALK)
    device.broker.drop()
    device.passes()
    assert len(device.ends) == 1, "the end of a connection is never too much"
    assert device.floods == 1
