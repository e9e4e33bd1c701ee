"""Which path an alarm takes when the one in use does not carry it."""

from collections.abc import Callable

from agent.trust.disconnected import TAKEN_OVER, Disconnected
from tests.support.device import NOWHERE, REFUSED, Device, answer_alarms, lose_the_first, swallow, url_of
from tests.support.drafts import alarm, event, security
from tests.support.fake_ports import MemoryBroker, topics


def test_an_alarm_that_the_broker_does_not_acknowledge_goes_by_the_next_path(device: Device) -> None:
    device.broker.answer = answer_alarms("silence")
    device.outbox.put(alarm())
    device.passes(3)
    device.advance(9.9)
    assert device.second.connections == []

    device.advance(0.2)
    device.passes(2)

    assert url_of(device.second) == "mqtt://b"
    assert topics(device.second.kept) == ["alarm/police"]
    assert device.waiting == {}
    assert (device.broker.wills, device.broker.orderly_ends) == (1, 0)
    assert (device.connections, device.moves, device.ends) == (2, 1, [])


def test_a_path_that_fails_costs_nothing_while_the_one_in_use_stands(device: Device) -> None:
    device.second.outcome = NOWHERE
    device.passes(2)
    device.publisher.try_other_path("a1/delayed", unless_watched=False)
    device.passes(3)

    assert len(device.second.connections) == 1
    assert device.publisher.connected
    assert (device.connections, device.ends, device.broker.wills) == (1, [], 0)
    device.outbox.put(alarm())
    device.passes(2)
    assert topics(device.broker.kept) == ["alarm/police"]


def test_when_no_other_path_carries_the_silent_broker_is_connected_to_again(device: Device) -> None:
    device.broker.answer = answer_alarms("silence")
    device.second.outcome = NOWHERE
    device.outbox.put(alarm())
    device.passes(3)
    device.broker.answer = device.second.answer = lambda _: "accept"
    device.second.outcome = None
    device.second.connect = refuse_once(device.second)  # type: ignore[method-assign]
    device.advance(10.1)
    device.passes(4)

    assert [end.kind for end in device.ends] == ["lost"]
    assert device.publisher.connected
    assert device.waiting == {}


def refuse_once(broker: MemoryBroker) -> Callable[..., None]:
    connect = broker.connect
    refused: list[bool] = []

    def connect_or_refuse(*arguments: object, **more: object) -> None:
        if not refused:
            refused.append(True)
            broker.outcome = NOWHERE
            connect(*arguments, **more)  # type: ignore[arg-type]
            broker.outcome = None
        else:
            connect(*arguments, **more)  # type: ignore[arg-type]

    return connect_or_refuse


def test_an_alarm_that_nobody_answers_makes_the_device_move_once_a_reason(device: Device) -> None:
    device.passes(2)
    for _ in range(5):
        device.publisher.try_other_path("a1/delayed", unless_watched=False)
        device.advance(1)
    assert (device.connections, device.moves) == (2, 1)
    assert url_of(device.second) == "mqtt://b"

    device.advance(20)
    device.publisher.try_other_path("a1/unconfirmed", unless_watched=False)
    device.passes(2)
    assert (device.connections, device.moves) == (3, 2)
    assert url_of(device.broker) == "mqtt://a"


def test_an_alarm_that_nobody_answers_during_the_try_of_another_path_has_the_next_one_tried(
    make_device: Callable[..., Device],
) -> None:
    device = make_device(urls=("mqtt://a", "mqtt://b", "mqtt://c"))
    device.passes(2)
    lose_the_first(device)
    connect = device.second.connect
    swallow(device.second)
    device.advance(300)
    device.passes(2)
    assert url_of(device.second) == "mqtt://a", "the first path is tried again, and hangs"

    device.calm = False
    device.publisher.try_other_path("a1/delayed", unless_watched=False)
    device.passes(2)
    device.second.connect = connect  # type: ignore[method-assign]
    device.advance(10.1)
    device.passes(3)

    assert url_of(device.second) == "mqtt://c"
    assert device.moves == 2


def test_while_an_alarm_is_open_no_path_is_tried_for_longer_than_the_next_one_can_wait(
    make_device: Callable[..., Device],
) -> None:
    """The broker in use has taken the alarm, and nobody has registered it."""
    device = make_device(urls=("mqtt://a", "mqtt://b", "mqtt://c"))
    device.passes(2)
    swallow(device.second)
    device.calm = False
    device.publisher.try_other_path("a1/delayed", unless_watched=False)
    device.passes(2)
    device.advance(2.9)
    assert [c.url for c in device.second.connections] == ["mqtt://b"]
    device.advance(0.2)
    device.passes(2)
    assert [c.url for c in device.second.connections] == ["mqtt://b", "mqtt://c"]

    for _ in range(100):
        device.advance(1)
    assert len(device.second.connections) == 2, "once each for one reason"
    assert device.connections == 1


def test_while_an_alarm_is_open_a_slow_path_beside_is_given_more_time_each_round(device: Device) -> None:
    device.passes(2)
    swallow(device.second)
    device.calm = False
    lasted = []
    for stage in range(8):
        device.publisher.try_other_path(f"a1/unconfirmed/{stage}", unless_watched=False)
        device.advance(61)
        lasted.append(tried_for_s(device))

    assert lasted == [3, 6, 12, 24, 48, 96, 180, 180]


def tried_for_s(device: Device) -> int:
    """How long the try of another path that has just begun lasts, in whole seconds."""
    seconds = 0
    while device.publisher._candidate is not None:
        device.advance(1)
        seconds += 1
    return seconds - 1


