"""Who really is in the PETS video, from a sample of its ground truth; frames count from 1.

The sample lies beside the checkout, in `../shared/data/pets09-s2l1`, or where EDGE_TEST_PETS says.
"""

import csv
import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.campaigns.bench.child import ROOT

Box = tuple[float, float, float, float]
"""Left, top, width, height in pixels."""
STEP = 10
"""Every so many frames are annotated."""
_COLUMNS = ("frame", "id", "left", "top", "width", "height")
BYSTANDER = 0
"""Somebody who walks past far behind, and whom the ground truth leaves out. Scores know nothing of her; but an event
about her is about a person, and she has to be painted out where nobody shall be."""
_BYSTANDER: dict[int, Box] = {
    71: (290, 48, 14, 31),
    81: (274, 52, 14, 32),
    91: (250, 57, 14, 33),
    101: (224, 64, 15, 33),
    111: (194, 67, 16, 34),
    121: (167, 71, 15, 37),
    131: (136, 77, 15, 37),
    141: (107, 83, 16, 38),
    151: (72, 90, 16, 39),
    161: (37, 95, 17, 41),
    171: (3, 101, 17, 43),
}


@dataclass(frozen=True, slots=True)
class Truth:
    """The boxes of each person, by person and annotated frame; `others` are people whom it leaves out."""

    directory: Path
    people: dict[int, dict[int, Box]]
    others: dict[int, dict[int, Box]] = field(default_factory=dict)

    @property
    def score_program(self) -> Path:
        """What the project's figures are computed with."""
        return self.directory / "score.py"

    def annotated(self) -> list[int]:
        """The frames of the sample."""
        return sorted({frame for boxes in self.people.values() for frame in boxes})

    def mapped(self, box: Callable[[Box], Box]) -> "Truth":
        """The same people in a picture of another geometry."""
        people, others = (
            {number: {frame: box(each) for frame, each in boxes.items()} for number, boxes in group.items()}
            for group in (self.people, self.others)
        )
        return Truth(self.directory, people, others)

    def write(self, path: Path, frames: set[int]) -> None:
        """A file as the sample is, of these frames alone."""
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(_COLUMNS)
            for number, boxes in self.people.items():
                writer.writerows((frame, number, *box) for frame, box in boxes.items() if frame in frames)

    def at(self, frame: int, *, beyond: int = 0) -> dict[int, Box]:
        """Where everybody is in any frame, those left out too, interpolated between annotated ones.

        `beyond`: for so many frames before their first and after their last box people are expected to walk on, and
        all the way between two boxes; without it nobody knows.
        """
        found = {number: _box_at(boxes, frame, beyond) for number, boxes in (self.people | self.others).items()}
        return {number: box for number, box in found.items() if box is not None}


def directory() -> Path:
    """Where the sample ought to be."""
    own = os.environ.get("EDGE_TEST_PETS")
    return Path(own) if own else ROOT.parent / "shared" / "data" / "pets09-s2l1"


def read(where: Path) -> Truth | None:
    """The sample; None when it is not there."""
    path = where / "gt_every_10th_frame.csv"
    if not path.is_file() or not (where / "score.py").is_file():
        return None
    people: dict[int, dict[int, Box]] = defaultdict(dict)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            left, top, width, height = (float(row[name]) for name in _COLUMNS[2:])
            people[int(row["id"])][int(row["frame"])] = (left, top, width, height)
    return Truth(where, dict(people), {BYSTANDER: _BYSTANDER})


def iou(one: Box, other: Box) -> float:
    """The share of what two boxes cover together that both cover."""
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    both = max(across, 0.0) * max(down, 0.0)
    return both / (one[2] * one[3] + other[2] * other[3] - both) if both else 0.0


def _box_at(boxes: dict[int, Box], frame: int, beyond: int) -> Box | None:
    frames = sorted(boxes)
    if not frames[0] - beyond <= frame <= frames[-1] + beyond:
        return None
    if len(frames) == 1:
        return boxes[frames[0]]
    after = next((index for index, known in enumerate(frames) if known >= frame and index > 0), len(frames) - 1)
    first, second = frames[after - 1], frames[after]
    if first < frame < second and second - first > STEP and not beyond:  # nobody says where they were meanwhile
        return None
    share = (frame - first) / (second - first)
    left, top, width, height = (a + share * (b - a) for a, b in zip(boxes[first], boxes[second], strict=True))
    return left, top, max(width, 1.0), max(height, 1.0)
