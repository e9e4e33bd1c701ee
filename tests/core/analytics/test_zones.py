import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest

from agent.core.analytics.tracks import TrackedPerson
from agent.core.analytics.zones import ZoneRules
from tests.support.street_scene import LEFT_HALF, SECOND, Scene, person, standing, walking

GATE = ZoneRules("gate", LEFT_HALF)
LOITERING = ZoneRules("gate", LEFT_HALF, loitering_after_ns=20 * SECOND)
CROWD = ZoneRules("gate", LEFT_HALF, crowd_from=3, crowd_after_ns=5 * SECOND)


# --- entering and leaving


def test_somebody_who_walks_through_the_picture_enters_and_leaves_it_once() -> None:
    scene = Scene()
    scene.run(8, walking())
    scene.run(20)

    began, ended = scene.told
    assert (began.phase, began.kind, began.zone, began.track, began.persons) == ("began", "person-entered", "", 1, 1)
    assert (ended.phase, ended.number, ended.persons) == ("ended", began.number, 0)
    assert began.number == 1
    assert ended.boottime_ns == 1008 * SECOND, "the last frame that showed them"
    assert ended.duration_ms == 7900


def test_a_zone_is_entered_when_the_foot_is_in_it_and_left_when_it_is_not() -> None:
    scene = Scene(GATE)
    scene.run(8, walking())
    assert scene.phases("person-entered", "gate") == ["began", "ended"]

    ended = scene.of("person-entered", "gate")[1]
    assert ended.boottime_ns == 1004 * SECOND, "x reaches 0.5 after four seconds"
    assert scene.phases("person-entered") == ["began"], "they are in the picture still"


def test_a_head_in_the_zone_is_nobody_in_it() -> None:
    upper = ZoneRules("wall", area=type(LEFT_HALF)([(0, 0), (1, 0), (1, 0.5), (0, 0.5)]))
    scene = Scene(upper)
    scene.run(8, walking(y=0.6))

    assert scene.of("person-entered", "wall") == []


def test_feet_below_the_picture_stand_at_its_edge() -> None:
    scene = Scene(GATE)
    scene.run(3, walking(y=1.05))

    assert scene.phases("person-entered", "gate") == ["began"]


