"""Merges what several regions of a frame show into one box for each person."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from agent.ports import Detection
from agent.vision.regions import Region, shows, step_of

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

_PART = -1


class _Row(NamedTuple):
    """One box of one region, in pixels of the picture."""

    box: tuple[float, float, float, float]
    """Left, top, right, bottom."""
    worth: float
    """What the score is worth."""
    score: float
    cut: tuple[bool, bool, bool, bool]
    """Which edges the region has cut, in the order of `box`."""
    area: float
    body: float
    rise: float | None


def merge(by_region: Sequence[tuple[Region, Sequence[Detection]]], width: int, height: int) -> list[Detection]:
    """Merge the boxes of all regions of a picture of this size; return them best score first.

    Boxes come in pixels of their region, and are returned in pixels of the picture.
    """
    rows = [
        _row(box, region, width, height) for region, boxes in by_region for box in _shown(boxes, region, width, height)
    ]
    rows.sort(key=lambda row: -row.worth)
    people: dict[int, list[_Row]] = {}
    for owner, row in zip(_owners(rows), rows, strict=True):
        people.setdefault(owner, []).append(row)
    people.pop(_PART, None)
    return sorted((_together(group, height) for group in people.values()), key=lambda box: -box.score)


def _together(group: Sequence[_Row], height: int) -> Detection:
    """Return the one box of a person whom several regions show; `group` comes best first.

    For a person nearby, each edge comes from the regions that have not cut it. If every region has cut some edge, and
    together they show the whole person, the score is not halved.
    """
    best = group[0]
    score, edges = best.worth, list(best.box)
    if len(group) > 1:
        is_near = best.box[3] - best.box[1] > _NEAR * height
        least = _VOUCHES * max(row.score for row in group)
        known = [[is_near and row.score >= least and not cut for cut in row.cut] for row in group]
        everywhere = True
        for edge in range(4):
            says = [row for row, whole in zip(group, known, strict=True) if whole[edge]]
            everywhere = everywhere and bool(says)
            weights = [(max(row.worth, 1e-6), row.box[edge]) for row in says or group]
            edges[edge] = sum(weight * place for weight, place in weights) / sum(weight for weight, _ in weights)
        if everywhere and not any(map(all, known)):
            score = max(row.score for row in group)
    left, top, right, bottom = edges
    body, rise = max(((row.body, row.rise) for row in group), key=lambda each: each[0])
    return Detection(left, top, max(right - left, 0.0), max(bottom - top, 0.0), score, body, rise)


def _owners(rows: Sequence[_Row]) -> list[int]:
    """Return, for each box, the index of that person's best box, itself or an earlier one; `_PART` for a mere part."""
    owners: list[int | None] = [None] * len(rows)
    for index, row in enumerate(rows):
        if owners[index] is None:
            owners[index] = index
            left, top, right, bottom = row.box
            for other in range(index + 1, len(rows)):
                box = rows[other].box
                if owners[other] is None and box[0] < right and box[2] > left and box[1] < bottom and box[3] > top:
                    shared = (min(right, box[2]) - max(left, box[0])) * (min(bottom, box[3]) - max(top, box[1]))
                    if shared > _SAME * (row.area + rows[other].area - shared):
                        owners[other] = index
                    elif shared > _WITHIN * min(row.area, rows[other].area):
                        owners[other] = _PART
    return [owner for owner in owners if owner is not None]


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
            yield Detection(left, top, across, down, box.score, box.body, box.rise)


def _row(box: Detection, region: Region, width: int, height: int) -> _Row:
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
    edges = x + left, y + top, x + right, y + bottom
    return _Row(edges, worth, score, cut, box.width * box.height, box.body, box.rise)
