from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.ports import Detection
from tests.support.moving_scene import (
    Box,
    ColourDetector,
    MovingScene,
    Path,
    Pixels,
    is_seen,
    leaves,
    looks,
    most_in_a_second,
    seen_at,
    sight,
    stands,
    strolls,
    times,
    tracks_of,
    walks,
    watch,
)

SWEEP_S = 5.0
FIRST_S = 2.0
"""The first look at everything is over."""
W, H = 640, 360


def test_an_empty_scene_is_looked_at_once_and_then_one_place_in_five_seconds() -> None:
    shown = watch(MovingScene(W, H), sight(ColourDetector()), times(60))

    made = looks(shown)
    late = [at_s for at_s in made if at_s >= FIRST_S]
    assert 1 <= len(made) - len(late) <= 20
    assert 8 <= len(late) <= 60 / SWEEP_S
    assert all(after - before >= SWEEP_S - 0.01 for before, after in pairwise(late))
    assert not any(seen.people or seen.detections for _, seen in shown)


@pytest.mark.parametrize(("width", "height"), [(64, 48), (360, 640), (641, 363), (1280, 720)])
def test_everything_of_an_empty_scene_is_looked_at_first(width: int, height: int) -> None:
    shown = watch(MovingScene(width, height), sight(ColourDetector()), times(FIRST_S))

    looked_at = np.zeros((height, width), bool)
    for _, seen in shown:
        for left, top, side, _ in seen.regions:
            looked_at[top : top + side, left : left + side] = True
    assert looked_at.mean() > 0.98


@pytest.mark.parametrize("since_s", [3.0, 4.95, 7.5])
def test_who_walks_in_is_found_within_a_second(since_s: float) -> None:
    scene = MovingScene(W, H, [walks(-20, 150, 90, (50, 0), since_s)])
    shown = watch(scene, sight(ColourDetector()), times(since_s + 6))

    in_view_s = since_s + 0.6
    assert all(is_seen(scene, seen, 1, at_s) for at_s, seen in shown if at_s >= in_view_s + 1)
    assert len({one.id for _, seen in shown for one in seen.people}) == 1


def test_who_appears_in_the_middle_is_found_within_a_second() -> None:
    scene = MovingScene(W, H, [stands(400, 120, 70, since_s=3.05)])
    shown = watch(scene, sight(ColourDetector()), times(5))

    assert is_seen(scene, seen_at(shown, 4.1), 1, 4.1)


def test_who_stood_there_from_the_start_is_found_without_having_moved() -> None:
    scene = MovingScene(W, H, [stands(300, 120, 120)])
    shown = watch(scene, sight(ColourDetector()), times(FIRST_S))

    assert is_seen(scene, shown[-1][1], 1, 0)


def test_who_stands_still_stays_seen_and_costs_nothing_but_the_sweep() -> None:
    scene = MovingScene(W, H, [lambda at_s: (20 + 60 * min(at_s, 5), 150, 36, 90)])
    shown = watch(scene, sight(ColourDetector()), times(60))

    still = [(at_s, seen) for at_s, seen in shown if at_s > 8]
    assert len(looks(still)) <= 52 / SWEEP_S + 1
    assert all(is_seen(scene, seen, 1, at_s) for at_s, seen in still)
    assert all(seen.detections for _, seen in still)
    assert all(len(seen.people) == 1 for _, seen in still)
    assert len({one.id for _, seen in shown for one in seen.people}) == 1


def test_who_begins_to_walk_again_keeps_the_number_and_is_followed_at_once() -> None:
    scene = MovingScene(W, H, [lambda at_s: (20 + 60 * min(at_s, 5) + 60 * max(at_s - 25, 0), 150, 36, 90)])
    shown = watch(scene, sight(ColourDetector()), times(29))

    assert all(is_seen(scene, seen, 1, at_s) for at_s, seen in shown if at_s >= 2)
    assert len({one.id for _, seen in shown for one in seen.people}) == 1


def test_who_walks_out_is_gone_within_three_seconds() -> None:
    scene = MovingScene(W, H, [walks(400, 150, 90, (80, 0), 2)])
    shown = watch(scene, sight(ColourDetector()), times(10))

    assert seen_at(shown, 4).people
    assert not seen_at(shown, 8).people


