"""How fast somebody moves, in their own body heights a second. Pure.

A walk is about 0.8 body heights a second, a run 1.6 and more. Seen from above, a body looks lower than it is and its
pace higher, up to one and a half times on a camera that looks down by 45 degrees.
"""

import math
from collections import deque
from statistics import median
from typing import NamedTuple

from agent.core.analytics.tracks import TrackedPerson, is_cut, shape
from agent.core.polygon import Point

_WINDOW_NS = 1_000_000_000
_LAG_NS = 300_000_000
"""Each pace is that over this time: what a box trembles is little beside it."""
_GAP_NS = 600_000_000
"""A longer way between two frames that show them is no pace: nobody knows how they came."""
_FEWEST = 3
_SPAN_NS = 240_000_000
"""The paces of a shorter time are too alike to tell a run from a jump."""
MEASURED_NS = _LAG_NS + _SPAN_NS
"""How long somebody must have moved before their pace is known."""
_WHOLE = 1.3
"""Whoever is lower, beside their width, is hidden in part: neither foot nor height is theirs."""


class _Sighting(NamedTuple):
    at_ns: int
    foot: Point
    height: float
    pace: tuple[float, float] | None
    """In heights of the picture a second, to the right and down."""


class Pace:
    """How fast one person moves. One thread."""

    def __init__(self) -> None:
        self.heights_per_s: float | None = None
        """The median over the last second, so that no box that jumps and no number that is given to another counts;
        None while this frame doesn't tell."""
        self._sightings: deque[_Sighting] = deque()

    def update(self, now_ns: int, found: TrackedPerson | None, aspect: float) -> None:
        """Take in one frame; `aspect` is the picture's width divided by its height."""
        self.heights_per_s = None
        if found is None or is_cut(found.box) or shape(found.box, aspect) < _WHOLE:
            return
        seen = self._sightings
        while seen and (now_ns - seen[0].at_ns > _WINDOW_NS + _LAG_NS or now_ns < seen[-1].at_ns):
            seen.popleft()
        before = next((one for one in reversed(seen) if now_ns - one.at_ns >= _LAG_NS), None)
        pace = None
        if before is not None and (took_ns := now_ns - before.at_ns) <= _GAP_NS:
            (x, y), (from_x, from_y) = found.foot, before.foot
            pace = (x - from_x) * aspect * 1e9 / took_ns, (y - from_y) * 1e9 / took_ns
        seen.append(_Sighting(now_ns, found.foot, found.box[3], pace))
        paces = [(one.at_ns, *one.pace) for one in seen if one.pace is not None and now_ns - one.at_ns <= _WINDOW_NS]
        if len(paces) >= _FEWEST and now_ns - paces[0][0] >= _SPAN_NS:
            height = median(one.height for one in seen)
            self.heights_per_s = math.hypot(median(x for _, x, _ in paces), median(y for _, _, y in paces)) / height
