from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from agent.core.analytics.schedule import Hours, Schedule
from agent.core.analytics.tracks import TrackedPerson
from agent.core.analytics.zones import ZoneRules
from tests.support.street_scene import LEFT_HALF, SECOND, Scene, person, standing, walking

SHOP_HOURS = Schedule([Hours(frozenset(range(7)), time(8), time(18))], ZoneInfo("Africa/Johannesburg"))
SHOP = ZoneRules("gate", LEFT_HALF, open=SHOP_HOURS)
WATCHED = ZoneRules("gate", LEFT_HALF, watched=SHOP_HOURS, open=SHOP_HOURS, loitering_after_ns=SECOND, crowd_from=2)
NIGHT = datetime(2026, 11, 25, 1, tzinfo=UTC)
CLOSES = datetime(2026, 11, 25, 16, tzinfo=UTC)
OPENS = datetime(2026, 11, 25, 6, tzinfo=UTC)


def many(count: int) -> Sequence[TrackedPerson]:
    return [person(0.05 + 0.1 * track, track=track) for track in range(1, count + 1)]


def test_somebody_in_a_closed_zone_is_one_event_until_the_zone_is_empty() -> None:
    scene = Scene(SHOP, wall=lambda s: NIGHT + timedelta(seconds=s))
    scene.run(3, walking())
    scene.run(70, standing(0.4))
    scene.run(30)

    told = scene.of("after-hours", "gate")
    assert [each.phase for each in told] == ["began", "ongoing", "ended"]
    assert len({each.number for each in told}) == 1
    assert told[0].closed_by == "schedule"
    assert told[0].boottime_ns <= 1001.5 * SECOND
    assert 72_000 <= told[-1].duration_ms <= 76_100


def test_one_who_follows_another_is_the_same_presence_after_hours() -> None:
    scene = Scene(SHOP, wall=lambda s: NIGHT + timedelta(seconds=s))
    for track in range(1, 5):
        scene.run(4, walking(track=track))
        scene.run(6)

    assert scene.phases("after-hours", "gate").count("began") == 1
    assert scene.phases("person-entered", "gate").count("began") == 4


def test_nobody_is_there_after_hours_while_it_is_open() -> None:
    scene = Scene(SHOP, wall=lambda s: OPENS + timedelta(hours=3, seconds=s))
    scene.run(60, walking(speed=0.005))

    assert scene.of("after-hours", "gate") == []
    assert scene.phases("person-entered", "gate") == ["began"]


def test_whoever_stays_when_it_closes_is_told_of_then_and_over_when_it_opens() -> None:
    evening = Scene(SHOP, wall=lambda s: CLOSES + timedelta(seconds=s - 30))
    evening.run(60, walking(speed=0.005))
    [began] = evening.of("after-hours", "gate")
    assert 30 <= began.boottime_ns / SECOND - 1000 <= 30.3
    assert began.duration_ms < 300, "counted from the closing"

    morning = Scene(SHOP, wall=lambda s: OPENS + timedelta(seconds=s - 30))
    morning.run(60, walking(speed=0.005))
    began, ended = morning.of("after-hours", "gate")
    assert ended.phase == "ended"
    assert 29 <= ended.boottime_ns / SECOND - 1000 <= 30
    assert ended.closed_by is None


def test_while_the_clock_can_not_be_trusted_a_presence_is_told_as_one_that_may_be_after_hours() -> None:
    scene = Scene(SHOP, wall=lambda s: None if s < 40 else NIGHT + timedelta(seconds=s))
    scene.run(60, walking(speed=0.005))

    told = [(each.phase, each.closed_by) for each in scene.of("after-hours", "gate")]
    assert told == [("began", "unknown-clock"), ("ongoing", "schedule")]


def test_a_clock_that_is_set_and_says_open_ends_a_presence_that_was_told_for_want_of_it() -> None:
    scene = Scene(SHOP, wall=lambda s: None if s < 40 else OPENS + timedelta(hours=1))
    scene.run(60, walking(speed=0.005))

    assert scene.phases("after-hours", "gate") == ["began", "ended"]


def test_outside_of_the_watched_hours_a_zone_tells_nothing() -> None:
    scene = Scene(WATCHED, wall=lambda s: NIGHT + timedelta(seconds=s), min_travel=0.0)
    scene.run(60, lambda _: many(3))

    assert [each for each in scene.told if each.zone] == []
    assert scene.phases("person-entered") == ["began"] * 3, "the whole picture is always watched"


def test_when_the_watched_hours_end_everything_that_has_begun_ends() -> None:
    scene = Scene(WATCHED, wall=lambda s: CLOSES + timedelta(seconds=s - 30), min_travel=0.0)
    scene.run(60, lambda _: many(3))

    told = [each for each in scene.told if each.zone]
    began = {each.number for each in told if each.phase == "began"}
    ended = [each.number for each in told if each.phase == "ended" and not each.persons]
    assert all(each.best for each in told if each.track)
    assert len(began) == 7, "three who entered, three who loiter, one crowd"
    assert sorted(ended) == sorted(began)


def test_while_the_clock_can_not_be_trusted_everything_is_watched() -> None:
    scene = Scene(WATCHED)
    scene.run(10, walking(speed=0.02))

    assert scene.phases("person-entered", "gate") == ["began"]


def test_a_clock_that_jumps_to_and_fro_leaves_no_beginning_without_an_end() -> None:
    scene = Scene(WATCHED, wall=lambda s: (NIGHT if round(s) % 4 < 2 else OPENS) + timedelta(hours=1), cool_down_ns=0)
    scene.run(60, lambda seconds: [person(0.1 + 0.005 * seconds)])
    scene.run(20)

    for kind in ("person-entered", "loitering", "after-hours"):
        phases = [phase for phase in scene.phases(kind, "gate") if phase != "ongoing"]
        assert phases == ["began", "ended"] * (len(phases) // 2)
