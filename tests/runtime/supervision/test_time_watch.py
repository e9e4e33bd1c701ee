from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.contract.vocabulary import TimeQuality
from agent.runtime.supervision.time_watch import TimeWatch
from tests.support.context import Collected, reporter
from tests.support.sim_clock import SimClock

YEARS_56 = timedelta(days=56 * 365)


@pytest.fixture
def clock() -> SimClock:
    return SimClock(wall=datetime(1970, 1, 1, tzinfo=UTC), quality=TimeQuality.UNSYNCED)


@pytest.fixture
def told(clock: SimClock) -> Callable[[], list[dict[str, Any]]]:
    """Looks once more; returns what has been told since the last time."""
    drafts = Collected()
    watch = TimeWatch(reporter(drafts), clock)
    watch.tick()

    def look() -> list[dict[str, Any]]:
        clock.advance(timedelta(seconds=1))
        watch.tick()
        found = [draft.data.model_dump(mode="json") for draft in drafts if draft.data is not None]
        drafts.clear()
        return found

    return look


def test_nothing_is_told_while_both_clocks_go_alike(told: Callable[[], list[dict[str, Any]]]) -> None:
    assert [told() for _ in range(100)] == [[]] * 100


def test_a_jump_of_56_years_is_told_once_with_what_to_add(
    clock: SimClock, told: Callable[[], list[dict[str, Any]]]
) -> None:
    clock.step_wall(YEARS_56)
    clock.set_quality(TimeQuality.SYNCED)

    [correction] = told()
    assert correction == {
        "historical": False,
        "boot_id": clock.boot_id,
        "offset_ms": 56 * 365 * 86_400_000,
        "timeq_before": "unsynced",
        "timeq_after": "synced",
    }
    assert told() == []


@pytest.mark.parametrize(("seconds", "tells"), [(1.0, False), (-1.0, False), (1.1, True), (-1.1, True), (-3600, True)])
def test_a_jump_of_more_than_a_second_is_told_in_either_direction(
    clock: SimClock, told: Callable[[], list[dict[str, Any]]], seconds: float, tells: bool
) -> None:
    clock.step_wall(timedelta(seconds=seconds))

    assert [correction["offset_ms"] for correction in told()] == ([seconds * 1000] if tells else [])


def test_slow_corrections_do_not_add_up_to_a_jump(clock: SimClock, told: Callable[[], list[dict[str, Any]]]) -> None:
    for _ in range(10):
        clock.step_wall(timedelta(milliseconds=500))
        assert told() == []


def test_time_that_becomes_synchronised_without_a_jump_is_told(
    clock: SimClock, told: Callable[[], list[dict[str, Any]]]
) -> None:
    clock.set_quality(TimeQuality.SYNCED)
    assert [correction["offset_ms"] for correction in told()] == [0]

    for quality in (TimeQuality.HOLDOVER, TimeQuality.SYNCED):
        clock.set_quality(quality)
        assert told() == []


def test_a_process_that_was_stopped_between_two_readings_takes_them_for_no_jump() -> None:
    class Interrupted(SimClock):
        def wall(self) -> datetime:
            self.advance(timedelta(seconds=30))
            return super().wall()

    drafts = Collected()
    watch = TimeWatch(reporter(drafts), Interrupted())
    for _ in range(3):
        watch.tick()

    assert drafts == []
