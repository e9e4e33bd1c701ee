import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.vision.size_map import SizeMap

PLACES = st.floats(-1e6, 1e6)


def test_before_anybody_was_found_nothing_is_expected() -> None:
    assert SizeMap(640, 360).expected_px(10, 10) is None


def test_who_was_found_somewhere_is_expected_there() -> None:
    sizes = SizeMap(640, 360)
    sizes.learn(100, 50, 40)
    sizes.learn(100, 340, 120)

    assert sizes.expected_px(101, 51) == pytest.approx(40)
    assert sizes.expected_px(99, 345) == pytest.approx(120)


def test_where_nobody_was_yet_people_are_expected_as_high_as_elsewhere() -> None:
    sizes = SizeMap(640, 360)
    for x, person_px in ((20, 40), (320, 60), (620, 200)):
        sizes.learn(x, 20, person_px)

    assert sizes.expected_px(320, 350) == 60


def test_a_place_follows_what_is_found_there_and_one_odd_box_does_little() -> None:
    sizes = SizeMap(640, 360)
    for _ in range(50):
        sizes.learn(100, 100, 60)
    sizes.learn(100, 100, 300)
    expected = sizes.expected_px(100, 100)
    assert expected is not None
    assert 60 < expected < 100

    for _ in range(100):
        sizes.learn(100, 100, 90)
    assert sizes.expected_px(100, 100) == pytest.approx(90, rel=0.05)


@given(
    st.integers(1, 8000),
    st.integers(1, 5000),
    st.lists(st.tuples(PLACES, PLACES, st.floats(0.01, 10_000)), min_size=1, max_size=20),
    PLACES,
    PLACES,
)
def test_places_outside_the_picture_and_any_size_give_a_height_between_those_that_were_found(
    width: int, height: int, found: list[tuple[float, float, float]], x: float, y: float
) -> None:
    sizes = SizeMap(width, height)
    for place_x, place_y, person_px in found:
        sizes.learn(place_x, place_y, person_px)
    expected = sizes.expected_px(x, y)

    assert expected is not None
    assert math.isfinite(expected)
    heights = [person_px for *_, person_px in found]
    assert min(heights) * 0.999 <= expected <= max(heights) * 1.001
