"""The arithmetic of boxes: from a model's numbers to corners, and which of them to keep. Arrays only.

Boxes are N x 4: left, top, right, bottom in fractions of the picture, unless a name says otherwise.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]

CANDIDATES = 200
"""So many of the best boxes go into the suppression, as its table grows with their square."""
_VOTES = 0.6
"""A box that overlaps a kept one by more than this has a say in where that one is."""
_LEAST_SAY = 1e-6
_LARGEST_LOG = 10.0
"""A size beyond this is an overflow and no box."""


def from_anchors(raw: Floats, anchors: Floats) -> Floats:
    """Boxes from shifts and logarithms of sizes (y, x, h, w, variances divided out) relative to anchors."""
    centres = raw[:, :2] * anchors[:, 2:] + anchors[:, :2]
    halves = np.exp(np.minimum(raw[:, 2:], _LARGEST_LOG)) * anchors[:, 2:] / 2
    return np.concatenate([centres - halves, centres + halves], axis=1)[:, [1, 0, 3, 2]]


def from_centres(raw: Floats) -> Floats:
    """Boxes from centre x, centre y, width, height."""
    halves = raw[:, 2:] / 2
    return np.concatenate([raw[:, :2] - halves, raw[:, :2] + halves], axis=1)


def best(boxes: Floats, scores: Floats, threshold: float, nms_iou: float | None) -> tuple[Floats, Floats]:
    """The boxes to keep and their scores, best first, cut at the edge of the picture; scores in 0 to 1.

    What is not finite, below the threshold or without an area in the picture goes; with `nms_iou`, so does what
    overlaps a better box by more than that. What stays is moved to the mean of what the boxes nearest to it say,
    weighed by score: many anchors see one person, and the best of them is not the one that places them best.
    """
    sound = np.isfinite(boxes).all(axis=1) & np.isfinite(scores) & (scores >= threshold)
    boxes, scores = np.clip(boxes[sound], 0, 1), np.clip(scores[sound], 0, 1)
    found = np.flatnonzero((boxes[:, 2:] > boxes[:, :2]).all(axis=1))
    found = found[np.argsort(-scores[found], kind="stable")][:CANDIDATES]
    boxes, scores = boxes[found], scores[found]
    if nms_iou is None or len(boxes) == 0:
        return boxes, scores
    alike = overlaps(boxes)
    kept = suppress(alike, nms_iou)
    near = alike[kept] > _VOTES
    near[:, kept] = np.eye(len(kept), dtype=bool)  # two that stay do not become one
    votes = near * np.maximum(scores, _LEAST_SAY)
    means = votes @ boxes / votes.sum(axis=1, keepdims=True)
    return np.clip(means, 0, 1), scores[kept]


def overlaps(boxes: Floats) -> Floats:
    """Intersection over union of each with each, N x N; 1 with itself, even of a box without area."""
    left, top, right, bottom = boxes.T
    across = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    down = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    overlap = np.maximum(across, 0) * np.maximum(down, 0)
    area = (right - left) * (bottom - top)
    union = area[:, None] + area - overlap
    alike = np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0)
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
