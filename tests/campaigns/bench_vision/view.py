"""What a near view gave: whether anybody was seen, announced in time, and counted right."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tests.campaigns.bench_vision.stage import RATE
from tests.campaigns.bench_vision.watched import Watched

MOST_NOBODY, LATEST_S, LEAST_RIGHT = 0.05, 2.0, 0.95


@dataclass(frozen=True, slots=True)
class View:
    """Shares are of the frames; that of the right number is of those after `LATEST_S`."""

    name: str
    nobody: float
    right: float
    announced_s: float | None
    """When the first person was; None: nobody was."""

    @property
    def soon(self) -> bool:
        """Announced in time."""
        return self.announced_s is not None and self.announced_s <= LATEST_S

    def as_dict(self) -> dict[str, Any]:
        """For the record."""
        return asdict(self)


def view_of(name: str, watched: Watched, persons: Sequence[int]) -> View:
    """What came of a video that shows so many people, by frame."""
    first = min((event.frame for event in watched.entered), default=None)
    nobody = sum(not line["tracks"] for line in watched.lines) / len(watched.lines)
    counted = list(zip(watched.persons, persons, strict=True))[round(LATEST_S * RATE) :]
    right = sum(count == there for count, there in counted) / max(len(counted), 1)
    return View(name, nobody, right, None if first is None else (first - 1) / RATE)
