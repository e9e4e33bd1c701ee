"""Messages with which connections die: what is held against them, and who must not wait for them."""

import gc
import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import pytest

from agent.contract.messages import Draft
from agent.ports import OutgoingMessage
from tests.support.device import Device, answer_alarms
from tests.support.drafts import IDENTITY, alarm, event, picture, security
from tests.support.fake_ports import Answer, topics


@pytest.fixture
def device(make_device: Callable[..., Device]) -> Device:
    """It has only one broker."""
    return make_device(urls=("mqtt://a",))


def breaks_at(device: Device, part: str, kind: str = "lost") -> None:
    """The broker ends the connection whenever such a message comes, and answers for none that is with it."""
    broker = device.broker
    publish = broker.publish

    def publish_or_break(message: OutgoingMessage) -> int:
        if part in message.topic:
            broker.answer = lambda _: "silence"
            mid = publish(message)
            broker.drop(kind)
            return mid
        broker.answer = lambda _: "accept"
        return publish(message)

    broker.publish = publish_or_break  # type: ignore[method-assign]


def test_a_message_that_the_broker_hangs_up_on_is_given_up_and_what_is_behind_it_arrives(device: Device) -> None:
    breaks_at(device, "person-left")
    device.outbox.put(event())
    device.outbox.put(picture())
    device.outbox.put(security())
    for _ in range(40):
        device.advance(10)

    assert sorted(topics(device.broker.kept)) == ["security/boot", "snapshot/p1"]
    assert device.waiting == {}
    assert device.outbox.figures()[1]["event"] == 1
    assert [(m.topic.rpartition("/")[2], "sent alone" in why) for m, why in device.refusals] == [("person-left", True)]
    assert len(device.ends) <= 6


def test_an_alarm_that_the_broker_hangs_up_on_is_kept_and_lets_others_pass(device: Device) -> None:
    breaks_at(device, "alarm/police")
    device.outbox.put(alarm())
    device.outbox.put(security())
    device.outbox.put(event())
    for _ in range(120):
        device.advance(1)

    assert topics(device.broker.kept) == ["security/boot", "event/person-left"]
    assert device.waiting == {"alarm": 1}
    before = len(device.ends)
    for _ in range(600):
        device.advance(1)
    assert len(device.ends) - before <= 11

    del device.broker.publish
    device.broker.answer = lambda _: "accept"
    for _ in range(70):
        device.advance(1)
    assert device.waiting == {}
    assert [fact.alarm_id for fact in device.deliveries] == ["a1"]


def test_an_alarm_still_arrives_while_another_one_ends_every_connection(device: Device) -> None:
    breaks_at(device, "alarm/poison")
    device.outbox.put(alarm("a1", input="poison"))
    for _ in range(60):
        device.advance(1)
    device.outbox.put(alarm("a2"))
    for _ in range(70):
        device.advance(1)

    assert [fact.alarm_id for fact in device.deliveries] == ["a2"]
    assert device.waiting == {"alarm": 1}


def make_suspects(device: Device, *drafts: Draft) -> None:
    """Two connections die with these under way; the broker of the third one answers as before."""
    answer, device.broker.answer = device.broker.answer, lambda _: "silence"
    for draft in drafts:
        device.outbox.put(draft)
    device.passes(2)
    lose_connection(device)
    device.advance(130)
    assert len(device.broker.unanswered) == len(drafts)
    lose_connection(device)
    device.broker.answer = answer
    device.broker.sent.clear()
    device.advance(130)
    device.passes(2)


def lose_connection(device: Device) -> None:
    device.broker.drop()
    device.passes()


def test_an_alarm_does_not_wait_for_a_suspect_that_goes_alone(device: Device) -> None:
    device.broker.answer = silence_for("person-left")
    make_suspects(device, event())
    assert topics(device.broker.sent) == ["event/person-left"]

    device.outbox.put(event("e2"))
    device.outbox.put(alarm())
    device.passes(2)
    assert [fact.alarm_id for fact in device.deliveries] == ["a1"]
    assert topics(device.broker.sent) == ["event/person-left", "alarm/police"], "nothing else goes beside the suspect"


