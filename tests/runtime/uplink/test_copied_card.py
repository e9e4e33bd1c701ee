"""A device whose card is a copy of another's: what the publisher and its listener make of a broker client that refuses
to connect."""

from collections.abc import Callable

from agent.core.errors import CopiedCard
from agent.core.facts import UplinkChanged
from agent.ports import COPIED_CARD
from agent.trust.disconnected import Disconnected
from tests.runtime.uplink.test_listener import Line
from tests.support.device import Device
from tests.support.drafts import alarm

SAID = "this card is a copy of that of kzn/durban-station/kiosk-0001"


def test_no_path_is_used_what_is_pressed_is_kept_and_it_goes_out_once_the_card_is_bound(
    make_device: Callable[..., Device],
) -> None:
    device = make_device()
    device.broker.outcome = device.second.outcome = CopiedCard(SAID)
    device.outbox.put(alarm())
    device.advance(3600)
    device.advance(3600)

    assert {(end.kind, end.detail) for end in device.ends} == {(COPIED_CARD, SAID)}
    urls = {connection.url for broker in (device.broker, device.second) for connection in broker.connections}
    assert urls == set(device.urls), "both are asked, and both refuse"
    assert not device.publisher.connected
    assert device.waiting == {"alarm": 1}

    device.broker.outcome = device.second.outcome = None
    device.advance(3600)
    device.passes(2)
    assert device.publisher.connected
    assert device.waiting == {}


def test_it_is_told_apart_from_a_broker_that_can_not_be_reached() -> None:
    line = Line()
    facts: list[object] = []
    line.submit = facts.append  # type: ignore[method-assign,assignment]
    line.uplink.disconnected(Disconnected(COPIED_CARD, SAID))
    line.uplink.disconnected(Disconnected("unreachable", "nothing listens"))
    assert facts == [UplinkChanged(up=False, is_copy=True), UplinkChanged(up=False)]
    assert line.kinds() == [], "a copy is no attack from the network"
