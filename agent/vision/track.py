"""One tracked person: place, pace, size and how sure we are. Nothing about how they look (POPIA)."""

import math
from collections import deque
from statistics import median_low

from agent.ports import Detection

_PLACE_GAIN = 0.7
_PACE_GAIN = 0.25
_SIZE_GAIN = 0.3
"""How far a frame corrects what was expected (an alpha-beta filter)."""
_SIZE_GAIN_IN_COMPANY = 0.1
"""The box of a person who overlaps another one is often a box of both."""
_FIRST_PACE_GAIN = 0.6
_CUT = 0.2
"""A box that is lower than expected by this share has lost a part: nobody walks away so fast."""
_LOOKS = 9
"""How many scores are remembered."""
_GLIDE_S = 0.3
"""A lost person is expected to walk on for this long, then ever more slowly."""
_SLOWING_S = 1.0


class Track:
    """One tracked person, in pixels and seconds. `x`, `y` is where they stand: the middle of their box's lower edge."""

    def __init__(self, number: int, found: Detection) -> None:
        self.id = number
        self.x, self.y = found.left + found.width / 2, found.top + found.height
        self.width, self.height = found.width, found.height
        self.pace_x = self.pace_y = 0.0
        self.hits = 1
        self.looks = 1
        self.missed_s = 0.0
        """How long looks have missed them; time without a look does not count."""
        self.unseen_s = 0.0
        """How long ago they were last found, whether or not there was a look since."""
        self.looked_ns = 0
        """Capture time of the last frame that was looked at here."""
        self.real = False
        """Believed to be a person. Once so, it stays."""
        self.alive = False
        """Has shown a sign of life. Once so, it stays."""
        self.last: Detection | None = found
        """What the last look showed; None if it missed them."""
        self._scores = deque([found.score], _LOOKS)

    @property
    def score(self) -> float:
        """The median of the last scores; a look that missed them counts as 0."""
        return median_low(self._scores)

    @property
    def last_score(self) -> float:
        """The mean score of the last three looks."""
        recent = list(self._scores)[-3:]
        return sum(recent) / len(recent)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, width, height."""
        return self.x - self.width / 2, self.y - self.height, self.width, self.height

    def advance(self, step_s: float) -> None:
        """Move them on to where they are expected `step_s` seconds later."""
        if self.missed_s > _GLIDE_S:
            slowing = math.exp(-step_s / _SLOWING_S)
            self.pace_x *= slowing
            self.pace_y *= slowing
        self.x += self.pace_x * step_s
        self.y += self.pace_y * step_s
        self.unseen_s += step_s

    def stand(self) -> None:
        """Stop them: nothing moves around them, so neither do they."""
        self.pace_x = self.pace_y = 0.0

    def distance(self, found: Detection) -> float:
        """Return how unlikely it is that this box is theirs: the way, in their heights, and the change of size."""
        way = math.hypot(found.left + found.width / 2 - self.x, found.top + found.height - self.y)
        return way / self.height + 0.5 * abs(math.log(found.height / self.height))

    def hit(self, found: Detection, *, in_company: bool = False) -> None:
        """Update them from the box that shows them; `in_company`: their box and another person's overlap."""
        gain = _PLACE_GAIN if self.hits > 1 else 0.9
        off_x, off_y = self._way_to(found, in_company)
        self.x += gain * off_x
        self.y += gain * off_y
        if self.unseen_s > 0:
            gain = _PACE_GAIN if self.hits > 1 else _FIRST_PACE_GAIN
            self.pace_x += gain * off_x / self.unseen_s
            self.pace_y += gain * off_y / self.unseen_s
        gain = _SIZE_GAIN_IN_COMPANY if in_company else _SIZE_GAIN
        self.width += gain * (found.width - self.width)
        self.height += gain * (found.height - self.height)
        self.hits += 1
        self.looks += 1
        self.missed_s = self.unseen_s = 0.0
        self.last = found
        self._scores.append(found.score)

    def _way_to(self, found: Detection, in_company: bool) -> tuple[float, float]:
        """Return how far they are from where they were expected: across, down.

        A person beside them stretches their box at one edge, and whatever hides a part of them cuts it at one; only
        the shift that two opposite edges agree on is their own. In the open a box is as wide as their step, so its
        middle says more; and if it is as high as expected, its lower edge does.
        """
        left, top, width, height = self.box
        west, east = found.left - left, found.left + found.width - (left + width)
        north, south = found.top - top, found.top + found.height - (top + height)
        doubt = 1.0 if in_company else min(max(1 - found.height / height, 0.0) / _CUT, 1.0)
        across = _agreed(west, east) if in_company else (west + east) / 2
        return across, south + doubt * (_agreed(north, south) - south)

    def miss(self, step_s: float) -> None:
        """Record that a look at where they should be did not show them."""
        self.missed_s += step_s
        self.looks += 1
        self.last = None
        self._scores.append(0.0)


def _agreed(one: float, other: float) -> float:
    """Return the shorter shift if both have the same sign, else 0."""
    return math.copysign(min(abs(one), abs(other)), one) if one * other > 0 else 0.0
