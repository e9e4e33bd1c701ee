"""One tracked person: place, pace, size and how sure we are. Nothing about how they look (POPIA)."""

import math
from collections import deque
from statistics import median_low

from agent.ports import Detection
from agent.vision.flow import Shift

_PACE_NOISE = 0.4
"""How much the pace of somebody who walks changes: heights squared by seconds cubed."""
_FIRST_PACE = 0.6
"""Standard deviation of the pace of whoever was found once, in heights a second: they may walk in any direction."""
_BOX_NOISE = 0.05
_WEAK_NOISE = 0.1
"""Standard deviation of a box's place, in heights: of a sure one, and what is added for a score of 0."""
_FLOW_NOISE = 0.04
"""Standard deviation of what the flow says of one frame, in heights."""
_SIZE_CHANGE = 0.02
"""Variance by which a person's size changes in a second, as a share of it."""
_SIZE_NOISE = 0.12
_PLACE_IN_COMPANY, _SIZE_IN_COMPANY = 2.0, 3.5
"""Factors on the noise of a box in company: it is often a box of both."""
_CUT = 0.2
"""A box that is lower than expected by this share has lost a part: nobody walks away so fast."""
_ELSEWHERE = 0.25
"""Whoever is expected farther than this from where they were found, in heights, has to be looked for there."""
_CERTAIN = 2
"""Whoever is found again after a look has missed them is looked at though nothing moves, until so many looks more have
found them, or have missed them."""
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
        self._place_var = (_BOX_NOISE + _WEAK_NOISE * (1 - found.score)) ** 2
        self._both_var = 0.0
        self._pace_var = _FIRST_PACE**2
        self._size_var = _SIZE_NOISE**2
        """Of a Kalman filter with constant pace, the same across and down: heights squared, and by seconds."""
        self.hits = 1
        self.looks = 1
        self.missed_s = 0.0
        """How long looks have missed them; time before the first of these looks does not count."""
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
        self._bodies = found.body
        """The sum over all `hits`."""
        self._found_x, self._found_y = self.x, self.y
        self._again: list[bool] | None = None
        """What each look has found since they were found again; None when that is certain."""

    @property
    def score(self) -> float:
        """The median of the last scores; a look that missed them counts as 0."""
        return median_low(self._scores)

    @property
    def body(self) -> float:
        """How sure the looks that showed them were of their joints, in the mean."""
        return self._bodies / self.hits

    @property
    def last_score(self) -> float:
        """The mean score of the last three looks."""
        recent = list(self._scores)[-3:]
        return sum(recent) / len(recent)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, width, height."""
        return self.x - self.width / 2, self.y - self.height, self.width, self.height

    @property
    def is_elsewhere(self) -> bool:
        """Whether they are expected in another place than where the last look found them."""
        way = math.hypot(self.x - self._found_x, self.y - self._found_y)
        return self.last is not None and way > _ELSEWHERE * self.height

    @property
    def is_unsettled(self) -> bool:
        """Whether one more look is wanted although nothing moves: they were just found again, perhaps in a thing that
        looks like them, which would then be taken for them for as long as it stands there."""
        return self._again is not None

    def advance(self, step_s: float, shift: Shift | None = None) -> None:
        """Move them on to where they are expected `step_s` seconds later.

        `shift` is how the picture says that they have moved, if it does.
        """
        self.unseen_s += step_s
        self._size_var += _SIZE_CHANGE * step_s
        if shift is not None and step_s > 0:
            self._shift(shift, step_s)
            return
        if self.missed_s > _GLIDE_S:
            slowing = math.exp(-step_s / _SLOWING_S)
            self.pace_x *= slowing
            self.pace_y *= slowing
        self.x += self.pace_x * step_s
        self.y += self.pace_y * step_s
        self._place_var += step_s * (2 * self._both_var + step_s * (self._pace_var + _PACE_NOISE * step_s / 3))
        self._both_var += step_s * (self._pace_var + _PACE_NOISE * step_s / 2)
        self._pace_var += _PACE_NOISE * step_s

    def _shift(self, shift: Shift, step_s: float) -> None:
        self.x += shift.across
        self.y += shift.down
        self.width *= shift.grown
        self.height *= shift.grown
        self._place_var += _FLOW_NOISE**2
        self._pace_var += _PACE_NOISE * step_s
        gain = self._pace_var / (self._pace_var + (_FLOW_NOISE / step_s) ** 2)
        self.pace_x += gain * (shift.across / step_s - self.pace_x)
        self.pace_y += gain * (shift.down / step_s - self.pace_y)
        self._pace_var *= 1 - gain
        self._both_var *= 1 - gain

    def stand(self) -> None:
        """Stop them: nothing moves around them, so neither do they."""
        self.pace_x = self.pace_y = 0.0

    def distance(self, found: Detection) -> float:
        """Return how unlikely it is that this box is theirs: the way, in their heights, and the change of size."""
        way = math.hypot(found.left + found.width / 2 - self.x, found.top + found.height - self.y)
        return way / self.height + 0.5 * abs(math.log(found.height / self.height))

    def hit(self, found: Detection, *, in_company: bool = False) -> None:
        """Update them from the box that shows them; `in_company`: their box and another person's overlap."""
        for_place, for_size = (_PLACE_IN_COMPANY, _SIZE_IN_COMPANY) if in_company else (1.0, 1.0)
        off_x, off_y = self._way_to(found, in_company)
        noise = (for_place * (_BOX_NOISE + _WEAK_NOISE * (1 - found.score))) ** 2
        place, pace = (value / (self._place_var + noise) for value in (self._place_var, self._both_var))
        self.x += place * off_x
        self.y += place * off_y
        self.pace_x += pace * off_x
        self.pace_y += pace * off_y
        self._pace_var -= pace * self._both_var
        self._both_var *= 1 - place
        self._place_var *= 1 - place
        size = self._size_var / (self._size_var + (for_size * _SIZE_NOISE) ** 2)
        self.width += size * (found.width - self.width)
        self.height += size * (found.height - self.height)
        self._size_var *= 1 - size
        self.hits += 1
        self.looks += 1
        self.missed_s = self.unseen_s = 0.0
        if self._again is None and self.last is None:
            self._again = []
        else:
            self._learn(found=True)
        self.last = found
        self._found_x, self._found_y = self.x, self.y
        self._scores.append(found.score)
        self._bodies += found.body

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
        self._learn(found=False)
        self._scores.append(0.0)

    def _learn(self, *, found: bool) -> None:
        """Take in a look at whoever was found again: it is certain once two have said the same."""
        if self._again is not None:
            self._again.append(found)
            if self._again.count(found) >= _CERTAIN:
                self._again = None


def _agreed(one: float, other: float) -> float:
    """Return the shorter shift if both have the same sign, else 0."""
    return math.copysign(min(abs(one), abs(other)), one) if one * other > 0 else 0.0
