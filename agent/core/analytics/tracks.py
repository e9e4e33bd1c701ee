"""The people in view, as the tracker passes them to the rules. Pure: plain numbers, no pictures."""

from dataclasses import dataclass

from agent.contract.vocabulary import Box

_EDGE = 0.005


@dataclass(frozen=True, slots=True)
class TrackedPerson:
    """One person in one frame, believed to be real: the median of their last scores has once been high enough."""

    id: int
    """Counts from 1 in this camera process; no number is given twice."""
    box: Box
    score: float
    """The median of the last scores, 0 to 1; a look that missed them counts as 0."""
    seen: bool = True
    """Whether the last look at where they are showed them. If False they are hidden, and `box` is an expectation."""

    alive: bool = False
    """Whether they have shown life: moved in place as a living person does, or moved away by their own height."""
    rise: float | None = None
    """How far head and shoulders were above knees and ankles in the last look, in heights of the box; negative if they
    were below. None if it didn't tell."""

    @property
    def foot(self) -> tuple[float, float]:
        """Where they stand: the middle of the box's lower edge."""
        left, top, width, height = self.box
        return left + width / 2, top + height


def shape(box: Box, aspect: float) -> float:
    """Return how many times as high as wide a box is; `aspect` is the picture's width divided by its height."""
    return box[3] / max(box[2] * aspect, 1e-6)


def is_cut(box: Box) -> bool:
    """Return whether the picture's edge cuts the box, or may."""
    left, top, width, height = box
    return min(left, top) <= _EDGE or max(left + width, top + height) >= 1 - _EDGE


def overlap(one: Box, other: Box) -> float:
    """Return which share of the smaller box lies in the larger one, 0 to 1."""
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(across, 0) * max(down, 0) / max(min(one[2] * one[3], other[2] * other[3]), 1e-9)
