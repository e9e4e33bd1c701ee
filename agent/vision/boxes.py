"""The arithmetic of boxes: from a model's numbers to corners, and which of them to keep. Arrays only.

Boxes are N x 4: left, top, right, bottom in fractions of the picture, unless a name says otherwise.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Indices = npt.NDArray[np.intp]

CANDIDATES = 400
"""So many of the best boxes go into the suppression, as its table grows with their square."""
_VOTES = 0.6
"""A box that overlaps a kept one by more than this has a say in where that one is."""
_LEAST_SAY = 1e-6
_LARGEST_LOG = 10.0
"""A size beyond this is an overflow and no box."""


def from_anchors(raw: Floats, anchors: Floats) -> Floats:
    """Boxes from shifts and logarithms of sizes (x, y, w, h, variances divided out) relative to anchors, which are
    centres and sizes in the same order."""
    centres = raw[:, :2] * anchors[:, 2:] + anchors[:, :2]
    halves = np.exp(np.minimum(raw[:, 2:], _LARGEST_LOG)) * anchors[:, 2:] / 2
    return np.concatenate([centres - halves, centres + halves], axis=1)


def from_centres(raw: Floats) -> Floats:
    """Boxes from centre x, centre y, width, height."""
    halves = raw[:, 2:] / 2
    return np.concatenate([raw[:, :2] - halves, raw[:, :2] + halves], axis=1)


def best(
    boxes: Floats, scores: Floats, owners: Indices, threshold: float, nms_iou: float | None
) -> tuple[Floats, Floats, Indices]:
    """The boxes to keep, their scores and whose they are, best first, cut at the edge of the picture; scores in 0 to 1.

    `owners` says which of several pictures a box is of; boxes of different pictures have nothing to do with each other.

    What is not finite, below the threshold or without an area in the picture goes; with `nms_iou`, so does what
    overlaps a better box by more than that. What stays is moved to the mean of what the boxes nearest to it say,
    weighed by score: many anchors see one person, and the best of them is not the one that places them best.
    """
    finite = np.isfinite(boxes[:, 2] - boxes[:, 0] + boxes[:, 3] - boxes[:, 1] + scores)
    boxes = np.minimum(np.maximum(boxes, 0), 1)
    sound = finite & (scores >= threshold) & (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    found = np.flatnonzero(sound)
    found = found[np.argsort(-scores[found], kind="stable")][:CANDIDATES]
    boxes, scores, owners = boxes[found], np.minimum(np.maximum(scores[found], 0), 1), owners[found]
    if nms_iou is None or len(boxes) == 0:
        return boxes, scores, owners
    alike = overlaps(boxes)
    alike *= owners[:, None] == owners
    kept = suppress(alike, nms_iou)
    near = alike[kept] > _VOTES
    near[:, kept] = np.eye(len(kept), dtype=bool)  # two that stay do not become one
    votes = near * np.maximum(scores, _LEAST_SAY)
    means = votes @ boxes / votes.sum(axis=1, keepdims=True)
    return np.minimum(np.maximum(means, 0), 1), scores[kept], owners[kept]


def overlaps(boxes: Floats) -> Floats:
    """Intersection over union of each with each, N x N; 1 with itself, even of a box without area."""
    left, top, right, bottom = boxes.T
    across = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    down = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    overlap = np.maximum(across, 0) * np.maximum(down, 0)
    area = (right - left) * (bottom - top)
    union = area[:, None] + area - overlap
    alike = overlap / np.maximum(union, _LEAST_SAY * _LEAST_SAY)
    np.fill_diagonal(alike, 1)
    return np.asarray(alike)


def suppress(alike: Floats, limit: float) -> list[int]:
    """Indices of the boxes to keep, by their overlaps: they come best first, and one that overlaps a kept one by more
    than `limit` goes."""
    keep: list[int] = []
    gone = np.zeros(len(alike), bool)
    for index, row in enumerate(alike > limit):
        if not gone[index]:
            keep.append(index)
            gone |= row
    return keep
