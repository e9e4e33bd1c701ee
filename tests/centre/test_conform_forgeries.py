"""What a device is tried with is refused by the contract's own rules, each for the reason that is given."""

import pytest

from agent.contract.identity import Identity
from agent.trust.jose_keys import KeyRing, PrivateKey
from agent.trust.tls_context import TlsFiles
from edge_centre.conform.fleet import Fleet, Player
from edge_centre.conform.forgeries import FORGERIES, Forgery
from edge_centre.conform.subject import Subject

IDENTITY = Identity("gp", "park-station", "kiosk-1")
KEY = PrivateKey.generate("operator", "office")
ELSEWHERE = {"too-large", "replayed"}
"""The first is refused before anybody reads it, the second takes a ctr that was used: tests/system has both."""


@pytest.fixture
def subject() -> Subject:
    made = Subject("mqtt://127.0.0.1:1", TlsFiles(), IDENTITY, KEY)
    made.alarm_id = "a1"
    return made


@pytest.fixture
def device() -> Player:
    ring = KeyRing()
    ring.take([KEY.public().as_jwk()], 1)
    ring.reload()
    return Player(Fleet([], TlsFiles(), "edge/v1", ring), IDENTITY)


@pytest.mark.parametrize(
    "forgery", [each for each in FORGERIES if each.code not in ELSEWHERE], ids=lambda each: each.what
)
def test_each_is_refused_with_its_code_by_a_device_whose_clock_is_set(
    forgery: Forgery, subject: Subject, device: Player
) -> None:
    made = forgery.make(subject)
    assert made is not None
    kind, _, level = made.level.partition("/")
    device.hear(0, kind, level, made.payload)
    assert device.orders[0].trouble.startswith(f"{forgery.code} ("), device.orders[0].trouble


def test_a_flood_of_them_makes_no_device_fall_silent() -> None:
    assert len(FORGERIES) < 20, "a device answers twenty in a minute"
