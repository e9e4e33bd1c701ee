from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.adapters.opencv_imaging import blobs, follow_points, small_grey
from agent.core.errors import ModelError
from agent.ports import Detection, Frame
from agent.vision.sight import Pixels, Sight
from tests.support.moving_scene import (
    START_NS,
    ColourDetector,
    MovingScene,
    is_seen,
    leaves,
    most_in_a_second,
    sight,
    sound,
    strolls,
    times,
    walks,
    watch,
)

W, H = 640, 360


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.001, 0.04, 0.1, 0.4, 2.0, 30.0]), min_size=5, max_size=50))
def test_irregular_times_neither_break_the_budget_nor_anything_else(steps_s: list[float]) -> None:
    scene = MovingScene(W, H, [strolls(100, 100, 1), strolls(400, 200, 2)], leaves(5))
    moments = np.cumsum(steps_s).round(3).tolist()
    shown = watch(scene, sight(ColourDetector(), 5), moments)

    assert most_in_a_second(shown) <= 5
    for _, seen in shown:
        sound(seen)


def test_memory_is_bounded_when_everything_moves_for_long() -> None:
    scene = MovingScene(320, 180, [strolls(40, 40, 1, height=40)], leaves(8))
    looker = sight(ColourDetector())
    watch(scene, looker, times(20))
    before = size_of(looker)
    watch(scene, looker, times(120, since_s=20))

    assert size_of(looker) <= 1.5 * before + 4096


def test_a_grey_picture_from_the_source_gives_what_one_made_here_gives() -> None:
    scene = MovingScene(W, H, [walks(-20, 150, 90, (50, 0), 2), strolls(400, 100, 1)])
    own = watch(scene, sight(ColourDetector()), times(8))
    given_grey = watch(scene, sight(ColourDetector()), times(8), grey=True)

    for (at_s, one), (_, other) in zip(own, given_grey, strict=True):
        assert {person.id for person in one.people} == {person.id for person in other.people}, at_s
        for person, same in zip(one.people, other.people, strict=True):
            assert person.box == pytest.approx(same.box, abs=0.02)


def test_the_same_frames_give_the_same_answers() -> None:
    scene = MovingScene(W, H, [strolls(50 + 80 * n, 100, n) for n in range(5)], leaves(4))

    assert watch(scene, sight(ColourDetector()), times(6)) == watch(scene, sight(ColourDetector()), times(6))


def test_a_picture_of_another_size_is_another_scene_and_numbers_go_on() -> None:
    looker = sight(ColourDetector())
    small = MovingScene(320, 180, [strolls(100, 60, 1, height=60)])
    large = MovingScene(640, 360, [strolls(200, 120, 2, height=120)])
    before = watch(small, looker, times(3))
    after = watch(large, looker, times(6, since_s=3))
    again = watch(small, looker, times(9, since_s=6))

    numbers = [shown[-1][1].people[0].id for shown in (before, after, again)]
    assert numbers == sorted(set(numbers))
    assert all(sound(seen) for _, seen in (*before, *after, *again))


def test_a_size_that_changes_with_every_frame_is_borne() -> None:
    looker = sight(ColourDetector(), 10)
    shown = []
    for number, at_s in enumerate(times(6)):
        scene = MovingScene(300 + 7 * (number % 13), 200 + 11 * (number % 7), [strolls(100, 60, 1)])
        shown.append((at_s, looker.process(scene.at(at_s, number + 1))))

    assert most_in_a_second(shown) <= 10


@pytest.mark.parametrize(
    ("width", "height"), [(1, 1), (1, 2), (2, 1), (3, 3), (1, 3), (5, 4), (16, 16), (800, 1), (1, 60), (801, 3)]
)
def test_a_picture_of_a_few_pixels_is_no_error(width: int, height: int) -> None:
    looker = sight(ColourDetector())
    chance = np.random.default_rng(1)
    for number in range(60):
        pixels = np.asarray(chance.integers(0, 256, (height, width, 3)), np.uint8)
        if number % 3:
            pixels[: height // 3 + 1] = 5
        sound(looker.process(Frame(pixels, START_NS + number * 100_000_000, number + 1)))


@pytest.mark.parametrize("height", [0.001, 0.3, 1, 100_000])
def test_boxes_of_an_absurd_size_are_no_error(height: float) -> None:
    class Absurd:
        def detect(self, pictures: Sequence[Pixels]) -> list[list[Detection]]:
            assert all(pixels.size for pixels in pictures)
            return [[Detection(10, 10, height / 2, height, 0.9)] for _ in pictures]

    looker = Sight(Absurd(), small_grey, blobs, follow_points, score_threshold=0.5, inferences_per_second=10)
    scene = MovingScene(W, H, things=[strolls(100, 100, 1)])
    for number, at_s in enumerate(times(12), 1):
        looker.process(scene.at(at_s, number))


def test_an_error_of_the_model_reaches_the_caller_and_the_next_look_works() -> None:
    class Failing(ColourDetector):
        fails = True

        def detect(self, pictures: Sequence[Pixels]) -> list[list[Detection]]:
            if self.fails:
                self.fails = False
                raise ModelError("broken")
            return super().detect(pictures)

    scene = MovingScene(W, H, [strolls(100, 100, 1)])
    looker = sight(Failing())
    with pytest.raises(ModelError, match="broken"):
        looker.process(scene.at(0))

    shown = watch(scene, looker, times(4, since_s=0.1))
    assert is_seen(scene, shown[-1][1], 1, shown[-1][0])


def size_of(thing: object) -> int:
    """Bytes of arrays and numbers of elements of all that hangs on it, roughly."""
    seen: set[int] = set()

    def walk(one: object) -> int:
        if id(one) in seen:
            return 0
        seen.add(id(one))
        if isinstance(one, np.ndarray):
            return one.nbytes
        inner: list[object] = []
        if isinstance(one, dict):
            inner = [*one.keys(), *one.values()]
        elif isinstance(one, (list, tuple, set)) or type(one).__name__ == "deque":
            inner = list(one)  # type: ignore[call-overload]
        elif hasattr(one, "__dict__"):
            inner = list(vars(one).values())
        return 8 * len(inner) + sum(walk(part) for part in inner)

    return walk(thing)
