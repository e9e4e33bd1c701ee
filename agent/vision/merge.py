"""Merges what several regions of a frame show into one box for each person."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.ports import Detection
from agent.vision.regions import Region, shows, step_of

Floats = npt.NDArray[np.floating[Any]]
Cuts = npt.NDArray[np.bool_]
"""Which edges a region has cut: boxes x (left, top, right, bottom)."""

_SAME = 0.5
"""Boxes that overlap by more than this (intersection over union) are of one person; the score-weighted mean counts."""
_WITHIN = 0.75
"""If the overlap is more than this share of the smaller box, the worse of the two is a part of the better one."""
_EDGE_SHARE = 0.03
_CUT = 0.5
"""Factor on the score of a box that an edge of its region, and not of the picture, has probably cut."""
_NEAR = 0.25
"""Share of the picture's height. Boxes of people farther away, in a crowd, would complete each other by chance."""
_VOUCHES = 0.5
"""A box with at least this share of the best score has a say in where its uncut edges are."""


def merge(by_region: Sequence[tuple[Region, Sequence[Detection]]], width: int, height: int) -> list[Detection]:
    """Merge the boxes of all regions of a picture of this size; return them best score first.

    Boxes come in pixels of their region, and are returned in pixels of the picture.
    """
    rows = [
        _row(box, region, width, height) for region, boxes in by_region for box in _shown(boxes, region, width, height)
    ]
    if not rows:
        return []
    table = np.array(sorted(rows, key=lambda row: -row[4]))
    boxes, scores, raw, cut = table[:, :4], table[:, 4], table[:, 5], table[:, 6:] > 0
    shared = _shared(boxes)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    same = shared > _SAME * (areas[:, None] + areas - shared)
    part = shared > _WITHIN * np.minimum(areas[:, None], areas)
    owners = np.array(_owners(same.tolist(), part.tolist()))
    return sorted(
        (_together(boxes[group], scores[group], raw[group], cut[group], height) for group in _groups(owners)),
        key=lambda box: -box.score,
    )


def _groups(owners: npt.NDArray[np.intp]) -> list[npt.NDArray[np.intp]]:
    return [np.flatnonzero(owners == index) for index in range(len(owners)) if owners[index] == index]


def _together(boxes: Floats, scores: Floats, raw: Floats, cut: Cuts, height: int) -> Detection:
    """Return the one box of a person whom several regions show; `boxes` come best first.

    For a person nearby, each edge comes from the regions that have not cut it. If every region has cut some edge, and
    together they show the whole person, the score is not halved.
    """
    if len(boxes) == 1:
        [(left, top, right, bottom)] = boxes.tolist()
        return Detection(left, top, right - left, bottom - top, float(scores[0]))
    score = scores[0]
    say = np.broadcast_to(np.maximum(scores, 1e-6)[:, None], boxes.shape)
    if boxes[0, 3] - boxes[0, 1] > _NEAR * height:
        known = ~cut & (raw >= _VOUCHES * raw.max())[:, None]
        say = say * np.where(known.any(axis=0), known, 1.0)
        if known.any(axis=0).all() and not known.all(axis=1).any():
            score = raw.max()
    left, top, right, bottom = ((say * boxes).sum(axis=0) / say.sum(axis=0)).tolist()
    return Detection(left, top, max(right - left, 0.0), max(bottom - top, 0.0), float(score))


def _owners(same: list[list[bool]], part: list[list[bool]]) -> list[int]:
    """Return, for each box, the index of that person's best box, itself or an earlier one; -1 for a mere part."""
    owners: dict[int, int] = {}
    for index in range(len(same)):
        if index not in owners:
            owners[index] = index
            for other in range(index + 1, len(same)):
                if other not in owners and (same[index][other] or part[index][other]):
                    owners[other] = index if same[index][other] else -1
    return [owners[index] for index in range(len(same))]


def _shown(boxes: Sequence[Detection], region: Region, width: int, height: int) -> Iterable[Detection]:
    """Return the boxes of people whom the region is made to show, without what lies in the grey around the picture."""
    x, y, _, _ = region
    return boxes if x >= 0 and y >= 0 else _clipped(boxes, region, width, height)


def _clipped(boxes: Sequence[Detection], region: Region, width: int, height: int) -> Iterator[Detection]:
    x, y, _, _ = region
    step = step_of(region)
    for box in boxes:
        left, top = max(step * box.left, -x), max(step * box.top, -y)
        across = min(step * (box.left + box.width), width - x) - left
        down = min(step * (box.top + box.height), height - y) - top
        if min(across, down) > 0 and shows(region, down, width, height):
            yield Detection(left, top, across, down, box.score)


def _row(box: Detection, region: Region, width: int, height: int) -> tuple[float, ...]:
    """Return left, top, right, bottom in the picture, what the score is worth, the score, and which edges are cut."""
    x, y, side, _ = region
    left, top, score = box.left, box.top, box.score
    right, bottom = left + box.width, top + box.height
    margin = _EDGE_SHARE * side
    cut = (
        x > 0 and left < margin,
        y > 0 and top < margin,
        x + side < width and right > side - margin,
        y + side < height and bottom > side - margin,
    )
    worth = _CUT * score if any(cut) else score
    return x + left, y + top, x + right, y + bottom, worth, score, *map(float, cut)


def _shared(boxes: Floats) -> Floats:
    left, top, right, bottom = boxes.T
    across = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    down = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    return np.asarray(np.maximum(across, 0) * np.maximum(down, 0))
