"""What stands for four hours without a sign of life is a thing; whoever came walking, or does not stand, never is."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from agent.core.analytics.tracks import TrackedPerson
from tests.support.street_scene import Scene, person, standing, walking

STATUE = person(0.3, track=1)
HALF_AN_HOUR, FOUR_HOURS = 1800.0, 14400.0


def learned() -> Scene:
    """A statue has stood there for so long that it is known."""
    scene = Scene(fps=1)
    scene.run(FOUR_HOURS + 5, standing(0.3))
    return scene


def in_view(scene: Scene, *people: TrackedPerson) -> list[int]:
    scene.frame(*people)
    return [each.id for each in scene.rules.in_view]


def test_a_statue_is_told_after_half_an_hour_and_counts_for_four_hours_and_no_longer() -> None:
    scene = Scene(fps=1)

    scene.run(HALF_AN_HOUR - 60, standing(0.3))
    assert not scene.rules.things

    scene.run(FOUR_HOURS - HALF_AN_HOUR, standing(0.3))
    assert in_view(scene, STATUE) == [1]
    assert scene.rules.things == (STATUE.box,)

    scene.run(120, standing(0.3))
    assert in_view(scene, STATUE) == []


LIES_ACROSS = replace(STATUE, box=(0.2, 0.5, 0.25, 0.1))
LIES_TOWARDS_US = replace(STATUE, rise=0.1)
LIES_HEAD_FIRST = replace(STATUE, rise=-0.6)
SITS_AGAINST_A_WALL = replace(STATUE, box=(0.24, 0.42, 0.12, 0.18), rise=0.5)


@pytest.mark.parametrize("unconscious", [LIES_ACROSS, LIES_TOWARDS_US, LIES_HEAD_FIRST, SITS_AGAINST_A_WALL])
def test_whoever_lies_or_sits_on_the_ground_since_the_start_counts_however_long(unconscious: TrackedPerson) -> None:
    scene = Scene(fps=1)

    scene.run(2 * FOUR_HOURS, lambda _: [unconscious])

    assert in_view(scene, unconscious) == [1]
    assert scene.rules.things == ()


def test_whoever_collapses_where_a_statue_was_before_it_was_taken_away_counts_at_once() -> None:
    scene = learned()

    assert in_view(scene, replace(LIES_ACROSS, id=2)) == [2]
    assert in_view(scene, replace(LIES_TOWARDS_US, id=3)) == [3]


def test_a_statue_whose_joints_are_mistaken_now_and_then_is_known_all_the_same() -> None:
    scene = Scene(fps=1)

    scene.run(2 * FOUR_HOURS, lambda seconds: [replace(STATUE, rise=0.1 if round(seconds) % 10 == 0 else 0.7)])

    assert in_view(scene, STATUE) == []


def test_a_statue_that_somebody_hid_for_a_moment_is_still_known() -> None:
    scene = learned()

    scene.run(30)

    assert in_view(scene, person(0.31, track=2)) == []


def test_a_statue_that_nobody_can_make_out_at_night_is_known_in_the_morning() -> None:
    scene = Scene(fps=1)
    scene.run(10 * 3600, standing(0.3))

    scene.run(9 * 3600)

    assert in_view(scene, person(0.3, track=2)) == []


def test_a_camera_that_was_turned_forgets_what_stood_there() -> None:
    scene = learned()

    scene.run(FOUR_HOURS + 60)

    assert scene.rules.things == ()
    assert in_view(scene, person(0.3, track=2)) == [2]


def test_whoever_comes_walking_counts_however_long_they_stand_before_the_statue() -> None:
    scene = learned()

    scene.run(2.0, walking(x=0.1, speed=0.1, track=2))
    scene.run(2 * FOUR_HOURS, standing(0.3, track=2))

    assert in_view(scene, person(0.3, track=2)) == [2]


def test_whoever_stands_beside_the_statue_or_is_shorter_counts_at_once() -> None:
    scene = learned()
    child = replace(STATUE, id=3, box=(0.275, 0.5, 0.05, 0.1))

    assert in_view(scene, STATUE, person(0.36, track=2), child) == [2, 3]


def test_whoever_shows_life_where_a_statue_was_counts_and_goes_on_counting_when_lost_and_found() -> None:
    scene = learned()

    assert in_view(scene, replace(STATUE, alive=True)) == [1]
    scene.run(5)

    assert in_view(scene, person(0.3, track=2)) == [2]


def test_people_who_stand_at_one_place_one_after_the_other_are_no_statue() -> None:
    scene = Scene(fps=1)

    for track in range(2, 30):
        scene.run(120, standing(0.3, track=track))
        scene.run(300)

    assert scene.rules.things == ()


def test_a_statue_that_is_hidden_for_a_moment_does_not_count_meanwhile() -> None:
    scene = learned()

    assert in_view(scene, replace(STATUE, seen=False)) == []


def test_no_more_places_are_remembered_than_there_is_room_for_and_the_statue_is_among_them() -> None:
    scene = learned()

    def many(_: float) -> Sequence[TrackedPerson]:
        return [STATUE, *(person(0.005 * number, y=0.9, track=number) for number in range(2, 200))]

    scene.run(300, many)

    assert len(scene.rules.things) <= 32
    assert STATUE.box in scene.rules.things
