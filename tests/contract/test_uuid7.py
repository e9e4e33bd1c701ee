import threading
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.contract.uuid7 import Uuid7Source

NOW_MS = 1_800_000_000_000
FIFTY_YEARS_MS = 50 * 365 * 86_400_000
LAST_DIGITS = bytes.fromhex("de ad be ef")


def test_an_identifier_has_the_version_the_variant_and_the_time_of_the_standard() -> None:
    made = uuid.UUID(Uuid7Source().next(NOW_MS))

    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert made.int >> 80 == NOW_MS


def test_the_counter_begins_anywhere_in_its_lower_half_and_counts_one_up_within_a_millisecond(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noises = [bytes.fromhex("f1 23 75 e7 89 ab") + LAST_DIGITS, bytes(10)]
    monkeypatch.setattr("os.urandom", lambda count: noises.pop(0).ljust(count, b"\0"))
    source = Uuid7Source()

    assert source.next(0x017F22E279B0) == "017f22e2-79b0-748d-b5e7-89abdeadbeef"
    assert source.next(0x017F22E279B0) == "017f22e2-79b0-748d-b5e7-89ac00000000"


def test_a_counter_that_runs_over_goes_on_in_the_next_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.urandom", bytes)
    source = Uuid7Source()
    assert source.next(0x017F22E279B0) == "017f22e2-79b0-7000-8000-000000000000"
    source._last += (1 << 42) - 1

    assert source.next(0x017F22E279B0) == "017f22e2-79b1-7000-8000-000000000000"
    assert source.next(0x017F22E279B0) == "017f22e2-79b1-7000-8000-000100000000"


def test_identifiers_of_one_millisecond_are_in_order() -> None:
    source = Uuid7Source()
    made = [source.next(NOW_MS) for _ in range(5_000)]

    assert made == sorted(set(made))


@settings(deadline=None, database=None)
@given(st.lists(st.integers(0, 2**47), min_size=2, max_size=50))
def test_no_clock_changes_order_or_uniqueness(times: list[int]) -> None:
    source = Uuid7Source()
    made = [source.next(time) for time in times]

    assert made == sorted(set(made))


def test_a_clock_that_steps_back_fifty_years_and_forth_again_keeps_the_order() -> None:
    source = Uuid7Source()
    made = [source.next(time) for time in (NOW_MS, NOW_MS - FIFTY_YEARS_MS, NOW_MS - FIFTY_YEARS_MS + 5, NOW_MS + 1)]

    assert made == sorted(set(made))


def test_two_sources_never_give_the_same_identifier() -> None:
    one, two = Uuid7Source(), Uuid7Source()

    assert not {one.next(NOW_MS) for _ in range(1_000)} & {two.next(NOW_MS) for _ in range(1_000)}


def test_threads_never_get_the_same_identifier_and_each_gets_them_in_order() -> None:
    source = Uuid7Source()
    made: list[list[str]] = [[] for _ in range(4)]

    def make(part: list[str]) -> None:
        part.extend(source.next(NOW_MS) for _ in range(2_000))

    threads = [threading.Thread(target=make, args=(part,)) for part in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(part == sorted(part) for part in made)
    assert len({identifier for part in made for identifier in part}) == 8_000
