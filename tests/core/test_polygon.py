"""What people may draw, and what lies in it."""

import pytest

from agent.core.polygon import Polygon, segments_meet

SQUARE = [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)]
HOOK = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.6, 1.0), (0.6, 0.4), (0.0, 0.4)]


@pytest.mark.parametrize("point", [(0.5, 0.5), (0.2, 0.2), (0.5, 0.2), (0.8, 0.5), (0.21, 0.79)])
def test_a_point_inside_or_on_the_edge_is_contained(point: tuple[float, float]) -> None:
    assert Polygon(SQUARE).contains(point)
    assert Polygon(SQUARE[::-1]).contains(point)


@pytest.mark.parametrize("point", [(0.1, 0.5), (0.9, 0.5), (0.5, 0.1), (0.5, 0.9), (0.1, 0.2), (0.9, 0.8)])
def test_a_point_outside_is_not_contained(point: tuple[float, float]) -> None:
    assert not Polygon(SQUARE).contains(point)


def test_the_notch_of_a_hook_is_outside() -> None:
    assert Polygon(HOOK).contains((0.8, 0.9))
    assert not Polygon(HOOK).contains((0.3, 0.7))
    assert not Polygon(HOOK).contains((0.5, 1.0))


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ([], "at least 3 points"),
        ([(0, 0), (1, 1)], "at least 3 points"),
        ([(0, 0), (1, 0), (1.2, 1)], "point 3 .* outside of the picture"),
        ([(0, 0), (1, 0), (1, float("nan"))], "outside of the picture"),
        ([(0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9)], "crosses itself"),
        ([(0.1, 0.1), (0.9, 0.1), (0.5, 0.1), (0.5, 0.9)], "crosses itself"),
        ([(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.5, 0.1), (0.1, 0.9)], "crosses itself"),
        ([(0.1, 0.1), (0.1, 0.1), (0.9, 0.9)], "points 1 and 2 are the same"),
        ([(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.1)], "points 4 and 1 are the same"),
        ([(0.1, 0.1), (0.5, 0.5), (0.9, 0.9)], "crosses itself|one line"),
    ],
)
def test_what_is_no_area_is_refused_in_words(points: list[tuple[float, float]], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Polygon(points)


@pytest.mark.parametrize(
    ("second", "meet"),
    [
        (((0.5, 0.0), (0.5, 1.0)), True),
        (((0.5, 0.5), (0.5, 1.0)), True),
        (((0.5, 0.6), (0.5, 1.0)), False),
        (((0.6, 0.5), (1.5, 0.5)), True),
        (((1.1, 0.5), (1.5, 0.5)), False),
    ],
)
def test_segments_meet_where_they_cross_touch_or_overlap(
    second: tuple[tuple[float, float], tuple[float, float]], meet: bool
) -> None:
    assert segments_meet(((0.0, 0.5), (1.0, 0.5)), second) is meet
    assert segments_meet(second, ((0.0, 0.5), (1.0, 0.5))) is meet
