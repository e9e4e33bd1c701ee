"""The sweep: where to look although nothing moves; everywhere at first, then one place every few seconds."""

import math
from collections.abc import Sequence

from agent.vision.regions import Region, square

EVERY_S = 5.0
_SHARES = (1.0, 0.58)
"""Sides of the squares that cover the picture, as shares of its shorter side."""
_SHARED = 0.2
"""Neighbouring squares share at least this much of their side: a model finds nobody whom both cut through."""


class Sweep:
    """Hands out the places to look at, in pictures of one size. One thread."""

    def __init__(self, width: int, height: int) -> None:
        self._tiles = [tile for share in _SHARES for tile in _cover(width, height, round(share * min(width, height)))]
        self._first = list(self._tiles)
        self._looked_ns = dict.fromkeys(self._tiles, 0)
        self._last_ns: int | None = None

    def first(self, most: int) -> list[Region]:
        """Return at most `most` of the picture's tiles that were not handed out yet."""
        regions, self._first = self._first[:most], self._first[max(most, 0) :]
        return regions

    def due(self, standing: Sequence[tuple[int, Region]], boottime_ns: int) -> list[Region]:
        """Return one region every `EVERY_S`, else none: the one that was looked at longest ago.

        Chooses from the picture's tiles and `standing`, regions around people and the time of the last look at each.
        """
        if self._last_ns is not None and boottime_ns - self._last_ns < EVERY_S * 1e9:
            return []
        self._last_ns = boottime_ns
        places = [*standing, *((looked_ns, tile) for tile, looked_ns in self._looked_ns.items())]
        return [min(places, key=lambda place: place[0])[1]]

    def looked(self, regions: Sequence[Region], boottime_ns: int) -> None:
        """Note that the model has looked there, for whatever reason."""
        for region in regions:
            if region in self._looked_ns:
                self._looked_ns[region] = boottime_ns
                self._last_ns = boottime_ns


def _cover(width: int, height: int, side: int) -> list[Region]:
    """Return overlapping squares that together show the whole picture."""
    columns, rows = (max(math.ceil((length / side - _SHARED) / (1 - _SHARED)), 1) for length in (width, height))
    return [
        square(
            side / 2 + (width - side) * column / max(columns - 1, 1),
            side / 2 + (height - side) * row / max(rows - 1, 1),
            side,
            width,
            height,
        )
        for row in range(rows)
        for column in range(columns)
    ]
