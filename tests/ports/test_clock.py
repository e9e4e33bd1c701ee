from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from agent.adapters.system_clock import SystemClock
from agent.ports import Clock
from tests.support.sim_clock import SimClock


@pytest.fixture(params=[SystemClock, SimClock])
def clock(request: pytest.FixtureRequest) -> Clock:
    make: Callable[[], Clock] = request.param
    return make()


def test_boot_time_never_goes_back(clock: Clock) -> None:
    readings = [clock.boottime_ns() for _ in range(100)]

    assert readings == sorted(readings)
    assert readings[0] > 0


def test_the_wall_clock_is_aware_and_in_utc(clock: Clock) -> None:
    assert clock.wall().tzinfo is UTC
    assert clock.wall() > datetime(2000, 1, 1, tzinfo=UTC)


def test_the_boot_id_stays_the_same(clock: Clock) -> None:
    assert len(clock.boot_id) == 36
    assert clock.boot_id == clock.boot_id.strip().lower() == clock.boot_id