def test_many_alarms_that_nobody_answers_at_the_same_time_make_one_move(device: Device) -> None:
    device.passes(2)
    for number in range(10):
        device.publisher.try_other_path(f"a{number}/delayed", unless_watched=False)
        device.passes(2)

    assert device.moves == 1


def test_the_only_path_is_not_left_because_nobody_answers(make_device: Callable[..., Device]) -> None:
    device = make_device(urls=("mqtt://a",))
    device.passes(2)
    device.publisher.try_other_path("a1/delayed", unless_watched=False)
    device.passes(3)

    assert (device.connections, device.moves) == (1, 0)


def test_a_broker_that_refuses_only_the_alarm_is_left_at_once(device: Device) -> None:
    device.broker.answer = answer_alarms("refuse")
    device.outbox.put(alarm())
    device.passes(5)

    assert topics(device.second.kept) == ["alarm/police"]
    assert [detail for _, detail in device.refusals] == ["not authorized"]
    assert device.waiting == {}


def test_an_alarm_that_every_broker_refuses_moves_at_most_once_a_minute_and_is_never_given_up(device: Device) -> None:
    device.broker.answer = device.second.answer = answer_alarms("refuse")
    device.outbox.put(alarm())
    device.outbox.put(event())
    device.passes(5)
    for _ in range(600):
        device.advance(1)

    assert 8 <= device.moves <= 16
    assert sum(topics(each.sent).count("alarm/police") for each in (device.broker, device.second)) < 40
    assert device.waiting == {"alarm": 1}
    assert topics(device.broker.kept) + topics(device.second.kept) == ["event/person-left"]
    assert len(device.refusals) == 1

    device.second.answer = device.broker.answer = lambda _: "accept"
    for _ in range(61):
        device.advance(1)
    assert device.waiting == {}


def test_an_alarm_that_every_broker_passes_on_in_part_moves_a_few_times_and_then_stays(device: Device) -> None:
    device.broker.answer = device.second.answer = lambda _: "in part"
    device.outbox.put(alarm())
    device.passes(5)
    for _ in range(600):
        device.advance(1)

    assert 2 <= device.moves <= 5
    assert device.waiting == {"alarm": 1}


def test_an_alarm_does_not_wait_for_a_connect_that_hangs_while_another_path_is_untried(device: Device) -> None:
    swallow(device.broker)
    swallow(device.second)
    device.outbox.put(alarm())
    device.passes(2)
    device.advance(3.1)
    assert sorted(urls(device)) == ["mqtt://a", "mqtt://b"]
    for _ in range(100):
        device.advance(1)

    # Each further round is given twice the time, for links on which everything takes long.
    assert urls(device).count("mqtt://a") == 5
    assert urls(device).count("mqtt://b") in {4, 5}


def urls(device: Device) -> list[str]:
    return [c.url for broker in (device.broker, device.second) for c in broker.connections]


def test_a_press_during_a_connect_that_hangs_is_sent_by_the_next_path_within_3_s(device: Device) -> None:
    connect = device.broker.connect
    swallow(device.broker)
    device.passes(2)
    device.broker.connect = connect  # type: ignore[method-assign]
    device.advance(60)
    assert urls(device) == ["mqtt://a"]

    device.outbox.put(alarm())
    device.passes(4)

    assert urls(device) == ["mqtt://a", "mqtt://b"]
    assert topics(device.broker.kept) == ["alarm/police"]


def test_without_an_alarm_a_slow_connect_is_given_its_time(device: Device) -> None:
    swallow(device.broker)
    device.passes(2)
    for _ in range(100):
        device.advance(1)

    assert [c.url for c in device.broker.connections] == ["mqtt://a"]


def test_what_a_connection_that_was_left_still_says_counts_no_more(device: Device) -> None:
    device.broker.answer = answer_alarms("silence")
    device.outbox.put(alarm())
    device.passes(3)
    late = device.broker._on_event
    device.second.answer = answer_alarms("silence")
    device.advance(10.1)
    device.passes(2)
    assert url_of(device.second) == "mqtt://b"

    late(Disconnected("lost", "of the old one"))
    device.passes(2)

    assert device.publisher.connected
    assert device.ends == []
    assert device.waiting == {"alarm": 1}


def test_a_node_of_a_cluster_that_says_that_we_are_at_another_one_now_is_no_thief(device: Device) -> None:
    """It ends our connection as soon as the next one has our client id, before that one is of use."""
    device.passes(2)
    swallow(device.second)
    device.publisher.try_other_path("a1/delayed", unless_watched=False)
    device.passes(2)

    device.broker._on_event(Disconnected(TAKEN_OVER, "another client uses this device's id"))
    device.passes(1)

    assert [end.kind for end in device.ends] == ["lost"]


def test_a_stop_ends_the_try_of_another_path_too(device: Device) -> None:
    device.passes(2)
    swallow(device.second)
    device.publisher.try_other_path("a1/delayed", unless_watched=False)
    device.passes(2)

    device.publisher.close(5.0)

    assert not device.publisher.connected
    assert device.broker.orderly_ends == 1


def test_what_has_waited_goes_by_the_second_path_when_the_first_is_not_there_at_start(device: Device) -> None:
    device.broker.outcome = REFUSED
    device.outbox.put(alarm())
    device.outbox.put(security())
    device.passes(1)
    device.broker.outcome = None
    device.passes(3)

    assert [c.url for c in device.broker.connections] == ["mqtt://a", "mqtt://b"]
    assert topics(device.broker.kept) == ["alarm/police", "security/boot"]
    assert device.moves == 0
