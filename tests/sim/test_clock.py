from datetime import timedelta

import pytest

from agent.contract.vocabulary import TimeQuality
from tests.support.sim_clock import SimClock


def test_time_passes_only_when_told() -> None:
    clock = SimClock()
    before, wall = clock.boottime_ns(), clock.wall()

    clock.advance(timedelta(seconds=1.5))

    assert clock.boottime_ns() - before == 1_500_000_000
    assert clock.wall() - wall == timedelta(seconds=1.5)


def test_a_step_of_the_wall_clock_leaves_boot_time_alone() -> None:
    clock = SimClock()
    before, wall = clock.boottime_ns(), clock.wall()

    clock.step_wall(timedelta(days=-3))
    clock.set_quality(TimeQuality.UNSYNCED)

    assert clock.boottime_ns() == before
    assert clock.wall() == wall - timedelta(days=3)
    assert clock.quality() is TimeQuality.UNSYNCED


def test_boot_time_can_not_be_set_back() -> None:
    with pytest.raises(ValueError, match="never goes back"):
        SimClock().advance(timedelta(seconds=-1))