@pytest.mark.parametrize("background", [1.0, 0.5])
def test_who_goes_through_a_door_in_the_middle_of_the_picture_is_gone_within_five_seconds(background: float) -> None:
    through = walks(0, 100, 80, (60, 0), 2)
    scene = MovingScene(W, H, [lambda at_s: through(at_s) if at_s < 6 else None], light=lambda _: background)
    shown = watch(scene, sight(ColourDetector()), times(12))

    assert seen_at(shown, 5.5).people
    assert not seen_at(shown, 11).people


@pytest.mark.parametrize("gap_s", [0.3, 0.6, 1.0, 2.0])
@pytest.mark.parametrize("pace", [40, 80, 120])
def test_who_walks_through_a_door_between_two_pictures_is_gone_within_five_seconds(pace: float, gap_s: float) -> None:
    """A slow device leaves pictures out: whoever is last seen walking is next expected where nothing has moved."""
    through = walks(0, 100, 80, (pace, 0), 2)
    scene = MovingScene(W, H, [lambda at_s: through(at_s) if at_s < 5 else None])
    shown = watch(scene, sight(ColourDetector()), [at_s for at_s in times(14) if not 5 <= at_s < 5 + gap_s])

    assert seen_at(shown, 4.9).people
    assert not seen_at(shown, 10 + gap_s).people


class SeesThings(ColourDetector):
    """Takes the second person, who is a thing, for one now and then, and is not sure."""

    def _detect(self, pixels: Pixels) -> list[Detection]:
        found = super()._detect(pixels)
        things = [box for box in found if pixels[int(box.top + box.height / 2), int(box.left + box.width / 2), 0] == 2]
        weak = [Detection(box.left, box.top, box.width, box.height, 0.3) for box in things if not self.inferences % 3]
        return [box for box in found if box not in things] + weak


@pytest.mark.parametrize("until_s", [6.0, 6.1, 6.2])
def test_who_has_gone_does_not_live_on_in_a_thing_that_looks_like_somebody_at_times(until_s: float) -> None:
    through = walks(60, 100, 80, (40, 0), 2)
    scene = MovingScene(W, H, [lambda at_s: through(at_s) if at_s < until_s else None, stands(245, 105, 75)])
    shown = watch(scene, sight(SeesThings()), times(15))

    assert seen_at(shown, 5.9).people
    assert not seen_at(shown, 14).people


def test_one_who_goes_and_one_who_comes_elsewhere_are_two() -> None:
    scene = MovingScene(W, H, [stands(60, 150, 90, 1, 6), stands(500, 150, 90, 6)])
    shown = watch(scene, sight(ColourDetector()), times(12))

    (first,), (second,) = seen_at(shown, 5).people, seen_at(shown, 11.8).people
    assert first.id != second.id


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([(640, 360), (641, 363), (358, 640), (333, 250)]),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(8, 80),
    st.floats(8, 80),
)
def test_wherever_something_moved_once_a_scene_that_is_still_again_costs_only_the_sweep(
    size: tuple[int, int], x: float, y: float, width: float, height: float
) -> None:
    box = (x * (size[0] - width), y * (size[1] - height), width, height)
    scene = MovingScene(*size, things=[lambda at_s: box if 3 <= at_s < 3.5 else None])
    shown = watch(scene, sight(ColourDetector()), times(13))

    assert len(looks(shown, since_s=6.5)) <= 2


@pytest.mark.parametrize("per_s", [0.5, 1, 3, 10, 25])
@pytest.mark.parametrize("frames_per_s", [4, 10, 30])
def test_whatever_moves_the_budget_is_kept(per_s: float, frames_per_s: float) -> None:
    scene = MovingScene(W, H, [strolls(60 * n + 20, 40 * n + 10, n) for n in range(7)], leaves(12))
    detector = ColourDetector()
    shown = watch(scene, sight(detector, per_s), times(8, per_s=frames_per_s))

    assert most_in_a_second(shown) <= max(per_s, 1)
    assert detector.inferences == len(looks(shown))
    assert detector.inferences >= 0.5 * 8 * min(per_s, 10)


def test_looks_at_motion_that_is_nobody_get_rarer_and_who_walks_through_it_is_found_soon() -> None:
    scene = MovingScene(W, H, [walks(-30, 180, 90, (45, 0), 40)], leaves(2))
    shown = watch(scene, sight(ColourDetector()), times(46))

    early, late = looks(shown, 3, 8), looks(shown, 33, 38)
    assert len(late) < 0.7 * len(early)
    assert any(is_seen(scene, seen, 1, at_s) for at_s, seen in shown if 41 <= at_s < 42.5)
    assert is_seen(scene, seen_at(shown, 44), 1, 44)


