import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.vision.regions import Region, Wish, choose_regions, cut_out, square, whole

SIZES = st.tuples(st.integers(1, 800), st.integers(1, 800)) | st.sampled_from(
    [(1, 1), (2, 3), (16, 16), (95, 97), (640, 360), (360, 640), (1920, 1080), (7680, 4320)]
)
PLACES = st.floats(-20_000, 20_000) | st.floats(0, 100)
ROUNDING_PX = 5
"""A region begins on whole pixels of a grid."""


@st.composite
def wishes(draw: st.DrawFn) -> Wish:
    """Anything, at any place: in the picture, over its edge, outside, without area, far larger."""
    left, top = draw(PLACES), draw(PLACES)
    width, height = draw(st.floats(0, 3000)), draw(st.floats(0, 3000))
    person_px = draw(st.floats(1e-4, 10_000))
    return Wish(left, top, left + width, top + height, person_px, draw(st.floats(0, 3)), draw(st.floats(0, 1)))


def person(x: float, y: float, height: float = 60, weight: float = 1.0) -> Wish:
    """Somebody whose box is around this point."""
    return Wish(x - 0.3 * height, y - 0.7 * height, x + 0.3 * height, y + 0.7 * height, height, weight)


def shows(region: Region, wish: Wish) -> bool:
    left, top, width, height = region
    return (
        left - ROUNDING_PX <= wish.left
        and top - ROUNDING_PX <= wish.top
        and wish.right <= left + width + ROUNDING_PX
        and wish.bottom <= top + height + ROUNDING_PX
    )


@given(st.lists(wishes(), max_size=12), SIZES, st.integers(-1, 6), st.floats(0.01, 0.5))
def test_whatever_is_wished_for_the_regions_are_squares_in_the_picture_no_more_than_asked_and_none_twice(
    wanted: list[Wish], size: tuple[int, int], most: int, least_gain: float
) -> None:
    regions = choose_regions(wanted, *size, most, least_gain)

    assert len(regions) <= max(most, 0)
    assert len(set(regions)) == len(regions)
    for left, top, width, height in regions:
        assert width == height >= 1
        assert left >= 0
        assert top >= 0
        assert left + width <= size[0]
        assert top + height <= size[1]


@given(st.lists(wishes(), max_size=6), SIZES)
def test_the_same_wishes_give_the_same_regions(wanted: list[Wish], size: tuple[int, int]) -> None:
    assert choose_regions(wanted, *size, 4, 0.1) == choose_regions(wanted, *size, 4, 0.1)


@given(PLACES, PLACES, st.integers(0, 5000) | st.floats(0, 5), SIZES)
def test_a_square_lies_in_the_picture_and_has_an_area(x: float, y: float, side: float, size: tuple[int, int]) -> None:
    left, top, width, height = square(x, y, round(side), *size)

    assert width == height >= 1
    assert 0 <= left <= size[0] - width
    assert 0 <= top <= size[1] - height


@given(st.integers(30, 400), SIZES.filter(lambda size: min(size) >= 400))
def test_a_square_in_a_corner_reaches_the_edges_of_the_picture(side: int, size: tuple[int, int]) -> None:
    width, height = size
    left, top, own_width, own_height = square(width, height, side, width, height)

    assert (left + own_width, top + own_height) == size
    assert square(0, 0, side, width, height)[:2] == (0, 0)


@given(st.integers(0, 20_000), SIZES)
def test_the_whole_picture_lies_in_the_middle_of_its_square(side: int, size: tuple[int, int]) -> None:
    width, height = size
    left, top, own_width, own_height = whole(side, width, height)

    assert max(size) <= own_width == own_height <= 2 * max(size)
    assert own_width >= min(side, 2 * max(size))
    assert abs(2 * left + own_width - width) <= 1
    assert abs(2 * top + own_height - height) <= 1


