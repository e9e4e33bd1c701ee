import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract.host_state import MAX_STATE_BYTES, CentreStateError, centre_name, read_state, write_state


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b'{"online": true, "time": "2026-11-24T13:45:02.117Z"}', True),
        (b'{"online": false}', False),
        (b'{"online": true, "more": {"x": [1]}}', True),
        (b"", None),
    ],
)
def test_the_state_of_the_contract_is_read(payload: bytes, said: bool | None) -> None:
    assert read_state(payload, len(payload)) is said


@pytest.mark.parametrize(
    "payload",
    [
        b"{",
        b"null",
        b"[]",
        b'"online"',
        b"{}",
        b'{"online": 1}',
        b'{"online": "true"}',
        b'{"online": null}',
        b"\xff\xfe",
        b"[" * MAX_STATE_BYTES,
    ],
)
def test_anything_else_is_refused(payload: bytes) -> None:
    with pytest.raises(CentreStateError, match=r'^(not JSON|not an object with "online" true or false)$'):
        read_state(payload, len(payload))


def test_a_state_is_read_up_to_its_greatest_length() -> None:
    state = b'{"online": true}'.ljust(MAX_STATE_BYTES)

    assert read_state(state, MAX_STATE_BYTES) is True
    with pytest.raises(CentreStateError, match=r"^1025 bytes; at most 1024 are accepted$"):
        read_state(state, MAX_STATE_BYTES + 1)


def test_a_centre_says_of_itself_what_the_contract_says() -> None:
    time = datetime(2026, 11, 24, 13, 45, 2, 117_000, UTC)
    state = write_state(online=True, time=time)

    assert json.loads(state) == {"online": True, "time": "2026-11-24T13:45:02.117Z"}
    assert read_state(state, len(state)) is True


def test_a_centre_has_a_name_that_fits_one_level_of_a_topic() -> None:
    assert centre_name("jhb-1") == "jhb-1"
    with pytest.raises(CentreStateError, match=r"^not a valid name for a centre$"):
        centre_name("jhb+")


@given(st.binary(max_size=200))
def test_no_payload_does_any_harm(payload: bytes) -> None:
    try:
        said = read_state(payload, len(payload))
    except CentreStateError:
        return
    assert said is None or json.loads(payload)["online"] is said
