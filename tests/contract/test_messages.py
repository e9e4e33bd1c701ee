from typing import get_args

from agent.contract.camera_events import EVENTS, EventName
from agent.contract.identity import LEVEL, Identity
from agent.contract.messages import Rank
from agent.contract.stages import Stage


def test_classes_leave_in_the_order_of_the_contract() -> None:
    assert list(Rank) == [Rank.ALARM, Rank.STATE, Rank.SECURITY, Rank.EVENT, Rank.PICTURE, Rank.HEALTH, Rank.REPLAY]
    assert sorted(Rank) == list(Rank)


def test_every_event_of_a_camera_has_a_row() -> None:
    assert tuple(EVENTS) == get_args(EventName)


def test_stages_are_ranked_in_the_order_of_a_life() -> None:
    order = ["idle", "raised", "sent", "delayed", "unconfirmed", "registered", "dispatched", "closed"]

    assert [Stage(name).rank() for name in order] == list(range(8))


def test_a_level_is_one_that_every_broker_takes() -> None:
    assert LEVEL.match("kiosk-0042")
    for bad in ("", "A", "a/b", "+", "#", "a b", "a\n", "ä", "x" * 65):
        assert not LEVEL.match(bad), bad


def test_a_device_has_its_place_in_the_tree() -> None:
    identity = Identity("gp", "park-station", "kiosk-1", root="acme/v2")

    assert identity.up("alarm", "police") == "acme/v2/gp/park-station/kiosk-1/up/alarm/police"
    assert identity.down("ack", "+") == "acme/v2/gp/park-station/kiosk-1/down/ack/+"
    assert identity.source == "/edge/gp/park-station/kiosk-1"
