"""Nonces that are as old as the boot clock says."""

import pytest

from agent.contract.commands import NONCE_LIFE_S
from agent.core.nonces import RENEWED_NS, Nonces

START_NS = 7 * 10**9


def test_a_nonce_is_the_newest_one_for_five_minutes_and_its_age_counts_from_its_birth() -> None:
    nonces = Nonces(START_NS)
    first, last = nonces.newest(START_NS), nonces.newest(START_NS + RENEWED_NS - 1)
    second = nonces.newest(START_NS + RENEWED_NS)

    assert first == last == nonces.first != second
    assert nonces.age_s(second, START_NS + RENEWED_NS) == 0
    assert nonces.age_s(second, START_NS + 3 * RENEWED_NS) == 600
    assert nonces.age_s(first, START_NS + 3 * RENEWED_NS) == 900
    assert first.removeprefix("0") != second.removeprefix("1"), "whoever knows one must not know the next"


def test_whoever_echoes_the_newest_nonce_has_five_minutes_at_least() -> None:
    nonces = Nonces(START_NS)
    for at_ns in (START_NS, START_NS + RENEWED_NS - 1, START_NS + 40 * RENEWED_NS - 1):
        age_s = nonces.age_s(nonces.newest(at_ns), at_ns)
        assert age_s is not None
        assert NONCE_LIFE_S - age_s >= 300


@pytest.mark.parametrize("text", ["", "-", "0", "x-1", "-1-1", "²-1", "9" * 4000 + "-1", "0-0123456789abcdef"])
def test_what_was_never_given_out_has_no_age(text: str) -> None:
    assert Nonces(START_NS).age_s(text, START_NS) is None


def test_a_nonce_of_later_or_of_another_start_has_no_age() -> None:
    nonces = Nonces(START_NS)

    assert nonces.age_s(nonces.newest(START_NS + RENEWED_NS), START_NS + RENEWED_NS - 1) is None
    assert nonces.age_s(Nonces(START_NS).first, START_NS) is None
