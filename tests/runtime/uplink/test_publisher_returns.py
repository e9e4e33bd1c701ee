"""Back to the first path, and to where somebody watches: moves that no alarm waits for."""

import itertools

import pytest

from tests.support.device import NOWHERE, Device, answer_alarms, lose_the_first, swallow, url_of
from tests.support.drafts import alarm


def test_a_lost_path_is_followed_by_the_next_and_the_first_is_returned_to_when_it_is_stable(device: Device) -> None:
    device.passes(2)
    lose_the_first(device)
    assert [c.url for c in device.broker.connections] == ["mqtt://a", "mqtt://b"]

    device.advance(295)
    assert device.second.connections == []
    device.advance(5)
    device.passes(2)

    assert url_of(device.second) == "mqtt://a"
    assert (device.connections, device.moves, len(device.ends)) == (3, 2, 1)
    assert device.broker.wills == 1


def test_a_first_path_that_does_not_work_yet_is_tried_without_leaving_the_one_that_does(device: Device) -> None:
    device.passes(2)
    lose_the_first(device)
    device.second.outcome = NOWHERE
    for _ in range(1000):
        device.advance(1)

    assert [c.url for c in device.second.connections] == ["mqtt://a"] * 2
    assert device.publisher.connected
    assert (device.connections, len(device.ends)) == (2, 1)


@pytest.mark.parametrize("trouble", ["alarm is open", "alarm waits"])
def test_nothing_is_changed_back_while_an_alarm_could_be_disturbed(device: Device, trouble: str) -> None:
    device.passes(2)
    lose_the_first(device)
    if trouble == "alarm is open":
        device.calm = False
    else:
        device.broker.answer = answer_alarms("refuse")
        device.second.outcome = NOWHERE
        device.outbox.put(alarm())
    before = device.connections
    device.advance(1000)
    device.passes(3)

    assert device.connections == before
    if trouble == "alarm is open":
        assert device.second.connections == []


def test_an_alarm_that_stalls_after_hours_of_failed_returns_waits_no_longer_for_it(device: Device) -> None:
    device.passes(2)
    lose_the_first(device)
    swallow(device.second)
    for _ in range(3 * 360):
        device.advance(10)
    while device.second.connections:  # no return is under way
        device.second.connections.clear()
        device.advance(200)
    device.broker.answer = answer_alarms("silence")
    ends = len(device.ends)
    device.outbox.put(alarm())
    device.passes()
    waited_s = 0
    while len(device.ends) == ends and waited_s < 300:
        device.advance(1)
        waited_s += 1

    assert waited_s <= 25  # ten until it stalls, and ten for the path that hangs


def test_later_reasons_move_the_device_only_while_nobody_is_known_to_watch(device: Device) -> None:
    device.passes(2)
    device.watched = True
    device.publisher.try_other_path("a1/delayed", unless_watched=False)
    device.passes(3)
    device.advance(20)
    device.publisher.try_other_path("a1/unconfirmed", unless_watched=True)
    device.passes(3)
    assert device.moves == 1

    device.watched = None
    device.publisher.try_other_path("a1/unconfirmed/1", unless_watched=True)
    device.passes(3)
    assert device.moves == 2


def test_a_broker_at_which_nobody_watches_is_left_for_one_at_which_somebody_does(device: Device) -> None:
    device.passes(2)
    device.watched = False
    device.passes(1)
    device.watched = None
    device.passes(2)
    assert url_of(device.second) == "mqtt://b"
    device.watched = True

    # The first is looked at ever more seldom as long as nobody is there.
    looks = []
    for second in range(8000):
        device.advance(1)
        if device.connections % 2:
            looks.append(second)
            device.watched = False
            device.passes(3)
            device.watched = True
    gaps = [later - earlier for earlier, later in itertools.pairwise(looks)]
    assert [round(gap, -2) for gap in gaps] == [600, 1200, 2400]


def test_where_nobody_watches_anywhere_the_device_looks_around_ever_more_seldom(device: Device) -> None:
    device.watched = False
    for _ in range(4 * 3600):
        device.advance(1)

    assert 4 <= device.moves <= 14
    assert device.publisher.connected
