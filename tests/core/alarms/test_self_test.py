from datetime import UTC, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.alarms.self_test import LastTest, Moment, Timetable

S = 10**9
H = 3600 * S
DAY = 24 * H
MIDNIGHT_MS = int(datetime(2026, 11, 24, tzinfo=UTC).timestamp() * 1000)


def table(**changes: object) -> Timetable:
    values = {"at": time(1), "spread_s": 0.0, "device": "kiosk-1", "started_ns": 0, "soonest_s": 300, "retry_s": 3600}
    return Timetable(**(values | changes))  # type: ignore[arg-type]


def at(hours: float, boot: str = "b1", *, clock: bool = True, boot_at: float = 0) -> Moment:
    """So many hours after midnight UTC, in a boot that began at `boot_at`."""
    return Moment(boot, int((hours - boot_at) * H), MIDNIGHT_MS + int(hours * 3_600_000) if clock else None)


def a_test(moment: Moment, *failed: str) -> LastTest:
    return LastTest(moment, "", failed)


def test_a_device_that_was_never_tested_is_tested_soon_after_its_start_but_not_at_once() -> None:
    assert not table().is_due(None, at(0.08))
    assert table().is_due(None, at(0.09))


def test_it_is_due_at_its_time_of_day_once() -> None:
    last = a_test(at(1))
    assert not table().is_due(last, at(1.01))
    assert not table().is_due(last, at(24.99))
    assert table().is_due(last, at(25))


def test_the_time_of_day_may_have_an_offset() -> None:
    south_africa = table(at=time(3, tzinfo=timezone(timedelta(hours=2))))
    assert south_africa.of_day_ns == 1 * H
    assert table(at=time(1, tzinfo=timezone(timedelta(hours=2)))).of_day_ns == 23 * H


def test_devices_have_each_their_own_place_in_the_time_that_is_given_to_them() -> None:
    places = [table(spread_s=3600.0, device=f"kiosk-{n}").of_day_ns for n in range(500)]
    assert all(1 * H <= place < 2 * H for place in places)
    assert max(map(places.count, places)) == 1
    assert sum(place < 1.5 * H for place in places) in range(200, 300)
    assert places[7] == table(spread_s=3600.0, device="kiosk-7").of_day_ns


def test_a_time_that_was_missed_while_the_device_was_off_is_made_up_for_soon_after_the_start() -> None:
    last = a_test(at(1))
    assert not table().is_due(last, at(32.05, "b2", boot_at=32))
    assert table().is_due(last, at(32.1, "b2", boot_at=32))
    assert not table().is_due(a_test(at(32.1, "b2", boot_at=32)), at(40, "b3", boot_at=39))
    assert table().is_due(a_test(at(32.1, "b2", boot_at=32)), at(49, "b3", boot_at=39))


def test_a_restart_after_the_days_test_makes_no_second_one() -> None:
    assert not table().is_due(a_test(at(1)), at(9.5, "b2", boot_at=9))


def test_a_test_shortly_before_its_time_counts_for_that_time() -> None:
    assert not table().is_due(a_test(at(20)), at(25))
    assert table().is_due(a_test(at(20)), at(49))


def test_one_by_which_nobody_would_hear_a_press_is_repeated_after_an_hour_and_no_other_one() -> None:
    assert not table().is_due(a_test(at(1), "lights", "path-2"), at(2))
    assert not table().is_due(a_test(at(1), "uplink"), at(1.9))
    assert table().is_due(a_test(at(1), "uplink"), at(2))
    assert not table().is_due(a_test(at(1)), at(2))
    assert table().is_due(a_test(at(1, clock=False), "uplink"), at(0.1, "b2", clock=False))


def test_without_a_clock_it_is_due_every_24_hours() -> None:
    last = a_test(at(1, clock=False))
    assert not table().is_due(last, at(24.9, clock=False))
    assert table().is_due(last, at(25, clock=False))


def test_without_a_clock_and_with_a_last_test_of_another_boot_it_is_due_after_6_hours() -> None:
    last = a_test(at(1))
    assert not table().is_due(last, at(5.9, "b2", clock=False))
    assert table().is_due(last, at(6, "b2", clock=False))


def test_a_clock_that_turns_out_to_have_been_decades_ahead_does_not_put_it_off_for_decades() -> None:
    last = a_test(Moment("b1", 5 * H, MIDNIGHT_MS + 56 * 365 * 24 * 3_600_000))
    assert table().is_due(last, at(9, "b2", boot_at=8))


@given(
    jumps=st.lists(
        st.tuples(st.integers(0, 10 * 24 * 60), st.integers(-60 * 24 * 365 * 60, 60 * 24 * 365 * 60)), max_size=8
    ),
    synced_from=st.integers(0, 72),
)
def test_in_one_boot_no_jump_of_the_clock_brings_two_tests_within_12_hours_or_keeps_one_away_for_36(
    jumps: list[tuple[int, int]], synced_from: int
) -> None:
    plan = table()
    last = a_test(Moment("b1", 400 * S, MIDNIGHT_MS))
    for minute in range(10, 10 * 24 * 60, 10):
        offset_min = sum(by for when, by in jumps if when <= minute)
        clock = MIDNIGHT_MS + (minute + offset_min) * 60_000 if minute >= synced_from * 60 else None
        now = Moment("b1", minute * 60 * S, clock)
        since = now.boottime_ns - last.at.boottime_ns
        if plan.is_due(last, now):
            assert since >= 12 * H
            last = a_test(now)
        assert since <= 36 * H + 600 * S


def test_what_was_kept_is_read_again_and_nonsense_is_no_test() -> None:
    last = LastTest(at(1), "2026-11-24T01:00:00.000Z", ("uplink",))
    assert LastTest.decode(last.encode()) == last
    assert LastTest.decode(a_test(at(1, clock=False)).encode()) == a_test(at(1, clock=False))


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"at": {"boot_id": 1, "boottime_ns": "x"}}'])
def test_nonsense_that_was_kept_is_as_if_there_had_been_no_test(text: str) -> None:
    assert LastTest.decode(text) is None


def test_only_what_keeps_a_press_from_being_heard_counts_as_not_heard() -> None:
    assert a_test(at(1), "lights", "path-2", "storage").heard
    assert not a_test(at(1), "uplink").heard
    assert not a_test(at(1), "centre").heard


def test_the_time_of_day_is_kept_to_the_second() -> None:
    assert table(at=time(1, 2, 3)).of_day_ns == (3600 + 2 * 60 + 3) * S


def test_it_is_due_at_the_very_end_of_each_wait() -> None:
    assert not table().is_due(None, Moment("b1", 300 * S - 1, MIDNIGHT_MS))
    assert table().is_due(None, Moment("b1", 300 * S, MIDNIGHT_MS))
    assert not table().is_due(a_test(Moment("b1", 13 * H + 1, None)), at(25))
    assert table().is_due(a_test(Moment("b1", 13 * H, None)), at(25))


def test_between_two_boots_only_clocks_that_go_forward_tell_the_time() -> None:
    earlier = Moment("b1", 7, 1_000)

    assert Moment("b1", 9, None).ns_since(earlier) == 2
    assert Moment("b2", 0, 1_003).ns_since(earlier) == 3_000_000
    assert Moment("b2", 0, 1_000).ns_since(earlier) == 0
    assert Moment("b2", 0, 999).ns_since(earlier) is None
    assert Moment("b2", 0, None).ns_since(earlier) is None
    assert Moment("b2", 0, 1_003).ns_since(Moment("b1", 7, None)) is None
