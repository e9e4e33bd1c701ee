import pytest

from agent.core.analytics.lines import LineRules
from agent.core.analytics.rules import MOST_TRACKS
from tests.support.street_scene import SECOND, Scene, person, standing, walking

UP = LineRules("kerb", (0.5, 1.0), (0.5, 0.0))
"""Drawn from the bottom to the top: its left is the left of the picture."""
DOWN = LineRules("kerb-down", (0.5, 0.0), (0.5, 1.0))
ACROSS = LineRules("across", (0.0, 0.5), (1.0, 0.5))
SHORT = LineRules("gate", (0.5, 0.7), (0.5, 0.5))


def crossing(*lines: LineRules, **options: float) -> Scene:
    return Scene(lines=lines, **options)  # type: ignore[arg-type]


def test_the_direction_is_that_of_one_who_walks_along_the_line() -> None:
    scene = crossing(UP, DOWN)
    scene.run(8, walking())

    for crossed, line, direction in zip(
        scene.of("line-crossed"), (UP, DOWN), ("left-to-right", "right-to-left"), strict=True
    ):
        assert (crossed.direction, crossed.line, crossed.track, crossed.phase) == (direction, line.name, 1, None)
        assert (crossed.persons, crossed.duration_ms) == (1, 0)
        assert crossed.best is not None
        assert 1004 * SECOND < crossed.boottime_ns < 1005 * SECOND


@pytest.mark.parametrize(
    ("line", "aspect", "directions"),
    [(UP, 16 / 9, ["left-to-right"]), (UP, 9 / 16, []), (ACROSS, 16 / 9, []), (ACROSS, 9 / 16, [])],
)
def test_how_far_they_must_be_from_the_line_is_measured_in_heights(
    line: LineRules, aspect: float, directions: list[str]
) -> None:
    """Whoever is 0.2 high must be 0.03 beyond it: 0.02 of the width may be enough, and 0.02 of the height is not."""
    scene = crossing(line)
    for step in range(40):
        way = min(0.3 + 0.01 * step, 0.52)
        scene.now_ns += SECOND // 10
        scene.told += scene.rules.update(scene.now_ns, None, [person(way) if line is UP else person(0.5, way)], aspect)

    assert [each.direction for each in scene.of("line-crossed")] == directions


@pytest.mark.parametrize("aspect", [0.75, 1.0, 4 / 3, 16 / 9])
def test_a_slanted_line_is_crossed_in_a_picture_of_any_shape(aspect: float) -> None:
    scene = crossing(LineRules("kerb", (0.3, 1.0), (0.7, 0.2)))
    scene.rules.update(scene.now_ns, None, (), aspect)
    for step in range(80):
        scene.now_ns += SECOND // 10
        scene.told += scene.rules.update(scene.now_ns, None, [person(0.1 + 0.01 * step)], aspect)

    assert [each.direction for each in scene.of("line-crossed")] == ["left-to-right"]


def test_the_other_way_is_the_other_direction() -> None:
    scene = crossing(UP)
    scene.run(8, walking(0.9, -0.1))

    assert [each.direction for each in scene.of("line-crossed")] == ["right-to-left"]


def test_trembling_on_the_line_crosses_nothing() -> None:
    scene = crossing(UP)
    scene.run(4, walking(speed=0.099))
    scene.run(60, lambda seconds: [person(0.5 + 0.025 * (-1) ** round(seconds * 3))])

    assert scene.of("line-crossed") == []


def test_one_who_walks_slowly_and_trembles_crosses_once() -> None:
    scene = crossing(UP, cool_down_ns=0)
    scene.run(40, lambda s: [person(0.3 + 0.01 * s + 0.02 * (-1) ** round(s * 10))])

    assert [each.direction for each in scene.of("line-crossed")] == ["left-to-right"]


def test_one_jumped_box_beyond_the_line_crosses_nothing() -> None:
    scene = crossing(UP, cool_down_ns=0)
    scene.run(3, walking())
    scene.frame(person(0.8))
    scene.run(3, standing(0.4))

    assert scene.of("line-crossed") == []


