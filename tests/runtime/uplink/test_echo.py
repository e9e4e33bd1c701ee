"""Nothing may keep acks from a kiosk unnoticed: its own echo through the broker tells it."""

from collections.abc import Callable

import pytest

from agent.contract.messages import SecurityData
from agent.ports import Received
from tests.support.device import ECHO, NOWHERE, Device, url_of
from tests.support.drafts import alarm
from tests.support.fake_ports import topics

REST_S, ALARM_S = 300, 10


@pytest.fixture
def kiosk(make_device: Callable[..., Device]) -> Device:
    """With one broker, which has returned an echo."""
    kiosk = make_device(urls=("mqtt://a",))
    kiosk.passes(3)
    assert len(kiosk.broker.echoes) == 1
    return kiosk


def seconds(device: Device, count: float) -> None:
    for _ in range(int(2 * count)):
        device.advance(0.5)


def right_behind_an_echo(device: Device) -> None:
    """Go on until the next one is farthest away."""
    before = len(device.broker.echoes)
    while len(device.broker.echoes) == before:
        device.advance(0.5)


def until_it_connects_again(device: Device, most_s: float) -> float:
    """How long it takes, in seconds."""
    before = len(device.broker.connections) + len(device.second.connections)
    for half in range(int(2 * most_s) + 1):
        if len(device.broker.connections) + len(device.second.connections) > before:
            return half / 2
        device.advance(0.5)
    raise AssertionError(f"no other connection within {most_s} s")


def kinds(device: Device) -> list[str]:
    return [each.topic.partition("/up/")[2] for each in device.told]


def part(device: Device) -> str | None:
    """What is wrong with its echo; empty if nothing is any more."""
    found = device.board.parts().get("echo")
    return None if found is None else found.detail


def test_at_rest_it_notices_within_five_minutes_that_nothing_arrives_and_connects_again(kiosk: Device) -> None:
    seconds(kiosk, 1000)
    right_behind_an_echo(kiosk)
    assert len(kiosk.broker.connections) == 1
    kiosk.broker.echo = "nothing back"

    assert until_it_connects_again(kiosk, REST_S) <= REST_S
    assert kinds(kiosk) == ["security/delivery-stopped"]
    told = kiosk.told[0].data
    assert isinstance(told, SecurityData)
    assert told.text == "mqtt://a took this device's echo, and has not delivered it for 30 s: connecting again"
    assert kiosk.ends[0].detail == "the broker does not deliver what it takes; trying a new connection"


def test_at_rest_whoever_pays_for_its_sim_card_pays_for_one_echo_in_225_seconds(kiosk: Device) -> None:
    seconds(kiosk, 3600)

    assert len(kiosk.broker.echoes) <= 1 + 3600 / 225


def test_while_an_alarm_is_open_it_notices_within_ten_seconds(kiosk: Device) -> None:
    kiosk.calm = False
    seconds(kiosk, 100)
    right_behind_an_echo(kiosk)
    assert len(kiosk.broker.connections) == 1
    kiosk.broker.echo = "nothing back"

    assert until_it_connects_again(kiosk, ALARM_S) <= ALARM_S
    kiosk.broker.echo = "accept"
    seconds(kiosk, 100)
    assert len(kiosk.broker.connections) == 2


def test_a_broker_that_stops_after_it_took_the_alarm_is_left_too(kiosk: Device) -> None:
    kiosk.calm = False
    seconds(kiosk, 20)
    kiosk.broker.echo = "silence"

    assert until_it_connects_again(kiosk, 16) <= 16


def test_with_another_broker_it_goes_there(device: Device) -> None:
    device.passes(3)
    device.calm = False
    device.broker.echo = "nothing back"

    until_it_connects_again(device, ALARM_S)

    device.passes(2)
    assert url_of(device.second) == "mqtt://b"
    assert (device.moves, device.ends) == (1, [])


def test_if_no_other_broker_takes_it_it_connects_to_the_same_again(device: Device) -> None:
    device.passes(3)
    device.second.outcome = NOWHERE
    device.calm = False
    device.broker.echo = "nothing back"
    until_it_connects_again(device, ALARM_S)
    device.second.outcome = None
    device.passes(4)

    assert [end.kind for end in device.ends] == ["lost"]
    assert device.publisher.connected


@pytest.mark.parametrize("echo", ["nothing back", "refuse", "silence", "fail"])
def test_a_broker_that_has_never_returned_one_keeps_its_connection_and_is_reported(
    make_device: Callable[..., Device], echo: str
) -> None:
    kiosk = make_device(urls=("mqtt://a",))
    kiosk.broker.echo = echo  # type: ignore[assignment]
    seconds(kiosk, 100)
    kiosk.calm = False
    seconds(kiosk, 1000)

    assert len(kiosk.broker.connections) == 1
    assert kinds(kiosk) == ["event/part-degraded"]
    assert f"acks that stop arriving would go unnoticed: allow {ECHO}" in (part(kiosk) or "")

    kiosk.broker.drop()
    kiosk.broker.echo, kiosk.calm = "accept", True
    seconds(kiosk, 400)
    assert part(kiosk) == ""
    assert kinds(kiosk) == ["event/part-degraded", "event/part-restored"]