@pytest.mark.parametrize("light", [lambda at_s: 1.0 if at_s < 4 else 0.4, lambda at_s: 0.4 if at_s < 4 else 1.0])
def test_a_light_that_is_switched_costs_nothing_and_the_next_person_is_found(light: Path) -> None:
    scene = MovingScene(W, H, [walks(-20, 150, 90, (50, 0), 8)], light=light)  # type: ignore[arg-type]
    shown = watch(scene, sight(ColourDetector()), times(12))

    assert len(looks(shown, 3.5, 7.5)) <= 1
    assert is_seen(scene, seen_at(shown, 10.5), 1, 10.5)


def test_dusk_costs_nothing() -> None:
    scene = MovingScene(W, H, light=lambda at_s: 1 - 0.5 * at_s / 30)
    shown = watch(scene, sight(ColourDetector()), times(30))

    assert len(looks(shown, since_s=FIRST_S)) <= 30 / SWEEP_S


def test_the_noise_of_a_dark_sensor_costs_nothing() -> None:
    scene = MovingScene(W, H, noise=16)
    shown = watch(scene, sight(ColourDetector()), times(20))

    assert len(looks(shown, since_s=FIRST_S)) <= 20 / SWEEP_S


def test_who_is_hidden_for_a_second_keeps_the_number() -> None:
    def post(_at_s: float) -> Box:
        return 290, 60, 60, 260

    person = walks(0, 130, 90, (60, 0), 1)
    scene = MovingScene(W, H, [person])
    hidden: set[bool] = set()
    looker = sight(ColourDetector())
    shown = []
    for at_s in times(10):
        frame = scene.at(at_s)
        left, top, width, height = (round(side) for side in post(at_s))
        frame.pixels[top : top + height, left : left + width] = 90
        seen = looker.process(frame)
        shown.append((at_s, seen))
        hidden |= {not one.seen for one in seen.people}
    assert hidden == {True, False}
    assert len({one.id for _, seen in shown for one in seen.people}) == 1
    assert is_seen(scene, seen_at(shown, 8.5), 1, 8.5)


def test_of_twenty_people_who_walk_to_and_fro_most_are_known_at_any_time_with_ten_looks_a_second() -> None:
    places = [(60 + 240 * column, 60 + 170 * row, 2.0 * row + column) for row in range(4) for column in range(5)]
    scene = MovingScene(1280, 720, [strolls(60 + x, y, phase, 80) for x, y, phase in places])
    shown = watch(scene, sight(ColourDetector()), times(12))

    known = [sum(is_seen(scene, seen, 1 + one, at_s) for one in range(20)) for at_s, seen in shown if at_s >= 4]
    assert np.mean(known) >= 14


def test_two_who_pass_each_other_keep_their_numbers() -> None:
    scene = MovingScene(W, H, [walks(20, 100, 100, (60, 0)), walks(584, 140, 100, (-60, 0))])
    shown = watch(scene, sight(ColourDetector()), times(9))

    before, after = seen_at(shown, 2), seen_at(shown, 8)
    for person in (1, 2):
        (one,), (other,) = tracks_of(scene, before, person, 2), tracks_of(scene, after, person, 8)
        assert one.id == other.id
    assert len({one.id for _, seen in shown for one in seen.people}) == 2


def test_a_person_whom_a_region_cuts_does_not_become_two() -> None:
    scene = MovingScene(W, H, [strolls(100 + 70 * n, 120 + 20 * (n % 2), n) for n in range(6)])
    shown = watch(scene, sight(ColourDetector(), 30), times(15))

    assert max(len(seen.people) for at_s, seen in shown if at_s > 1) == 6


def test_who_comes_with_motion_that_is_wider_than_any_region_is_found_within_two_seconds() -> None:
    def curtain(at_s: float) -> Box | None:
        return (0, 130 + round(at_s * 10) % 2 * 6, W, 100) if at_s >= 3 else None

    scene = MovingScene(W, H, [stands(x, 140, 80, since_s=3.05) for x in (60, 300, 540)], things=[curtain])
    shown = watch(scene, sight(ColourDetector()), times(6))

    for person in (1, 2, 3):
        assert any(is_seen(scene, seen, person, at_s) for at_s, seen in shown if at_s <= 5)
