"""Who may list and approve: a supervisor or an admin, for one request, once, within a minute."""

import io
import json
import logging
import time
from pathlib import Path
from typing import Any

import pytest

from agent.trust.jose_keys import KeyRing, PrivateKey
from edge_centre.registrar.bearer import Bearers
from edge_centre.registrar.limits import REFUSALS, WINDOW_S, WRONG_SECRETS, BoundedLog, Limits
from edge_centre.registrar.refusal import Refusal
from tests.support.registrar import bearer

pytestmark = pytest.mark.enrolment

PATH = "/registrar/requests"
SUPERVISOR, OPERATOR = PrivateKey.generate("supervisor", "thandi"), PrivateKey.generate("operator", "sipho")
TECHNICIAN, ADMIN = PrivateKey.generate("technician", "anna"), PrivateKey.generate("admin", "zola")
STRANGER = PrivateKey.generate("admin", "nobody")


class _Door:
    """A registrar's door, at `now`."""

    def __init__(self, directory: Path) -> None:
        self.now = time.time()
        self.path = directory / "keys.json"
        self.write(SUPERVISOR, OPERATOR, TECHNICIAN, ADMIN)
        self.open()

    def write(self, *keys: PrivateKey) -> None:
        self.path.write_text(json.dumps({"keys": [key.public().as_jwk() for key in keys]}))

    def open(self) -> None:
        """Start anew."""
        self.bearers = Bearers(KeyRing.load(self.path), "kzn", lambda: self.now)

    def who(self, header: str, method: str = "GET", path: str = PATH, body: bytes = b"") -> str:
        return self.bearers.who(header, method, path, body)

    def refused(self, header: str, status: int = 401, **request: Any) -> str:
        with pytest.raises(Refusal) as refusal:
            self.who(header, **request)
        assert refusal.value.status == status
        return str(refusal.value)


@pytest.fixture
def door(tmp_path: Path) -> _Door:
    return _Door(tmp_path)


@pytest.mark.parametrize("key", [SUPERVISOR, ADMIN])
def test_a_supervisor_and_an_admin_are_let_in_by_name(door: _Door, key: PrivateKey) -> None:
    assert door.who(bearer(key, "GET", PATH)) == f"{key.issuer} ({key.kid})"


@pytest.mark.parametrize("key", [OPERATOR, TECHNICIAN])
def test_other_roles_are_told_whom_to_ask(door: _Door, key: PrivateKey) -> None:
    assert "ask a supervisor" in door.refused(bearer(key, "GET", PATH), 403)


def test_a_token_counts_once(door: _Door) -> None:
    token = bearer(SUPERVISOR, "GET", PATH)
    door.who(token)
    assert "used before" in door.refused(token)


def test_a_token_that_was_signed_before_the_start_does_not_count(door: _Door) -> None:
    token = bearer(SUPERVISOR, "GET", PATH)
    door.who(token)
    door.now += 5
    door.open()
    assert "used before" in door.refused(token)


def test_a_clock_that_is_set_back_brings_no_token_to_life(door: _Door) -> None:
    token = bearer(SUPERVISOR, "GET", PATH)
    door.who(token)
    door.now += 120
    later = int(door.now)
    door.who(bearer(SUPERVISOR, "GET", PATH, iat=later, exp=later + 60))
    door.now -= 110
    assert "used before" in door.refused(token)


def test_a_registrar_that_began_with_a_clock_in_the_future_lets_people_in_when_it_is_set_right(door: _Door) -> None:
    door.now += 86_400
    door.open()
    door.now -= 86_400
    now = int(door.now)
    early = bearer(SUPERVISOR, "GET", PATH, iat=now - 1, exp=now + 30)
    assert "used before" in door.refused(early), "as at every beginning"
    assert door.who(bearer(SUPERVISOR, "GET", PATH, iat=now, exp=now + 30))
    assert "used before" in door.refused(early)


def test_a_token_is_for_one_request(door: _Door) -> None:
    for request in (
        {"method": "POST"},
        {"path": f"{PATH}/abc"},
        {"body": b'{"do": "approve"}'},
    ):
        assert "another request" in door.refused(bearer(SUPERVISOR, "GET", PATH), **request)


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "registrar/gp"},
        {"aud": "/edge/kzn/durban-station/kiosk-0001"},
        {"iss": "zola"},
        {"jti": None},
        {"jti": 7},
        {"jti": "short"},
        {"iat": None},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": True},
        {"exp": 2**60},
        {"do": None},
        {"body": None},
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(door: _Door, changed: dict[str, Any]) -> None:
    assert door.refused(bearer(SUPERVISOR, "GET", PATH, **changed))