def test_a_broker_that_ends_the_connection_at_an_echo_does_so_once_an_hour_at_most(
    make_device: Callable[..., Device],
) -> None:
    kiosk = make_device(urls=("mqtt://a",))
    kiosk.broker.echo = "silence"
    for _ in range(24 * 60):
        if kiosk.broker.connected and kiosk.broker.echoes:
            kiosk.broker.echoes.clear()
            kiosk.broker.drop()
            kiosk.passes()
        kiosk.advance(60)

    assert len(kiosk.broker.connections) <= 6
    assert "it ends the connection when this device sends its echo" in (part(kiosk) or "")


def test_an_open_alarm_is_not_put_at_risk_by_a_broker_that_has_never_returned_one(
    make_device: Callable[..., Device],
) -> None:
    kiosk = make_device(urls=("mqtt://a",), calm=False)
    seconds(kiosk, 60)
    assert kiosk.broker.echoes == []

    kiosk.calm = True
    seconds(kiosk, 1)
    assert len(kiosk.broker.echoes) == 1


def test_a_proven_broker_that_returns_no_more_ends_three_connections_and_then_is_reported(kiosk: Device) -> None:
    kiosk.calm = False
    kiosk.broker.echo = "nothing back"
    seconds(kiosk, 600)

    assert len(kiosk.broker.connections) == 1 + 3
    assert "it takes this device's echo and does not deliver it" in (part(kiosk) or "")

    kiosk.calm, kiosk.broker.echo = True, "accept"
    seconds(kiosk, 300)
    assert part(kiosk) == ""


def test_a_broker_that_returns_it_late_is_given_the_time_that_it_needs(kiosk: Device) -> None:
    kiosk.calm = False
    kiosk.broker.echo = "late"
    due: dict[int, float] = {len(kiosk.broker.echoes): 0.0}
    for half in range(2000):
        kiosk.advance(0.5)
        for number in range(max(due), len(kiosk.broker.echoes)):
            due[number + 1] = half / 2 + 6
        connection = len(kiosk.broker.connections)
        if kiosk.broker.echoes and due.get(len(kiosk.broker.echoes)) == half / 2:
            kiosk.broker.return_echo()
        assert connection <= 3


def test_a_forged_or_changed_echo_does_not_pass_for_the_kiosks_own(kiosk: Device) -> None:
    kiosk.calm = False
    kiosk.broker.echo = "late"
    seconds(kiosk, 5)
    true = kiosk.broker.echoes[-1].payload
    forged = [
        (true, True, 1),
        (true, False, 0),
        (b"0" * 16, False, 1),
        (true + b" ", False, 1),
        (b"", False, 1),
        (b"\xff" * 16, False, 1),
    ]
    for payload, retain, qos in forged:
        kiosk.broker.send_down(Received(ECHO, payload, len(payload), retain, qos=qos))
    kiosk.broker.return_echo(0)  # the one of an earlier time proves nothing either

    assert until_it_connects_again(kiosk, ALARM_S) <= ALARM_S
    assert [each.payload for each in kiosk.heard] == [payload for payload, _, _ in forged]


def test_which_brokers_return_it_is_remembered_across_a_restart(make_device: Callable[..., Device]) -> None:
    before = make_device(urls=("mqtt://a",))
    before.passes(3)
    again = make_device(urls=("mqtt://a",), calm=False)
    again.broker.echo = "nothing back"
    again.passes(3)

    assert until_it_connects_again(again, ALARM_S) <= ALARM_S


def test_no_press_is_lost_because_what_was_remembered_of_brokers_is_damaged(
    make_device: Callable[..., Device],
) -> None:
    before = make_device(urls=("mqtt://a",))
    before.outbox.keep("echoed", "\x00{[")
    before.passes(3)
    before.outbox.put(alarm())
    before.passes(2)

    assert topics(before.broker.sent) == ["alarm/police"]


def test_an_echo_takes_no_place_from_an_alarm_and_waits_behind_it(make_device: Callable[..., Device]) -> None:
    kiosk = make_device(urls=("mqtt://a",))
    kiosk.broker.receive_maximum = 2
    kiosk.broker.echo = "silence"
    kiosk.passes(3)
    assert len(kiosk.broker.echoes) == 1
    kiosk.broker.answer = lambda _: "silence"
    kiosk.outbox.put(alarm())
    kiosk.passes(2)

    assert topics(kiosk.broker.sent) == ["alarm/police"]


def test_a_press_waits_for_no_echo_that_a_broker_of_one_message_at_a_time_never_answers(
    make_device: Callable[..., Device],
) -> None:
    kiosk = make_device(urls=("mqtt://a",))
    kiosk.broker.receive_maximum = 1
    kiosk.broker.echo = "silence"
    kiosk.passes(3)
    assert len(kiosk.broker.echoes) == 1
    kiosk.calm = False
    kiosk.outbox.put(alarm())

    assert until_it_connects_again(kiosk, 16) <= 16
    kiosk.passes(2)
    assert topics(kiosk.broker.sent) == ["alarm/police"]
