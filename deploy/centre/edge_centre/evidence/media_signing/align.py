"""Lays the hashes that were signed beside those of what is there, to name what differs."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence

_MOST_ALIKE = 8
"""Of how many equal hashes in one list the first ones are tried: each picture of a still scene may be the same."""


def matches(found: Sequence[bytes], signed: Sequence[bytes]) -> list[tuple[int, int]]:
    """Return the longest row of pairs (index in `found`, index in `signed`) of equal hashes that keeps the order."""
    same = 0
    while same < min(len(found), len(signed)) and found[same] == signed[same]:
        same += 1
    row = [(index, index) for index in range(same)]
    if same == len(signed):
        return row
    return [*row, *((a + same, b + same) for a, b in _longest(found[same:], signed[same:]))]


def _longest(found: Sequence[bytes], signed: Sequence[bytes]) -> list[tuple[int, int]]:
    """Return the longest common row, after Hunt and Szymanski: fast where few hashes are equal."""
    places: dict[bytes, list[int]] = defaultdict(list)
    for place, each in enumerate(signed):
        if len(places[each]) < _MOST_ALIKE:
            places[each].insert(0, place)
    ends: list[int] = []  # ends[n]: the least place in `signed` at which a row of n + 1 pairs ends
    rows: list[tuple[int, int, int]] = []  # index in `found`, place in `signed`, the pair before in `rows`
    tips: list[int] = []  # tips[n]: the last pair of the row that ends at ends[n]
    for index, each in enumerate(found):
        for place in places.get(each, ()):
            length = bisect_left(ends, place)
            rows.append((index, place, tips[length - 1] if length else -1))
            if length == len(ends):
                ends.append(place)
                tips.append(len(rows) - 1)
            else:
                ends[length], tips[length] = place, len(rows) - 1
    pairs, at = [], tips[-1] if tips else -1
    while at >= 0:
        index, place, at = rows[at]
        pairs.append((index, place))
    return pairs[::-1]
