from datetime import UTC, datetime, timedelta

import pytest

from agent.core.diagnosis.finding import State
from agent.core.diagnosis.time_source import TimeSource, judge_time
from agent.core.events import TimeQuality

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("source", "state", "says"),
    [
        (TimeSource(NOW, TimeQuality.SYNCED, "chronyd", None), State.OK, "synchronised (chronyd)"),
        (TimeSource(NOW, TimeQuality.SYNCED, None, NOW), State.OK, "the kernel says so"),
        (TimeSource(NOW, TimeQuality.HOLDOVER, "chronyd", None), State.WARN, "and is not now"),
        (TimeSource(NOW, TimeQuality.UNSYNCED, None, None), State.WARN, "no time service runs"),
        (TimeSource(NOW, TimeQuality.UNSYNCED, "chronyd", None), State.WARN, "chronyd has not reached a server"),
        (TimeSource(datetime(1970, 1, 1, tzinfo=UTC), TimeQuality.UNSYNCED, None, None), State.FAIL, "says 1970-01-01"),
        (TimeSource(datetime(2024, 12, 31, tzinfo=UTC), TimeQuality.SYNCED, None, None), State.FAIL, "is wrong"),
        (TimeSource(datetime(2106, 2, 7, tzinfo=UTC), TimeQuality.SYNCED, None, None), State.FAIL, "is wrong"),
    ],
)
def test_the_clock_is_judged_by_what_it_says_and_by_who_vouches_for_it(
    source: TimeSource, state: State, says: str
) -> None:
    [finding] = judge_time(source)
    assert finding.state is state
    assert says in finding.what


def test_a_battery_clock_that_is_off_is_a_warning_of_its_own() -> None:
    source = TimeSource(NOW, TimeQuality.SYNCED, None, NOW - timedelta(minutes=5))
    right, off = judge_time(source)
    assert (right.state, off.state) == (State.OK, State.WARN)
    assert "-300 s" in off.what
