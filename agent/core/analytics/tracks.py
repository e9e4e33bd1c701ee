"""The people in view, as the tracker passes them to the rules. Pure: plain numbers, no pictures."""

from dataclasses import dataclass

from agent.contract.vocabulary import Box


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

    @property
    def foot(self) -> tuple[float, float]:
        """Where they stand: the middle of the box's lower edge."""
        left, top, width, height = self.box
        return left + width / 2, top + height
