import itertools
from datetime import UTC, datetime, time, timedelta
from importlib import resources
from zoneinfo import ZoneInfo

import pytest

from agent.core.analytics.schedule import Hours, Schedule

JOHANNESBURG = ZoneInfo("Africa/Johannesburg")
BERLIN = ZoneInfo("Europe/Berlin")
WEEKDAYS = frozenset(range(5))
EVERY_DAY = frozenset(range(7))


def at(text: str, zone: ZoneInfo = JOHANNESBURG) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def schedule(days: frozenset[int], start: str, end: str, zone: ZoneInfo = JOHANNESBURG) -> Schedule:
    return Schedule([Hours(days, time.fromisoformat(start), time.fromisoformat(end))], zone)


def minutes_open(hours: Schedule, begin: datetime, length: timedelta) -> list[bool]:
    """For each minute; walked in UTC, so that no minute is left out or comes twice."""
    start = begin.astimezone(UTC)
    return [hours.covers(start + timedelta(minutes=minute)) for minute in range(int(length / timedelta(minutes=1)))]


@pytest.mark.parametrize(
    ("moment", "covered"),
    [
        ("2026-11-25 05:59:59.999", False),
        ("2026-11-25 06:00", True),
        ("2026-11-25 17:59:59.999", True),
        ("2026-11-25 18:00", False),
        ("2026-11-28 12:00", False),
    ],
)
def test_office_hours_hold_from_their_first_moment_until_before_their_end(moment: str, covered: bool) -> None:
    assert schedule(WEEKDAYS, "06:00", "18:00").covers(at(moment)) is covered


def test_the_hours_are_those_of_the_place_whatever_zone_the_moment_is_in() -> None:
    hours = schedule(WEEKDAYS, "06:00", "18:00")

    assert hours.covers(datetime(2026, 11, 25, 4, 0, tzinfo=UTC))
    assert not hours.covers(datetime(2026, 11, 25, 3, 59, tzinfo=UTC))


@pytest.mark.parametrize(
    ("moment", "covered"),
    [
        ("2026-11-27 21:59", False),
        ("2026-11-27 22:00", True),
        ("2026-11-28 01:59", True),
        ("2026-11-28 02:00", False),
        ("2026-11-27 01:00", False),
        ("2026-11-28 23:00", False),
    ],
)
def test_a_friday_night_goes_on_until_saturday(moment: str, covered: bool) -> None:
    assert schedule(frozenset({4}), "22:00", "02:00").covers(at(moment)) is covered


def test_the_same_time_twice_is_a_whole_day() -> None:
    sunday = schedule(frozenset({6}), "00:00", "00:00")

    assert sum(minutes_open(sunday, at("2026-11-28 00:00"), timedelta(days=3))) == 24 * 60
    assert sunday.covers(at("2026-11-29 23:59:59"))


def test_several_hours_add_up() -> None:
    hours = Schedule(
        [Hours(WEEKDAYS, time(8), time(12)), Hours(WEEKDAYS, time(13), time(17))], ZoneInfo("Africa/Johannesburg")
    )

    assert [hours.covers(at(f"2026-11-25 {hour}:30")) for hour in (10, 12, 13)] == [True, False, True]


def test_when_clocks_go_back_no_hours_end_or_begin_twice() -> None:
    """In Berlin 02:30 comes twice on 25 October 2026."""
    until = minutes_open(
        schedule(EVERY_DAY, "20:00", "02:30", BERLIN), at("2026-10-24 18:00", BERLIN), timedelta(hours=14)
    )
    since = minutes_open(
        schedule(EVERY_DAY, "02:30", "09:00", BERLIN), at("2026-10-25 00:00", BERLIN), timedelta(hours=12)
    )

    for minutes in (until, since):
        assert sum(before != after for before, after in itertools.pairwise(minutes)) == 2
    assert sum(until) == 6.5 * 60, "until the first 02:30"
    assert sum(since) == 7.5 * 60, "from the first 02:30, the hour that comes twice included"


def test_when_clocks_go_forward_the_hours_are_cut_and_never_lost() -> None:
    """In Berlin there is no 02:30 on 29 March 2026."""
    over = minutes_open(
        schedule(EVERY_DAY, "22:00", "06:00", BERLIN), at("2026-03-28 20:00", BERLIN), timedelta(hours=12)
    )
    since = minutes_open(
        schedule(EVERY_DAY, "02:30", "09:00", BERLIN), at("2026-03-29 00:00", BERLIN), timedelta(hours=10)
    )

    assert sum(over) == 7 * 60
    assert sum(since) == 5.5 * 60, "from 03:30 of the new time, which would have been 02:30"


def test_a_schedule_without_hours_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a schedule needs hours$"):
        Schedule([], JOHANNESBURG)


def test_the_zones_of_the_package_serve_where_the_system_has_none() -> None:
    with resources.files("tzdata.zoneinfo.Africa").joinpath("Johannesburg").open("rb") as file:
        zone = ZoneInfo.from_file(file)

    assert datetime(2026, 11, 25, 12, tzinfo=zone).utcoffset() == timedelta(hours=2)
