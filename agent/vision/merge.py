"""One box for each person out of what several regions of a frame show."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.ports import Detection
from agent.vision.regions import Region

Floats = npt.NDArray[np.floating[Any]]

_SAME = 0.5
"""Boxes that overlap by so much (intersection over union) are of one person; the mean counts, weighed by score."""
_WITHIN = 0.75
"""A box of which so much lies in a better one is a part of that person."""
_EDGE_SHARE = 0.03
_CUT = 0.5
"""What the score of a box is worth that an edge of its region, and not of the picture, has probably cut."""


def merge(looks: Sequence[tuple[Region, Sequence[Detection]]], width: int, height: int) -> list[Detection]:
    """The boxes of all regions of a picture of this size, which are in pixels of their regions: in pixels of the
    picture, best score first."""
    rows = [_row(box, region, width, height) for region, boxes in looks for box in boxes]
    if not rows:
        return []
    table = np.array(sorted(rows, key=lambda row: -row[4]))
    boxes, scores = table[:, :4], table[:, 4]
    shared = _shared(boxes)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    same = shared > _SAME * (areas[:, None] + areas - shared)
    part = shared > _WITHIN * np.minimum(areas[:, None], areas)
    owners = _owners(same.tolist(), part.tolist())
    kept = [index for index, owner in enumerate(owners) if owner == index]
    say = (np.array(owners) == np.array(kept)[:, None]) * np.maximum(scores, 1e-6)
    means = say @ boxes / say.sum(axis=1, keepdims=True)
    return [
        Detection(left, top, right - left, bottom - top, score)
        for (left, top, right, bottom), score in zip(means.tolist(), scores[kept].tolist(), strict=True)
    ]


def _owners(same: list[list[bool]], part: list[list[bool]]) -> list[int]:
    """The best box that each is the same person as, itself or one before it; -1 for a part of another."""
    owners: dict[int, int] = {}
    for index in range(len(same)):
        if index not in owners:
            owners[index] = index
            for other in range(index + 1, len(same)):
                if other not in owners and (same[index][other] or part[index][other]):
                    owners[other] = index if same[index][other] else -1
    return [owners[index] for index in range(len(same))]


def _row(box: Detection, region: Region, width: int, height: int) -> tuple[float, float, float, float, float]:
    """Left, top, right, bottom in the picture, and what the score is worth."""
    x, y, side, _ = region
    left, top, score = box.left, box.top, box.score
    right, bottom = left + box.width, top + box.height
    margin = _EDGE_SHARE * side
    cut = (
        (x > 0 and left < margin)
        or (y > 0 and top < margin)
        or (x + side < width and right > side - margin)
        or (y + side < height and bottom > side - margin)
    )
    return x + left, y + top, x + right, y + bottom, _CUT * score if cut else score


def _shared(boxes: Floats) -> Floats:
    left, top, right, bottom = boxes.T
    across = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    down = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    return np.asarray(np.maximum(across, 0) * np.maximum(down, 0))
