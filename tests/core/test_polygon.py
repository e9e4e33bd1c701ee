"""What people may draw, and what lies in it."""

import re
from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agent.core.polygon import Point, Polygon, Side, segments_meet

SQUARE = [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)]
HOOK = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.6, 1.0), (0.6, 0.4), (0.0, 0.4)]


@pytest.mark.parametrize("point", [(0.5, 0.5), (0.2, 0.2), (0.5, 0.2), (0.8, 0.5), (0.21, 0.79)])
def test_a_point_inside_or_on_the_edge_is_contained(point: Point) -> None:
    assert Polygon(SQUARE).contains(point)
    assert Polygon(SQUARE[::-1]).contains(point)


@pytest.mark.parametrize("point", [(0.1, 0.5), (0.9, 0.5), (0.5, 0.1), (0.5, 0.9), (0.1, 0.2), (0.9, 0.8)])
def test_a_point_outside_is_not_contained(point: Point) -> None:
    assert not Polygon(SQUARE).contains(point)


def test_the_notch_of_a_hook_is_outside() -> None:
    assert Polygon(HOOK).contains((0.8, 0.9))
    assert not Polygon(HOOK).contains((0.3, 0.7))
    assert not Polygon(HOOK).contains((0.5, 1.0))


@given(*(st.tuples(st.floats(0, 0.9), st.floats(0, 0.9)),) * 3, st.floats(-1, 2), st.floats(-1, 2))
def test_a_triangle_contains_the_points_that_are_averages_of_its_corners(
    a: Point, b: Point, c: Point, of_a: float, of_b: float
) -> None:
    shares = (of_a, of_b, 1 - of_a - of_b)
    assume(abs((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])) > 0.01)
    assume(min(map(abs, shares)) > 0.01)
    x, y = (sum(share * corner[axis] for share, corner in zip(shares, (a, b, c), strict=True)) for axis in (0, 1))
    assert Polygon([a, b, c]).contains((x, y)) is (min(shares) > 0)


CROSSED = "it crosses itself: the sides from points {} and {} meet; give the points in order around the area"
OUTSIDE = "point {} ({:g}, {:g}) lies outside of the picture: use fractions, 0 to 1"
SAME = "points {} and {} are the same: give each point once"


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ([], "a polygon needs at least 3 points, and this has 0"),
        ([(0, 0), (1, 1)], "a polygon needs at least 3 points, and this has 2"),
        ([(0, 0), (1, 0), (1.2, 1)], OUTSIDE.format(3, 1.2, 1)),
        ([(0, 0), (1, 1.2), (0, 1)], OUTSIDE.format(2, 1, 1.2)),
        ([(0, 0), (1, 0), (1, float("nan"))], OUTSIDE.format(3, 1, float("nan"))),
        ([(0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9)], CROSSED.format(1, 3)),
        ([(0.1, 0.1), (0.9, 0.1), (0.5, 0.1), (0.5, 0.9)], CROSSED.format(1, 2)),
        ([(0.9, 0.1), (0.9, 0.9), (0.1, 0.9), (0.1, 0.1), (0.95, 0.1)], CROSSED.format(1, 4)),
        ([(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.5, 0.1), (0.1, 0.9)], CROSSED.format(1, 3)),
        ([(0.1, 0.1), (0.1, 0.1), (0.9, 0.9)], SAME.format(1, 2)),
        ([(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.1)], SAME.format(1, 4)),
        ([(0.1, 0.1), (0.5, 0.5), (0.9, 0.9)], CROSSED.format(1, 3)),
    ],
)
def test_what_is_no_area_is_refused_in_words(points: list[Point], reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        Polygon(points)


@given(st.integers(-9, 9), st.integers(-9, 9), *(st.integers(-3, 3),) * 4)
def test_segments_on_one_line_meet_where_they_overlap(dx: int, dy: int, a: int, b: int, c: int, d: int) -> None:
    assume(dx or dy)
    overlap = max(min(a, b), min(c, d)) <= min(max(a, b), max(c, d))
    first, second = (((dx * s, dy * s), (dx * e, dy * e)) for s, e in ((a, b), (c, d)))
    assert segments_meet(first, second) is overlap


@pytest.mark.parametrize(
    ("second", "meet"),
    [
        (((0.5, 0.0), (0.5, 1.0)), True),
        (((0.5, 0.5), (0.5, 1.0)), True),
        (((0.0, 0.5), (0.0, 1.0)), True),
        (((0.5, 0.6), (0.5, 1.0)), False),
        (((1.1, 0.0), (1.1, 1.0)), False),
        (((1.1, 0.5), (1.1, 1.0)), False),
    ],
)
def test_segments_meet_where_they_cross_or_touch_whichever_way_they_run(second: Side, meet: bool) -> None:
    first = ((0.0, 0.5), (1.0, 0.5))
    for one, other in product((first, first[::-1]), (second, second[::-1])):
        assert segments_meet(one, other) is segments_meet(other, one) is meet
