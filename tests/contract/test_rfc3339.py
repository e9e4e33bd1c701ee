import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest

from agent.contract.envelope import rfc3339


@pytest.fixture
def johannesburg() -> Iterator[None]:
    """The time zone of this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "SAST-2")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("wall", "text"),
    [
        (datetime(2026, 11, 24, 13, 45, 2, 117_999, UTC), "2026-11-24T13:45:02.117Z"),
        (datetime(2026, 11, 24, 15, 45, 2, 0, timezone(timedelta(hours=2))), "2026-11-24T13:45:02.000Z"),
        (datetime(1970, 1, 1, tzinfo=UTC), "1970-01-01T00:00:00.000Z"),
    ],
)
def test_times_are_utc_with_milliseconds(wall: datetime, text: str) -> None:
    assert rfc3339(wall) == text


@pytest.mark.usefixtures("johannesburg")
def test_times_are_utc_whatever_the_time_zone_of_the_device() -> None:
    assert datetime(2026, 1, 1, tzinfo=UTC).astimezone().utcoffset() == timedelta(hours=2)
    assert rfc3339(datetime(2026, 11, 24, 13, 45, 2, 0, UTC)) == "2026-11-24T13:45:02.000Z"
