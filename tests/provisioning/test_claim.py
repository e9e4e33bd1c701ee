"""The text of a claim: what is written is read again, and what is not a claim is refused without repeating it."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract.leaves import base64url
from agent.trust.claim import PREFIX, Claim, ClaimError, Invitation, board_serial, code, read, unpadded
from agent.trust.openssl import new_key, request

ROOT = base64url(b"\x30\x82" + bytes(500))
SECRET = base64url(bytes(range(16)))
CLAIM = Claim(
    registrar="https://registrar.kzn.example",
    root=ROOT,
    name="kzn/durban-station/kiosk-0001",
    secret=SECRET,
    until=int(time.time()) + 3600,
    board="10000000abcdef12",
    service_code="01234567",
)
INVITATION = Invitation(registrar="https://registrar.kzn.example:8443", root=ROOT)


def packed(content: object) -> str:
    return PREFIX + base64url(json.dumps(content).encode())


@pytest.mark.parametrize("one", [CLAIM, INVITATION, CLAIM.model_copy(update={"board": None, "service_code": None})])
def test_what_is_written_is_read_again(one: Claim | Invitation) -> None:
    assert read(one.text()) == one
    assert type(read(one.text())) is type(one)


def test_line_ends_that_a_mail_or_an_editor_puts_in_do_not_matter() -> None:
    text = CLAIM.text()

    assert read(f"\n {text[:70]}\r\n{text[70:]} \n") == CLAIM


def test_a_claim_fits_into_a_qr_code() -> None:
    assert len(CLAIM.text()) < 1800


def test_a_serial_is_one_that_a_certificate_request_can_hold(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(new_key("file"))
    every = "0123456789abcdefghijklmnopqrstuvwxyz.-"
    assert board_serial(every) == every
    assert request(key, CLAIM.name, every)
    with pytest.raises(ValueError, match="a board's serial has"):
        board_serial("ab_1")


def test_a_serial_is_compared_in_small_letters() -> None:
    assert read(packed(CLAIM.model_dump() | {"board": "10000000ABCDEF12"})) == CLAIM


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("registrar", "http://registrar.kzn.example"),
        ("registrar", "https://registrar.kzn.example/path"),
        ("registrar", "https://user@registrar.kzn.example"),
        ("name", "kzn/durban-station"),
        ("name", "kzn/durban-station/+"),
        ("name", "KZN/durban-station/kiosk-0001"),
        ("name", "kzn/durban-station/kiosk-0001/up"),
        ("secret", "short"),
        ("until", "soon"),
        ("until", 0),
        ("board", "10 00"),
        ("service_code", "1234567"),
        ("root", base64url(b"no certificate")),
        ("root", "***"),
        ("more", 1),
    ],
)
def test_a_claim_with_a_wrong_field_is_refused_by_the_name_of_the_field(field: str, value: object) -> None:
    with pytest.raises(ClaimError, match=field) as refused:
        read(packed(CLAIM.model_dump() | {field: value}))

    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("cut", [1, 5, 40, 400])
def test_a_claim_that_is_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(ClaimError, match=r"cut off or mistyped|damaged"):
        read(CLAIM.text()[:-cut])


def test_a_claim_without_a_name_is_not_taken_for_an_invitation() -> None:
    without = CLAIM.model_dump()
    del without["name"]

    with pytest.raises(ClaimError, match="name"):
        read(packed(without))


@pytest.mark.parametrize("text", ["", "hello", "edge-claim2.abc", PREFIX, PREFIX + "*", PREFIX + "A" * 5000])
def test_other_text_is_no_claim(text: str) -> None:
    with pytest.raises(ClaimError):
        read(text)


@given(st.text())
def test_whatever_follows_the_prefix_is_read_or_refused_in_one_line(text: str) -> None:
    with pytest.raises(ClaimError) as refused:
        read(PREFIX + text)

    assert "\n" not in str(refused.value)


def test_a_claim_does_not_show_its_secret_in_a_log() -> None:
    assert SECRET not in repr(CLAIM)
    assert "01234567" not in repr(CLAIM)


def test_the_code_of_a_key_is_the_beginning_of_its_fingerprint() -> None:
    # SHA-256 of nothing begins with e3b0c44298fc1c14
    assert code(b"") == "WERC-8GMR-ZGE1"


def test_base64url_that_is_padded_or_broken_is_refused() -> None:
    assert unpadded("_-8") == b"\xff\xef"
    with pytest.raises(ValueError, match="base64url"):
        unpadded("a")