def test_one_jumped_box_enters_no_zone() -> None:
    for enter_after_ns in (0, SECOND // 2):
        scene = Scene(GATE, enter_after_ns=enter_after_ns)
        scene.run(12, standing(0.7))
        scene.frame(person(0.2))
        scene.run(12, standing(0.7))

        assert scene.of("person-entered", "gate") == []


def test_one_jumped_box_does_not_make_a_thing_travel() -> None:
    scene = Scene()
    for _ in range(3):
        scene.run(1.5, standing(0.7))
        scene.frame(person(0.2))

    assert scene.told == []


def test_what_neither_travels_nor_shows_life_is_never_told_of() -> None:
    scene = Scene()
    scene.run(600, lambda seconds: [person(0.7 + 0.02 * (-1) ** round(seconds * 10))])

    assert scene.told == []


def test_who_stands_and_shows_life_is_told_of_at_once_and_since_they_were_first_seen() -> None:
    scene = Scene()
    scene.run(5, standing(0.7))
    assert scene.told == []

    scene.frame(replace(person(0.7), alive=True))
    assert scene.phases("person-entered") == ["began"]
    assert scene.told[0].duration_ms == 5000


def test_a_sign_of_life_is_kept_until_they_have_been_seen_for_long_enough() -> None:
    scene = Scene(enter_after_ns=2 * SECOND)
    scene.frame(replace(person(0.7), alive=True))
    scene.run(1.8, standing(0.7))
    assert scene.told == []

    scene.run(0.6, standing(0.7))
    assert scene.phases("person-entered") == ["began"]


@pytest.mark.parametrize(("min_travel", "entered"), [(0.0, True), (0.3, True), (3.0, False)])
def test_the_minimum_is_in_units_of_their_own_height(min_travel: float, entered: bool) -> None:
    scene = Scene(min_travel=min_travel)
    scene.run(2, walking(speed=0.15))  # 0.3 of the picture and they are 0.2 high

    assert bool(scene.told) is entered


def test_flicker_at_the_edge_of_a_zone_is_one_event() -> None:
    scene = Scene(GATE)
    scene.run(4, walking(speed=0.09))
    scene.run(60, lambda seconds: [person(0.5 + 0.02 * (-1) ** round(seconds * 10))])

    assert scene.phases("person-entered", "gate") == ["began"]


def test_somebody_who_comes_back_at_once_is_put_off_and_not_forgotten() -> None:
    scene = Scene(GATE, cool_down_ns=10 * SECOND)
    scene.run(3, walking())
    scene.run(4, standing(0.7))
    assert scene.phases("person-entered", "gate") == ["began", "ended"]
    left_s = scene.now_s
    scene.run(7, standing(0.3))
    assert scene.phases("person-entered", "gate") == ["began", "ended"]

    scene.run(5, standing(0.3))
    again = scene.of("person-entered", "gate")[2]
    assert again.phase == "began"
    assert again.boottime_ns / SECOND - 1000 >= left_s + 8
    assert again.number != scene.of("person-entered", "gate")[0].number


def test_a_cool_down_outlasts_the_track() -> None:
    scene = Scene(cool_down_ns=10 * SECOND)
    scene.run(3, walking())
    scene.run(5)
    scene.run(3, walking())

    assert scene.phases("person-entered") == ["began", "ended"]


def test_a_person_who_is_expected_in_the_zone_but_not_found_stays() -> None:
    scene = Scene(GATE)
    scene.run(3, walking())
    scene.run(30, lambda _: [person(0.4, seen=False)])
    assert scene.phases("person-entered", "gate") == ["began"]

    scene.run(4)
    ended = scene.of("person-entered", "gate")[1]
    assert ended.boottime_ns == 1003 * SECOND, "the last frame that showed them"


def test_a_person_who_is_only_expected_never_enters() -> None:
    scene = Scene(GATE)
    scene.run(30, lambda seconds: [person(0.1 + 0.01 * seconds, seen=False)])

    assert scene.told == []


@pytest.mark.parametrize("fps", [2, 5, 10, 30])
def test_each_frame_rate_tells_the_same_events(fps: float) -> None:
    scene = Scene(GATE, fps=fps)
    scene.run(8, walking())
    scene.run(20)

    assert scene.phases("person-entered") == scene.phases("person-entered", "gate") == ["began", "ended"]


def test_the_score_and_the_box_are_of_the_clearest_view() -> None:
    scene = Scene()
    scene.run(3, lambda s: [person(0.1 + 0.1 * s, score=0.9 if 0.2 < s < 0.4 else 0.6)])

    best = scene.told[0].best
    assert best is not None
    assert best.score == 0.9


def test_a_new_track_is_a_new_person() -> None:
    scene = Scene()
    scene.run(3, walking(track=1))
    scene.run(3, walking(0.4, track=2))
    scene.run(10)

    assert [(each.track, each.phase) for each in scene.told] == [(1, "began"), (2, "began"), (1, "ended"), (2, "ended")]
    assert [each.persons for each in scene.told] == [1, 1, 1, 0], "who was lost is counted no more"


# --- loitering


def test_loitering_begins_after_its_time_is_told_again_every_minute_and_ends() -> None:
    scene = Scene(LOITERING)
    scene.run(1, walking(speed=0.2))
    scene.run(139, standing(0.3))
    scene.run(10)

    began, *ongoing, ended = scene.of("loitering", "gate")
    assert (began.phase, began.boottime_ns) == ("began", round(1020.1 * SECOND))
    assert [(each.phase, each.duration_ms) for each in ongoing] == [("ongoing", 80_000)]
    assert (ended.phase, ended.duration_ms, ended.number) == ("ended", 139_900, began.number)
    assert began.track == 1
    assert scene.phases("person-entered", "gate") == ["began", "ended"]


@pytest.mark.parametrize("fps", [1, 3, 10, 25])
def test_loitering_is_counted_in_real_time_at_every_frame_rate(fps: float) -> None:
    scene = Scene(LOITERING, fps=fps)
    scene.run(4, walking(speed=0.07))
    scene.run(30, standing(0.38))

    began = scene.of("loitering", "gate")[0]
    assert 20 <= began.boottime_ns / SECOND - 1000 <= 20 + 2 / fps


def test_frames_that_are_skipped_under_load_do_not_stretch_loitering() -> None:
    scene = Scene(LOITERING)
    scene.run(4, walking(speed=0.07))
    scene.fps = 0.5
    scene.run(30, standing(0.38))

    began = scene.of("loitering", "gate")[0]
    assert 20 <= began.boottime_ns / SECOND - 1000 <= 22.1


def test_a_short_absence_does_not_reset_loitering_and_a_long_one_does() -> None:
    short, long = Scene(LOITERING), Scene(LOITERING)
    for scene, away_s in ((short, 2), (long, 4)):
        scene.run(12, walking(speed=0.02))
        scene.run(away_s, standing(0.8))
        scene.run(12, standing(0.3))

    assert short.phases("loitering", "gate") == ["began"]
    assert long.of("loitering", "gate") == []


def test_a_zone_without_a_time_tells_no_loitering() -> None:
    scene = Scene(GATE)
    scene.run(600, standing(0.3))

    assert scene.of("loitering", "gate") == []


# --- crowd


def many(count: int) -> Sequence[TrackedPerson]:
    return [person(0.05 + 0.1 * track, track=track) for track in range(1, count + 1)]


def crowd_scene() -> Scene:
    return Scene(CROWD, min_travel=0.0)


def test_a_crowd_begins_when_enough_have_been_there_for_its_time() -> None:
    scene = crowd_scene()
    scene.run(30, lambda _: many(2))
    assert scene.of("crowd", "gate") == []

    scene.run(10, lambda _: many(4))
    [began] = scene.of("crowd", "gate")
    assert (began.phase, began.persons, began.track) == ("began", 4, None)
    assert 1035 <= began.boottime_ns / SECOND <= 1036


def test_people_outside_of_the_zone_make_no_crowd_in_it() -> None:
    scene = crowd_scene()
    scene.run(30, lambda _: [person(0.6 + 0.1 * track, track=track) for track in range(3)])

    assert scene.of("crowd", "gate") == []


def test_a_crowd_that_changes_is_told_at_most_every_ten_seconds() -> None:
    scene = crowd_scene()
    scene.run(41, lambda seconds: many(3 + round(10 * seconds) % 3))

    told = scene.of("crowd", "gate")
    assert 3 <= len(told) <= 5
    gaps = [after.boottime_ns - before.boottime_ns for before, after in itertools.pairwise(told)]
    assert min(gaps) == 10 * SECOND


def test_a_crowd_that_stays_is_told_once_a_minute() -> None:
    scene = crowd_scene()
    scene.run(130, lambda _: many(3))

    assert scene.phases("crowd", "gate") == ["began", "ongoing", "ongoing"]


def test_a_crowd_ends_late_so_that_it_does_not_begin_again_and_again() -> None:
    scene = crowd_scene()
    scene.run(10, lambda _: many(3))
    for _ in range(5):
        scene.run(5, lambda _: many(2))
        scene.run(5, lambda _: many(3))
    assert [each for each in scene.phases("crowd", "gate") if each != "ongoing"] == ["began"]

    gone_ns = scene.now_ns
    scene.run(20, lambda _: many(2))
    ended = scene.of("crowd", "gate")[-1]
    assert (ended.phase, ended.boottime_ns) == ("ended", gone_ns)
