from collections.abc import Callable, Sequence

import pytest

from agent.core.analytics.tracks import TrackedPerson
from agent.core.analytics.zones import ZoneRules
from agent.core.polygon import Polygon
from tests.support.moving_boxes import TALL, box, lying, upright
from tests.support.street_scene import LEFT_HALF, SECOND, Scene

STREET = Polygon([(0, 0), (1, 0), (1, 1), (0, 1)])
DOWN = ZoneRules("street", STREET, person_down_after_ns=10 * SECOND)
People = Callable[[float], Sequence[TrackedPerson]]


def after(first: People, then: People, stands_s: float = 4.0, fps: float = 10, rules: ZoneRules = DOWN) -> Scene:
    """Somebody for a while, and then what happens for half a minute."""
    scene = Scene(rules, fps=fps)
    scene.run(stands_s, first)
    scene.run(30, then)
    return scene


def stands(_at_s: float) -> Sequence[TrackedPerson]:
    return [upright()]


def lies(_at_s: float) -> Sequence[TrackedPerson]:
    return [lying(0.55)]


@pytest.mark.parametrize("fps", [2, 6, 10, 25])
def test_who_falls_and_stays_down_is_told_after_the_time_and_told_over_when_they_get_up(fps: float) -> None:
    scene = after(stands, lies, fps=fps)
    scene.run(20, stands)

    began, ended = scene.of("person-down", "street")
    assert (began.phase, began.track, ended.phase, ended.number) == ("began", 1, "ended", began.number)
    assert 10_000 <= began.duration_ms <= 11_500
    assert began.best is not None
    assert began.best.box == lying(0.55).box, "the view is of them as they lie"
    assert ended.duration_ms == pytest.approx(30_000, abs=1000)


def test_who_lies_on_is_told_again_every_minute() -> None:
    scene = after(stands, lies)
    scene.run(120, lies)

    assert scene.phases("person-down", "street") == ["began", "ongoing", "ongoing"]


def crouches(at_s: float) -> Sequence[TrackedPerson]:
    return [box(0.5, 0.7, 0.55 * TALL, 1.1)] if at_s % 15 < 9 else stands(at_s)


def bends_down(at_s: float) -> Sequence[TrackedPerson]:
    return [box(0.5, 0.7, 0.5 * TALL, 0.85)] if at_s % 12 < 4 else stands(at_s)


def is_hidden_below(_at_s: float) -> Sequence[TrackedPerson]:
    """Behind a wall: head and shoulders, at the height where they were."""
    return [box(0.5, 0.7 - 0.7 * TALL, 0.3 * TALL, 0.75)]


def spreads_their_arms(_at_s: float) -> Sequence[TrackedPerson]:
    return [box(0.5, 0.7, TALL, 0.85)]


def walks_out_of_the_picture(at_s: float) -> Sequence[TrackedPerson]:
    """Through its lower edge, which cuts them ever higher."""
    top = min(0.7 - TALL + 0.1 * at_s, 0.95)
    return [TrackedPerson(1, (0.4, top, 0.12, min(TALL, 1 - top)), 0.8, alive=True)]


def pushes_a_cart(at_s: float) -> Sequence[TrackedPerson]:
    """Low and wide from a moment on, but elsewhere."""
    return [lying(0.5 + TALL * (1.2 + 0.1 * at_s))] if at_s < 5 else []


@pytest.mark.parametrize(
    "does", [stands, crouches, bends_down, is_hidden_below, spreads_their_arms, walks_out_of_the_picture, pushes_a_cart]
)
def test_who_does_not_lie_where_they_stood_is_not_down(does: People) -> None:
    assert after(stands, does).of("person-down", "street") == []


def stands_with_joints(_at_s: float) -> Sequence[TrackedPerson]:
    return [box(0.5, 0.7, TALL, 2.5, rise=0.7)]


def with_joints(height: float, ratio: float, rise: float | None, foot: float = 0.7) -> People:
    """A box of so many of their heights, in which the model has found their joints."""
    return lambda _: [box(0.5, foot, height * TALL, ratio, rise=rise)]


@pytest.mark.parametrize(
    ("lies_so", "stood"),
    [
        pytest.param(with_joints(0.55, 1.1, -0.5, foot=0.8), 0.7, id="head towards the camera"),
        pytest.param(with_joints(0.4, 1.3, 0.4), 0.7, id="feet towards the camera"),
        pytest.param(with_joints(0.5, 1.6, -0.6, foot=0.8), 0.7, id="head towards the camera, and narrow"),
        pytest.param(with_joints(0.3, 0.4, 0.1), 0.7, id="across"),
        pytest.param(with_joints(0.3, 0.4, 0.1, foot=1.0), 0.9, id="cut by the picture's lower edge"),
    ],
)
def test_who_lies_is_told_by_their_joints_whichever_way_they_fell(lies_so: People, stood: float) -> None:
    assert scene_phases(after(with_joints(1.0, 2.5, 0.7, foot=stood), lies_so)) == ["began"]