def test_whoever_is_only_expected_beyond_the_line_has_not_crossed_it() -> None:
    scene = crossing(UP)
    scene.run(3, walking())
    scene.run(1, lambda _: [person(0.7, seen=False)])
    scene.run(1, standing(0.4))

    assert scene.of("line-crossed") == []


def test_whoever_goes_around_its_end_does_not_cross_it() -> None:
    scene = crossing(SHORT)
    scene.run(8, walking(y=0.9))

    assert scene.of("line-crossed") == []


def test_somebody_who_was_lost_on_the_line_and_found_beyond_it_has_crossed() -> None:
    scene = crossing(UP)
    scene.run(3, walking())
    scene.run(2, lambda _: [person(0.5, seen=False)])
    scene.run(2, walking(0.6))

    assert [each.direction for each in scene.of("line-crossed")] == ["left-to-right"]


def test_back_and_forth_within_the_cool_down_is_told_as_what_it_comes_to() -> None:
    scene = crossing(UP, cool_down_ns=10 * SECOND)
    scene.run(1.5, walking(0.3, 0.2))
    scene.run(1.5, walking(0.6, -0.2))
    scene.run(1.5, walking(0.3, 0.2))
    scene.run(20, standing(0.6))

    assert [each.direction for each in scene.of("line-crossed")] == ["left-to-right"]


def test_a_return_within_the_cool_down_is_told_when_it_is_over_even_of_somebody_who_is_gone() -> None:
    scene = crossing(UP, cool_down_ns=10 * SECOND)
    scene.run(1.5, walking(0.3, 0.2))
    scene.run(1.5, walking(0.6, -0.2))
    returned_ns = scene.now_ns
    scene.run(20)

    there, back = scene.of("line-crossed")
    assert (there.direction, back.direction) == ("left-to-right", "right-to-left")
    assert back.boottime_ns <= returned_ns, "the frame that made it true"
    assert back.number != there.number


def rounds(scene: Scene, count: int, track: int = 1) -> None:
    """Somebody who crosses SHORT to the right and comes back around its end, again and again."""
    for _ in range(count):
        scene.run(0.8, walking(0.3, 0.5, track))
        scene.run(0.4, lambda s: [person(0.7, 0.6 + 0.75 * s, track)])
        scene.run(0.8, lambda s: [person(0.7 - 0.5 * s, 0.9, track)])
        scene.run(0.4, lambda s: [person(0.3, 0.9 - 0.75 * s, track)])


def test_crossings_that_are_put_off_are_told_one_by_one_long_after_they_are_gone() -> None:
    scene = crossing(SHORT, cool_down_ns=10 * SECOND)
    rounds(scene, 3)
    scene.run(30)

    assert [each.direction for each in scene.of("line-crossed")] == ["left-to-right"] * 3
    assert scene.rules._states == {}, "then they are forgotten"
    assert scene.rules._lines[0]._passages == {}


def test_a_crossing_that_is_put_off_survives_a_multitude() -> None:
    scene = crossing(SHORT, cool_down_ns=10 * SECOND)
    rounds(scene, 2)
    scene.run(4)
    scene.frame(*[person(0.2, track=track) for track in range(2, MOST_TRACKS + 50)])
    scene.run(30)

    assert [each.track for each in scene.of("line-crossed")] == [1, 1]


def test_everybody_has_a_cool_down_of_their_own() -> None:
    scene = crossing(UP)
    scene.run(8, lambda s: [person(0.1 + 0.1 * s, track=1), person(0.05 + 0.1 * s, y=0.8, track=2)])

    assert sorted(each.track or 0 for each in scene.of("line-crossed")) == [1, 2]


@pytest.mark.parametrize("fps", [3, 10, 30])
def test_each_frame_rate_tells_the_same_crossing(fps: float) -> None:
    scene = crossing(UP, fps=fps)
    scene.run(8, walking())

    assert [each.direction for each in scene.of("line-crossed")] == ["left-to-right"]


def test_a_box_without_a_height_crosses_nothing() -> None:
    scene = crossing(UP)
    for step in range(80):
        flat = person(0.1 + 0.01 * step)
        scene.frame(type(flat)(1, (*flat.box[:3], 0.0), 0.8))

    assert scene.of("line-crossed") == []
