"""Who is in view, as the tracker tells the rules. Pure: plain numbers, no pictures."""

from dataclasses import dataclass

from agent.contract.vocabulary import Box


@dataclass(frozen=True, slots=True)
class TrackedPerson:
    """One person in one frame, who is believed to be real: the median of their last scores passes."""

    id: int
    """Counts from 1 in this camera process; none is given twice."""
    box: Box
    score: float
    """The median of the last scores, 0 to 1; a look that missed them counts as 0."""
    seen: bool = True
    """The last look at where they are has shown them; false: they are hidden, and `box` is where they ought to be."""

    alive: bool = False
    """Has moved in place, as a living person does; nobody knows of who walks."""

    @property
    def foot(self) -> tuple[float, float]:
        """Where they stand: the middle of the lower edge."""
        left, top, width, height = self.box
        return left + width / 2, top + height