@pytest.mark.parametrize(
    "does",
    [
        pytest.param(with_joints(0.65, 1.2, 0.6), id="sits"),
        pytest.param(with_joints(0.55, 1.1, 0.65), id="crouches"),
        pytest.param(with_joints(0.6, 0.85, 0.55), id="bends down"),
        pytest.param(with_joints(0.5, 0.8, 0.6), id="sits on the ground"),
        pytest.param(with_joints(0.3, 0.8, None, foot=1.0), id="head and shoulders at the lower edge"),
    ],
)
def test_who_is_low_with_their_head_above_their_knees_is_not_down_however_long(does: People) -> None:
    assert after(stands_with_joints, does).of("person-down", "street") == []


def test_who_sits_up_is_told_over() -> None:
    scene = after(stands_with_joints, with_joints(0.3, 0.4, 0.1))
    scene.run(20, with_joints(0.6, 1.0, 0.7))

    assert scene_phases(scene) == ["began", "ended"]


def test_joints_that_are_unsure_now_and_then_leave_it_to_the_box() -> None:
    def unsure(at_s: float) -> Sequence[TrackedPerson]:
        return with_joints(0.3, 0.4, None if round(at_s * 10) % 3 else 0.1)(at_s)

    assert scene_phases(after(stands_with_joints, unsure)) == ["began"]


def test_what_was_never_upright_does_not_lie() -> None:
    """A dog, a bag, a car: they come wide."""
    assert after(lambda _: [lying(0.3)], lies).of("person-down", "street") == []


def test_a_box_of_two_people_is_nobody_who_lies() -> None:
    def merged(_at_s: float) -> Sequence[TrackedPerson]:
        """The box of both, before which a tall one had hidden a small one."""
        return [box(0.5, 0.7, 0.5 * TALL, 0.8), box(0.53, 0.7, 0.5 * TALL, 2.0, track=2, seen=False)]

    assert after(stands, merged).of("person-down", "street") == []


def test_who_kneels_down_beside_somebody_who_lies_does_not_hide_them() -> None:
    def helped(at_s: float) -> Sequence[TrackedPerson]:
        return [lying(), *([box(0.52, 0.71, 0.5 * TALL, 1.2, track=2)] if at_s > 1 else [])]

    assert scene_phases(after(stands, helped)) == ["began"]


def scene_phases(scene: Scene) -> list[str | None]:
    return [each.phase for each in scene.of("person-down", "street")]


def test_a_detector_that_misses_them_now_and_then_changes_nothing() -> None:
    def flickers(at_s: float) -> Sequence[TrackedPerson]:
        return [lying() if round(at_s * 10) % 5 else box(0.5, 0.7, 0.3 * TALL, 0.4, seen=False)]

    assert scene_phases(after(stands, flickers)) == ["began"]


@pytest.mark.parametrize(("away_s", "told"), [(1.0, ["began"]), (8.0, [])])
def test_who_gets_another_number_in_the_fall_is_the_same_person_if_it_comes_soon(
    away_s: float, told: list[str]
) -> None:
    def lost_and_found(at_s: float) -> Sequence[TrackedPerson]:
        return [box(0.55, 0.7, 0.3 * TALL, 0.4, track=2)] if at_s > away_s else []

    assert scene_phases(after(stands, lost_and_found)) == told


def test_somebody_who_lies_outside_of_the_zone_is_not_its_affair() -> None:
    zone = ZoneRules("street", LEFT_HALF, person_down_after_ns=10 * SECOND)

    assert after(stands, lambda _: [lying(0.6)], rules=zone).of("person-down", "street") == []


def test_a_zone_without_a_time_and_the_whole_picture_tell_nothing() -> None:
    assert after(stands, lies, rules=ZoneRules("street", STREET)).of("person-down", "street") == []
    assert after(stands, lies).of("person-down") == []


def test_who_is_lost_while_they_lie_is_told_over() -> None:
    scene = after(stands, lies)
    scene.run(20)

    assert scene_phases(scene) == ["began", "ended"]


def test_after_a_long_gap_nobody_knows_who_lies() -> None:
    scene = after(stands, lies)
    scene.now_ns += 60 * SECOND
    scene.run(5, lies)

    assert scene_phases(scene) == ["began", "ended"]