@pytest.mark.parametrize(("begin", "end"), [(-120, -60), (-60, 0), (31, 60), (0, 61), (10, 10), (-100_000, 10)])
def test_a_token_that_is_stale_early_or_long_is_refused(door: _Door, begin: int, end: int) -> None:
    now = int(door.now)
    assert "clock" in door.refused(bearer(SUPERVISOR, "GET", PATH, iat=now + begin, exp=now + end))


_NO_TOKENS = ["", "Bearer", "Bearer ", "Basic dGhhbmRpOng=", "Bearer a.b.c", "Bearer é", "Bearer " + "a" * 9000]


@pytest.mark.parametrize("header", _NO_TOKENS)
def test_what_is_no_token_is_refused(door: _Door, header: str) -> None:
    assert door.refused(header)


def test_a_stranger_and_a_changed_token_are_refused(door: _Door) -> None:
    assert "is not known" in door.refused(bearer(STRANGER, "GET", PATH))
    head, _, signature = bearer(SUPERVISOR, "GET", PATH).split(".")
    _, payload, _ = bearer(SUPERVISOR, "GET", PATH, aud="registrar/gp").split(".")
    assert "signature" in door.refused(f"{head}.{payload}.{signature}")


def test_a_key_that_is_taken_away_counts_no_more_at_once(door: _Door) -> None:
    door.who(bearer(SUPERVISOR, "GET", PATH))
    door.write(ADMIN)
    assert "is not known" in door.refused(bearer(SUPERVISOR, "GET", PATH))
    assert [key["iss"] for key in door.bearers.public_keys()] == ["zola"]


def test_a_key_set_that_can_not_be_read_lets_nobody_in(door: _Door) -> None:
    door.path.write_text("{")
    assert "key set" in door.refused(bearer(SUPERVISOR, "GET", PATH), 503)
    door.write(SUPERVISOR)
    assert door.who(bearer(SUPERVISOR, "GET", PATH))


class _Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_five_wrong_secrets_make_a_name_wait_for_an_hour_and_from_that_address_alone() -> None:
    clock = _Clock()
    limits = Limits(clock)
    for _ in range(WRONG_SECRETS):
        limits.check("203.0.113.9", "kzn/a/b")
        limits.refused("203.0.113.9", "kzn/a/b")
    with pytest.raises(Refusal, match="Too many wrong claims for kzn/a/b") as refusal:
        limits.check("203.0.113.9", "kzn/a/b")
    assert refusal.value.retry_after_s == WINDOW_S + 1
    limits.check("203.0.113.9", "kzn/a/c")
    limits.check("198.51.100.1", "kzn/a/b")
    clock.now += WINDOW_S
    limits.check("203.0.113.9", "kzn/a/b")


def test_an_address_that_is_refused_for_whatever_reason_waits_at_last() -> None:
    limits = Limits(_Clock())
    for number in range(REFUSALS):
        limits.refused("203.0.113.9", f"kzn/a/{number}")
    with pytest.raises(Refusal, match="too often"):
        limits.check("203.0.113.9")
    limits.check("203.0.113.9", "kzn/a/b")  # who has a claim is not kept out by a stranger at the same address


def test_a_flood_of_names_and_addresses_takes_no_memory_without_end() -> None:
    limits = Limits(_Clock())
    for number in range(20_000):
        limits.refused(f"2001:db8::{number:x}", f"kzn/a/{number}")
    assert len(limits._refused) == 10_000


def test_a_flood_of_log_lines_is_cut_short_and_counted() -> None:
    clock, written = _Clock(), io.StringIO()
    log = BoundedLog(written, clock)

    def write(count: int, text: str) -> list[str]:
        before = len(written.getvalue())
        for _ in range(count):
            log.handle(logging.LogRecord("a", logging.WARNING, "", 0, text, (), None))
        return written.getvalue()[before:].splitlines()

    assert write(1000, "refused") == ["refused"] * 30
    clock.now += 2
    assert write(2, "refused") == ["(970 lines before this one were left out) refused"]
    clock.now += 3600
    [first, *rest] = write(31, "x" * 10_000)
    assert first == f"(1 lines before this one were left out) {'x' * 2000}... (10000 characters)"
    assert len(rest) == 29
    log.close()
    assert written.getvalue().endswith("(1 more lines were left out)\n")
