from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.analytics.lifecycle import Event
from agent.core.analytics.lines import LineRules
from agent.core.analytics.rules import MOST_TRACKS, Rules
from agent.core.analytics.schedule import Hours, Schedule
from agent.core.analytics.tracks import TrackedPerson
from agent.core.analytics.zones import Limits, ZoneRules
from tests.support.street_scene import LEFT_HALF, SECOND, Scene, person, walking

HOURS = Schedule([Hours(frozenset(range(7)), time(8), time(18))], ZoneInfo("Africa/Johannesburg"))
ALL = ZoneRules(
    "gate", LEFT_HALF, loitering_after_ns=2 * SECOND, crowd_from=2, crowd_after_ns=SECOND, open=HOURS, watched=None
)
WATCHED = ZoneRules("yard", LEFT_HALF, loitering_after_ns=SECOND, watched=HOURS)
LINE = LineRules("kerb", (0.5, 1.0), (0.5, 0.0))

people = st.lists(
    st.builds(
        person,
        x=st.floats(-0.2, 1.2),
        y=st.floats(-0.2, 1.2),
        track=st.integers(1, 4),
        score=st.floats(0, 1),
        seen=st.booleans(),
    ),
    max_size=4,
)
frames = st.lists(
    st.tuples(
        st.sampled_from([0, SECOND // 30, SECOND // 10, SECOND, 5 * SECOND, 100 * SECOND]),
        st.one_of(st.none(), st.integers(0, 47)),
        people,
        st.integers(1, 30),
    ),
    max_size=30,
)


def story(steps: Sequence[tuple[int, int | None, list[TrackedPerson], int]]) -> list[Event]:
    """Each step comes so often, as frames of its length, at that hour; then everybody goes and all is over."""
    rules = Rules(Limits(min_travel=0.0), [ALL, WATCHED], [LINE])
    now_ns, told = 0, []
    for step_ns, hour, who, times in steps:
        wall = None if hour is None else datetime(2026, 11, 25, tzinfo=UTC) + timedelta(hours=hour)
        for _ in range(times):
            now_ns += step_ns
            told += rules.update(now_ns, wall, who)
    for _ in range(40):
        now_ns += SECOND
        told += rules.update(now_ns, None, [])
    return told


@settings(deadline=None)
@given(frames)
def test_what_begins_ends_once_and_nothing_begins_twice_meanwhile(
    steps: list[tuple[int, int | None, list[TrackedPerson], int]],
) -> None:
    going_on: dict[tuple[str, str, int | None], int] = {}
    numbers: set[int] = set()
    for each in story(steps):
        key = (each.kind, each.zone, each.track)
        if each.phase is None:
            assert each.number not in numbers
        elif each.phase == "began":
            assert key not in going_on
            assert each.number not in numbers
            going_on[key] = each.number
        else:
            assert going_on[key] == each.number
            if each.phase == "ended":
                del going_on[key]
        numbers.add(each.number)
        assert isinstance(each.duration_ms, int)
        assert each.duration_ms >= 0
        assert each.persons >= 0
    assert going_on == {}, "everybody has gone"


@settings(deadline=None)
@given(frames)
def test_nobody_is_told_of_who_was_not_found_in_two_frames_for_the_time_it_takes(
    steps: list[tuple[int, int | None, list[TrackedPerson], int]],
) -> None:
    found: dict[int, list[int]] = {}
    now_ns = 0
    for step_ns, _, who, times in steps:
        for _ in range(times):
            now_ns += step_ns
            for one in {one.id: one for one in who}.values():
                if one.seen:
                    found.setdefault(one.id, []).append(now_ns)
    for each in story(steps):
        if each.kind == "person-entered" and each.phase == "began":
            assert each.track is not None
            before = [at for at in found[each.track] if at <= each.boottime_ns]
            assert len(before) >= 2
            assert before[-1] - before[0] >= Limits().enter_after_ns


@settings(deadline=None)
@given(frames)
def test_no_order_of_the_same_people_in_a_frame_changes_anything(
    steps: list[tuple[int, int | None, list[TrackedPerson], int]],
) -> None:
    alone = [(step, hour, list({one.id: one for one in who}.values()), times) for step, hour, who, times in steps]
    turned = [(step, hour, who[::-1], times) for step, hour, who, times in alone]

    def sorted_story(steps: Sequence[tuple[int, int | None, list[TrackedPerson], int]]) -> list[str]:
        return sorted(f"{e.boottime_ns} {e.kind} {e.phase} {e.zone} {e.track} {e.duration_ms}" for e in story(steps))

    assert sorted_story(alone) == sorted_story(turned)


def test_thousands_of_tracks_do_not_fill_the_memory_and_every_event_ends() -> None:
    scene = Scene(ALL, lines=[LINE], min_travel=0.0)
    for number in range(700):
        scene.frame(*[person(0.3, track=number * 3 + other) for other in range(3)])
        assert len(scene.rules._states) <= MOST_TRACKS
    scene.run(60)

    assert scene.rules._states == {}
    assert all(not zone._stays for zone in scene.rules._zones)
    assert all(not line._passages for line in scene.rules._lines)


def test_more_people_at_once_than_are_remembered_are_told_as_far_as_they_are() -> None:
    scene = Scene()
    crowd = lambda s: [person(0.1 + 0.1 * s, track=track) for track in range(1, 401)]  # noqa: E731
    scene.run(3, crowd)
    scene.run(10)

    assert scene.phases("person-entered") == ["began"] * MOST_TRACKS + ["ended"] * MOST_TRACKS


def test_those_who_have_left_long_ago_make_room_for_those_who_come() -> None:
    scene = Scene(fps=4, cool_down_ns=3600 * SECOND)
    for track in range(1, MOST_TRACKS + 10):
        scene.run(1, walking(speed=0.3, track=track))
        scene.run(4)

    assert scene.phases("person-entered") == ["began", "ended"] * (MOST_TRACKS + 9)


def test_those_who_have_left_make_room_and_not_those_who_have_just_come() -> None:
    scene = Scene(cool_down_ns=3600 * SECOND)
    scene.run(1, lambda s: [person(0.1 + 0.3 * s, track=track) for track in range(MOST_TRACKS - 1)])
    scene.run(4)
    scene.frame(*[person(0.5, track=track) for track in (1001, 1002, 1003)])

    assert scene.rules._states.keys() >= {1001, 1002, 1003}


def test_whoever_has_just_gone_makes_no_room_before_their_end_is_told() -> None:
    scene = Scene()
    scene.run(3, walking())
    scene.frame(*[person(0.2, track=track) for track in range(2, MOST_TRACKS + 50)])
    scene.run(10)

    assert scene.phases("person-entered") == ["began", "ended"]


def test_a_camera_that_was_away_for_a_moment_has_shown_neither_presence_nor_absence() -> None:
    scene = Scene()
    scene.run(3, walking())
    scene.now_ns += 20 * SECOND
    scene.frame(person(0.4))
    scene.run(2, walking(0.4))
    assert scene.phases("person-entered") == ["began"]

    away = Scene()
    away.frame(person(0.1))
    away.now_ns += 600 * SECOND
    away.frame(person(0.4))
    assert away.told == [], "two frames ten minutes apart are no evidence of half a second of travel"


def test_after_a_long_time_without_pictures_all_is_over_at_the_last_one_and_begins_anew() -> None:
    scene = Scene(ALL, min_travel=0.0)
    scene.run(3, lambda s: [person(0.1 + 0.1 * s), person(0.2, track=2)])
    lasting = {(each.kind, each.zone, each.track) for each in scene.told if each.phase == "began"}
    last_ns = scene.now_ns
    scene.now_ns += 600 * SECOND
    ended = scene.frame(person(0.4))

    assert {(each.kind, each.zone, each.track) for each in ended if each.phase == "ended"} == lasting
    assert all(each.boottime_ns <= last_ns and each.duration_ms <= 3000 for each in ended)
    scene.run(1, lambda _: [person(0.4)])
    assert scene.phases("person-entered", "gate")[-1] == "began"
    assert scene.phases("loitering", "gate").count("began") == 2, "of the two before"


def test_whoever_stands_where_another_stood_before_the_camera_was_away_has_not_loitered_meanwhile() -> None:
    scene = Scene(ZoneRules("gate", LEFT_HALF, loitering_after_ns=60 * SECOND))
    scene.run(3, walking())
    scene.now_ns += 600 * SECOND
    scene.run(30, lambda _: [person(0.4)])

    assert scene.of("loitering", "gate") == []


def test_a_crossing_that_was_put_off_is_told_when_pictures_come_again() -> None:
    scene = Scene(lines=[LINE])
    scene.run(1.5, walking(0.3, 0.3))
    scene.run(1.5, walking(0.7, -0.3))
    scene.now_ns += 600 * SECOND
    scene.frame()

    assert [each.direction for each in scene.of("line-crossed")] == ["left-to-right", "right-to-left"]
    scene.frame()
    assert scene.rules._states == {}


def test_a_capture_time_that_goes_back_counts_nothing() -> None:
    scene = Scene()
    scene.run(3, walking())
    scene.now_ns -= 2 * SECOND
    scene.run(3, walking(0.4))
    scene.run(10)

    assert scene.phases("person-entered") == ["began", "ended"]


def test_capture_times_that_go_back_by_far_hide_nobody() -> None:
    scene = Scene(ALL, min_travel=0.0)
    scene.now_ns += 100_000 * SECOND
    for _ in range(2):
        scene.run(0.5, lambda _: [person(0.2), person(0.3, track=2)])
        scene.now_ns -= 3600 * SECOND
        scene.run(10, lambda _: [person(0.2), person(0.3, track=2)])

    assert scene.phases("person-entered", "gate") == ["began"] * 2 + ["ended"] * 2 + ["began"] * 2
    assert scene.phases("crowd", "gate") == ["began", "ended", "began"]
    assert scene.phases("loitering", "gate") == ["began"] * 2 + ["ended"] * 2 + ["began"] * 2


@pytest.mark.parametrize("hour", [0, 12])
def test_the_whole_picture_has_no_hours(hour: int) -> None:
    scene = Scene(wall=lambda _: datetime(2026, 11, 25, hour, tzinfo=UTC))
    scene.run(3, walking())

    assert scene.phases("person-entered") == ["began"]
