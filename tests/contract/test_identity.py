"""The names of a device, as brokers, certificates and subscribers know them."""

import hashlib

import pytest

from agent.contract.identity import LEVEL, Identity, client_id, common_name

KIOSK = Identity("gp", "jhb-park-station", "kiosk-0042")


def test_every_name_of_a_device_is_its_whole_place() -> None:
    assert KIOSK.user == "gp/jhb-park-station/kiosk-0042"
    assert KIOSK.source == "/edge/gp/jhb-park-station/kiosk-0042"
    assert KIOSK.probe == "gp/jhb-park-station/kiosk-0042/up/alarm"
    assert client_id(KIOSK.user) == "gp.jhb-park-station.kiosk-0042"


def test_it_speaks_and_listens_under_its_own_topics() -> None:
    assert KIOSK.base == "edge/v1/gp/jhb-park-station/kiosk-0042"
    assert KIOSK.up("alarm", "police") == "edge/v1/gp/jhb-park-station/kiosk-0042/up/alarm/police"
    assert KIOSK.down("ack", "1") == "edge/v1/gp/jhb-park-station/kiosk-0042/down/ack/1"


@pytest.mark.parametrize(
    ("centres", "states"),
    [
        ([], ["trial/host/+/state"]),
        (["jhb", "dbn"], ["trial/host/jhb/state", "trial/host/dbn/state"]),
    ],
)
def test_it_hears_each_centre_by_name_or_every_one(centres: list[str], states: list[str]) -> None:
    kiosk = Identity("gp", "jhb-park-station", "kiosk-0042", root="trial")
    own = "trial/gp/jhb-park-station/kiosk-0042/down"
    assert kiosk.subscriptions(centres) == [f"{own}/keys", f"{own}/ack/+", f"{own}/command/+", f"{own}/config", *states]


def test_a_user_who_is_too_long_for_a_certificate_has_a_name_of_the_same_length_that_is_nobody_elses() -> None:
    fits, longer = "a" * 64, "a" * 65
    assert common_name(fits) == fits
    assert common_name(longer) == f"long-{hashlib.sha256(longer.encode()).hexdigest()[:56]}"
    assert len(common_name(longer)) <= 64
    assert common_name(longer) != common_name("a" * 66)


@pytest.mark.parametrize("level", ["", "a" * 65, "Kiosk", "a/b", "a+", "#", "a b", "a\n"])
def test_what_a_broker_could_read_otherwise_is_no_level(level: str) -> None:
    assert LEVEL.match(level) is None
