"""Polygons that people draw in a picture, in fractions of the picture. Pure."""

import math
from collections.abc import Sequence
from itertools import combinations, pairwise

Point = tuple[float, float]
"""X from the left, y from the top, as fractions of the picture."""
Side = tuple[Point, Point]
_FEWEST = 3


class Polygon:
    """A simple polygon, including its edge. Raises ValueError, worded for the person who drew it."""

    def __init__(self, points: Sequence[Point]) -> None:
        self.points: tuple[Point, ...] = tuple((float(x), float(y)) for x, y in points)
        if len(self.points) < _FEWEST:
            raise ValueError(f"a polygon needs at least 3 points, and this has {len(self.points)}")
        for number, (x, y) in enumerate(self.points, start=1):
            if not (0 <= x <= 1 and 0 <= y <= 1):  # also false for NaN
                raise ValueError(f"point {number} ({x:g}, {y:g}) lies outside of the picture: use fractions, 0 to 1")
        for (one, start), (other, end) in combinations(enumerate(self.points, start=1), 2):
            if start == end:
                raise ValueError(f"points {one} and {other} are the same: give each point once")
        self._edges = tuple(pairwise((*self.points, self.points[0])))
        for (one, first), (other, second) in combinations(enumerate(self._edges, start=1), 2):
            if _cross(first, second):
                raise ValueError(
                    f"it crosses itself: the sides from points {one} and {other} meet; "
                    "give the points in order around the area"
                )

    def contains(self, point: Point) -> bool:
        """Return whether the point lies inside or on the edge."""
        x, y = point
        inside = False
        for start, end in self._edges:
            if _turn(start, end, point) == 0 and _between(start, end, point):
                return True
            if (start[1] > y) != (end[1] > y):
                crossing = start[0] + (y - start[1]) / (end[1] - start[1]) * (end[0] - start[0])
                inside ^= x < crossing
        return inside


def apart(one: Point, other: Point, aspect: float) -> float:
    """Return the distance between two points, in heights of the picture; `aspect` is its width divided by its
    height."""
    return math.hypot((other[0] - one[0]) * aspect, other[1] - one[1])


def segments_meet(first: Side, second: Side) -> bool:
    """Return whether two segments have a point in common."""
    (a, b), (c, d) = first, second
    turns = (_turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b))
    if turns[0] * turns[1] < 0 and turns[2] * turns[3] < 0:
        return True
    lying = ((turns[0], a, b, c), (turns[1], a, b, d), (turns[2], c, d, a), (turns[3], c, d, b))
    return any(turn == 0 and _between(start, end, point) for turn, start, end, point in lying)


def _cross(first: Side, second: Side) -> bool:
    """Return whether two sides meet where they must not: neighbours share one point, and may share no other."""
    (a, b), (c, d) = first, second
    if b == c:
        return _turns_back(a, b, d)
    if d == a:
        return _turns_back(c, a, b)
    return segments_meet(first, second)


def _turns_back(start: Point, corner: Point, end: Point) -> bool:
    """Return whether the way from start to end goes back over itself at the corner."""
    return _turn(start, corner, end) == 0 and not _between(start, end, corner)


def _turn(start: Point, end: Point, point: Point) -> float:
    """Return a number that is positive on one side of the line, negative on the other, and 0 on the line."""
    return (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])


def _between(start: Point, end: Point, point: Point) -> bool:
    return min(start[0], end[0]) <= point[0] <= max(start[0], end[0]) and min(start[1], end[1]) <= point[1] <= max(
        start[1], end[1]
    )
