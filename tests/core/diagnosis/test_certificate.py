from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agent.core.diagnosis.certificate import (
    Certificate,
    DeviceCertificate,
    judge_authorities,
    judge_broker,
    judge_device,
)
from agent.core.diagnosis.finding import State

NOW = datetime(2026, 6, 1, tzinfo=UTC)
USER = "gp/site/kiosk-0042"
OWN = Certificate("/e/device.pem", USER, NOW - timedelta(days=100), NOW + timedelta(days=200))
WELL = DeviceCertificate(OWN, "/e/device.key", key_matches=True, for_clients=True, chain_holds=None, key_is_open=False)
AUTHORITY = replace(OWN, common_name="Servers", is_authority=True)


def test_a_certificate_that_is_this_devices_is_well() -> None:
    [finding] = judge_device(WELL, USER, NOW)
    assert finding.state is State.OK
    assert "until 2026-12-18" in finding.what


@pytest.mark.parametrize(
    ("found", "device", "state", "says"),
    [
        (
            WELL,
            "kzn/site/kiosk-0042",
            State.FAIL,
            f"is that of '{USER}' (CN), and this device is 'kzn/site/kiosk-0042'",
        ),
        (replace(WELL, own=replace(OWN, common_name="")), USER, State.FAIL, "is that of ''"),
        (replace(WELL, key_matches=False), USER, State.FAIL, "does not belong to the certificate"),
        (replace(WELL, for_clients=False), USER, State.FAIL, "is not for clients"),
        (replace(WELL, chain_holds=False), USER, State.FAIL, "is not signed by the authority"),
        (replace(WELL, key_is_open=True), USER, State.WARN, "everybody on this machine may read"),
    ],
)
def test_what_is_wrong_with_it_is_named_with_something_to_do(
    found: DeviceCertificate, device: str, state: State, says: str
) -> None:
    _dates, finding = judge_device(found, device, NOW)
    assert finding.state is state
    assert says in finding.what
    assert finding.do


@pytest.mark.parametrize(
    ("now", "state", "says"),
    [
        (OWN.not_after, State.FAIL, "has expired on 2026-12-18"),
        (OWN.not_after - timedelta(hours=5), State.WARN, "ends in 5 hours"),
        (OWN.not_after - timedelta(days=1), State.WARN, "ends in 1 day,"),
        (OWN.not_after - timedelta(days=29), State.WARN, "ends in 29 days"),
        (OWN.not_after - timedelta(days=31), State.OK, "valid until"),
        (OWN.not_before - timedelta(seconds=1), State.FAIL, "is not valid before 2026-02-21"),
        (datetime(1970, 1, 1, tzinfo=UTC), State.UNKNOWN, "the clock is wrong"),
    ],
)
def test_its_dates_are_judged_by_a_clock_that_can_be_right(now: datetime, state: State, says: str) -> None:
    [finding] = judge_device(WELL, USER, now)
    assert finding.state is state
    assert says in finding.what


def test_the_authority_that_lives_longest_counts() -> None:
    old = replace(AUTHORITY, not_after=NOW - timedelta(days=1))
    assert judge_authorities([old, AUTHORITY], NOW)[0].state is State.OK
    assert judge_authorities([old], NOW)[0].state is State.FAIL


def test_a_brokers_own_certificate_is_no_authority() -> None:
    [finding] = judge_authorities([OWN], NOW)
    assert finding.state is State.FAIL
    assert "holds no authority" in finding.what


def test_a_brokers_certificate_is_told_of_only_when_it_ends_soon() -> None:
    assert judge_broker(NOW + timedelta(days=31), "b:8883", NOW) == []
    assert judge_broker(NOW + timedelta(days=3), "b:8883", NOW)[0].state is State.WARN
