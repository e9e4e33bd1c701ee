"""Pictures of live view: what nobody will miss, and what an alarm must not notice."""

from collections.abc import Callable

import pytest

from agent.core.errors import MessageRefused
from agent.ports import OutgoingMessage
from tests.support.device import Device
from tests.support.drafts import alarm, event
from tests.support.fake_ports import topics

PICTURE = OutgoingMessage("edge/v1/gp/park-station/kiosk-1/up/live/front", b"\xff\xd8", qos=0)


@pytest.fixture
def device(make_device: Callable[..., Device]) -> Device:
    """It has only one broker, which has let it in."""
    device = make_device(urls=("mqtt://a",))
    device.passes(2)
    return device


def test_a_picture_is_sent_past_the_outbox_and_leaves_nothing_behind(device: Device) -> None:
    assert device.sender.offer(PICTURE)
    device.passes(2)
    assert topics(device.broker.sent) == ["live/front"]
    assert device.sender.idle
    assert device.waiting == {}
    assert device.refusals == []


def test_no_picture_is_sent_while_an_alarm_waits_for_the_broker(device: Device) -> None:
    device.broker.answer = lambda _: "silence"
    device.outbox.put(alarm())
    device.passes(2)
    assert not device.sender.offer(PICTURE)

    device.broker.settle(*device.broker.unanswered)
    device.passes(2)
    assert device.sender.offer(PICTURE)


def test_no_picture_is_sent_without_a_connection_or_while_the_line_is_busy(device: Device) -> None:
    device.broker.idle = False
    assert not device.sender.offer(PICTURE)
    device.broker.idle = True
    device.broker.drop()
    assert not device.sender.offer(PICTURE), "paho knows before the publisher does"
    device.passes()
    assert not device.sender.offer(PICTURE)
    assert "live/front" not in topics(device.broker.sent)


def test_an_alarm_that_a_cluster_passes_on_in_part_hides_no_camera_from_whoever_answers_it(device: Device) -> None:
    """It rests for as long as a node is dead at which somebody had subscribed."""
    device.broker.answer = lambda _: "in part"
    device.outbox.put(alarm("a1"))
    device.passes(3)
    device.advance(20)
    assert device.waiting == {"alarm": 1}
    assert device.sender.offer(PICTURE)
    device.broker.answer = lambda _: "silence"
    device.outbox.put(alarm("a2"))
    device.passes(1)
    assert not device.sender.offer(PICTURE), "that one is under way"


def test_a_picture_that_the_broker_can_not_carry_is_not_told_as_a_message_would_be(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(message: OutgoingMessage) -> bool:
        raise MessageRefused("too large")

    monkeypatch.setattr(device.broker, "offer", refuse)
    with pytest.raises(MessageRefused):
        device.sender.offer(PICTURE)
    assert device.refusals == []


def ends_for_a_picture(device: Device) -> None:
    assert device.sender.offer(PICTURE)
    device.broker.drop()
    device.passes()
    device.advance(130)
    device.passes(2)
    assert device.broker.connected


def test_a_broker_that_ends_the_connection_for_a_picture_is_not_given_a_third(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        assert device.sender.pictures_rest_s() == 0
        ends_for_a_picture(device)
    assert not device.sender.offer(PICTURE)
    assert device.sender.pictures_rest_s() == 600 - 130
    assert caplog.text.count("none is sent for 10 minutes") == 1
    device.outbox.put(event())
    device.passes(2)
    assert topics(device.broker.sent)[-1] == "event/person-left"


def test_pictures_are_offered_again_after_ten_minutes_to_a_line_that_has_only_flapped(device: Device) -> None:
    for _ in range(2):
        ends_for_a_picture(device)
    device.advance(600 - 130)
    device.passes(2)
    assert device.sender.pictures_rest_s() == 0
    assert device.sender.offer(PICTURE)
    device.advance(6)
    assert device.sender.offer(PICTURE), "it has lived with pictures, so the two are forgotten"
    device.broker.drop()
    device.passes()
    device.advance(130)
    device.passes(2)
    ends_for_a_picture(device)
    assert device.sender.offer(PICTURE)


def test_a_broker_that_ends_it_again_after_ten_minutes_is_given_no_second(device: Device) -> None:
    for _ in range(2):
        ends_for_a_picture(device)
    device.advance(600)
    device.passes(2)
    ends_for_a_picture(device)
    assert not device.sender.offer(PICTURE)


def test_connections_that_end_for_other_reasons_do_not_count_against_pictures(device: Device) -> None:
    for _ in range(4):
        assert device.sender.offer(PICTURE)
        device.advance(6)
        assert device.sender.offer(PICTURE)
        device.broker.drop()
        device.passes()
        device.advance(130)
        device.passes(2)