def test_a_suspected_alarm_does_not_wait_for_a_suspect_of_a_lower_class(device: Device) -> None:
    device.broker.answer = lambda message: "refuse" if "/alarm/" in message.topic else "silence"
    make_suspects(device, alarm(), event())
    assert topics(device.broker.sent) == ["alarm/police", "event/person-left"]

    device.broker.answer = lambda _: "accept"
    device.advance(2)
    assert [fact.alarm_id for fact in device.deliveries] == ["a1"]
    assert device.waiting == {"event": 1}


def test_a_fresh_alarm_goes_before_an_alarm_that_ends_every_connection(device: Device) -> None:
    breaks_at(device, "alarm/poison")
    device.outbox.put(alarm("a1", input="poison"))
    for _ in range(2):
        device.passes(3)
        device.advance(3)
    assert len(device.ends) == 2
    device.outbox.put(alarm("a2"))
    device.advance(6)
    device.passes(2)

    assert [fact.alarm_id for fact in device.deliveries] == ["a2"]


def test_an_alarm_passes_a_suspected_alarm_that_is_not_answered(device: Device) -> None:
    device.broker.answer = silence_for("alarm/poison")
    make_suspects(device, alarm("a1", input="poison"))
    device.outbox.put(alarm("a2"))
    device.passes(2)

    assert [fact.alarm_id for fact in device.deliveries] == ["a2"]


def test_of_several_suspected_alarms_one_that_is_never_answered_holds_no_other_up(device: Device) -> None:
    device.broker.answer = silence_for("alarm/poison")
    make_suspects(device, alarm("a1", input="poison"), alarm("a2"), alarm("a3"))
    assert device.deliveries == []
    for _ in range(20):
        device.advance(1)

    assert [fact.alarm_id for fact in device.deliveries] == ["a2", "a3"]
    device.broker.answer = lambda _: "accept"
    for _ in range(20):
        device.advance(1)
    assert [fact.alarm_id for fact in device.deliveries] == ["a2", "a3", "a1"]


def silence_for(part: str) -> Callable[[OutgoingMessage], Answer]:
    return lambda message: "silence" if part in message.topic else "accept"


def test_a_network_that_comes_and_goes_makes_nothing_be_given_up(device: Device) -> None:
    device.broker.answer = lambda _: "silence"
    for number in range(3):
        device.outbox.put(event(f"e{number}"))
        device.outbox.put(alarm(f"a{number}"))
    for _ in range(20):
        device.passes(2)
        device.broker.drop()
        device.passes()
        device.advance(130)

    assert device.refusals == []
    device.broker.answer = lambda _: "accept"
    for _ in range(20):
        device.advance(60)
    assert sorted(fact.alarm_id for fact in device.deliveries) == ["a0", "a1", "a2"]
    assert device.waiting == {}


def test_what_is_held_against_messages_that_expire_in_a_long_outage_is_forgotten_with_them(device: Device) -> None:
    """A broker that refuses each one and hangs up fills no memory."""
    tracemalloc.start()
    try:
        rounds_of_loss(device, 50)
        before = traced_bytes()
        rounds_of_loss(device, 50)
        assert device.waiting == {}
        assert traced_bytes() - before < 20_000
    finally:
        tracemalloc.stop()


def rounds_of_loss(device: Device, count: int) -> None:
    """Events are sent, one is refused, the connection dies, and a day later they are worth nothing."""
    refused = replace(event(), topic=IDENTITY.up("event", "person-entered"))
    device.broker.answer = lambda message: "refuse" if message.topic == refused.topic else "silence"
    for _ in range(count):
        for draft in [event()] * 15 + [refused]:
            device.outbox.put(draft)
        device.passes(2)
        assert len(device.broker.unanswered) == 15
        device.broker.drop()
        device.passes()
        device.advance(25 * 3600)
        for notes in (device.broker.sent, device.refusals, device.ends):
            notes.clear()


def traced_bytes() -> int:
    """What the agent's own code holds of memory."""
    gc.collect()
    own = tracemalloc.Filter(True, "*/agent/*")
    return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces([own]).traces)


def test_connections_that_we_leave_ourselves_are_held_against_no_message(device: Device) -> None:
    device.broker.answer = answer_alarms("silence")
    device.outbox.put(alarm())
    for _ in range(10):
        device.passes(2)
        device.advance(11)

    assert topics(device.broker.sent).count("alarm/police") >= 9