@pytest.mark.parametrize("size", [(64, 48), (640, 480), (480, 640), (1920, 1080), (3840, 2160)])
@pytest.mark.parametrize("times", [1.0, 1.5, 3.0])
def test_the_whole_picture_is_shown_with_grey_around_and_no_larger_than_a_model_needs(
    size: tuple[int, int], times: float
) -> None:
    width, height = size
    picture = np.full((height, width, 3), 30, np.uint8)
    shown = cut_out(picture, whole(round(times * max(size)), *size))

    assert shown.shape[0] == shown.shape[1] <= 1800
    assert (shown == 30).all(axis=2).sum() / shown[:, :, 0].size == pytest.approx(
        width * height / min(times, 2.0) ** 2 / max(size) ** 2, rel=0.05
    )
    assert set(np.unique(shown).tolist()) == {30, 114}


def test_a_region_in_the_picture_is_no_copy() -> None:
    picture = np.zeros((100, 200, 3), np.uint8)

    assert np.shares_memory(cut_out(picture, (20, 10, 64, 64)), picture)


@given(st.floats(30, 610), st.floats(45, 315), st.floats(20, 60))
def test_one_person_is_shown_whole_and_large_enough_to_be_found(x: float, y: float, height: float) -> None:
    wish = person(x, y, height)
    (region,) = choose_regions([wish], 640, 360, 1, 0.1)

    assert shows(region, Wish(max(wish.left, 0), max(wish.top, 0), min(wish.right, 640), min(wish.bottom, 360), 1, 1))
    assert 1.4 * height <= region[2] <= 4.5 * height


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 1), st.floats(20, 60)), max_size=8, unique_by=lambda one: one[:2]
    )
)
def test_with_a_budget_for_all_everybody_is_shown(places: list[tuple[int, int, float]]) -> None:
    wanted = [person(80 + 160 * column, 90 + 180 * row, height) for column, row, height in places]
    regions = choose_regions(wanted, 640, 360, len(wanted), 0.1)

    for wish in wanted:
        assert any(shows(region, wish) for region in regions)


def test_people_side_by_side_share_a_region() -> None:
    wanted = [person(300, 200), person(330, 205), person(365, 195)]

    (region,) = choose_regions(wanted, 640, 360, 1, 0.1)

    assert all(shows(region, wish) for wish in wanted)


def test_the_first_region_is_where_most_is_to_be_found() -> None:
    crowd = [person(500, 100), person(530, 100), person(560, 105)]
    lonely = person(80, 300)

    first, second = choose_regions([lonely, *crowd], 640, 360, 2, 0.1)

    assert all(shows(first, wish) for wish in crowd)
    assert shows(second, lonely)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_with_less_budget_the_same_regions_come_first(most: int) -> None:
    wanted = [person(80, 300, weight=0.6), person(500, 100), person(320, 200, weight=0.8)]

    assert choose_regions(wanted, 640, 360, most, 0.1) == choose_regions(wanted, 640, 360, 3, 0.1)[:most]


def test_what_is_not_worth_an_inference_gets_none() -> None:
    assert choose_regions([person(300, 200, weight=0.05)], 640, 360, 4, 0.1) == []
    assert choose_regions([], 640, 360, 4, 0.1) == []


def test_a_person_who_fills_the_picture_costs_one_inference_not_several_of_the_same_region() -> None:
    assert choose_regions([Wish(100, 0, 300, 360, 345, 1.0)], 640, 360, 4, 0.1) == [(20, 0, 360, 360)]


def test_a_picture_smaller_than_the_smallest_region_is_shown_whole() -> None:
    assert choose_regions([person(30, 20, 30)], 60, 40, 1, 0.1) == [(8, 0, 40, 40)]


@pytest.mark.parametrize("place", [(0, 0), (640, 0), (0, 360), (640, 360), (320, 360), (640, 180)])
def test_somebody_at_the_border_is_in_the_region(place: tuple[int, int]) -> None:
    (region,) = choose_regions([person(*place)], 640, 360, 1, 0.1)

    left, top, side, _ = region
    assert left <= place[0] <= left + side
    assert top <= place[1] <= top + side


def test_thousands_of_wishes_cost_little_more_than_a_few() -> None:
    many = [person(7 * number % 3800, 13 * number % 2100, 30 + number % 90, number % 10 / 10) for number in range(5000)]

    began_s = time.process_time()
    regions = choose_regions(many, 3840, 2160, 8, 0.1)

    assert len(regions) == 8
    assert time.process_time() - began_s < 2
