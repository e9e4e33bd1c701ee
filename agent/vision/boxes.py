"""Box arithmetic: turns a model's numbers into corners, and chooses the boxes to keep. Arrays only.

Boxes are N x 4: left, top, right, bottom in fractions of the picture, unless a name says otherwise.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Indices = npt.NDArray[np.intp]

CANDIDATES = 400
"""Only this many of the best boxes go into the suppression: its table grows with their square."""
_VOTES = 0.6
"""A box that overlaps a kept one by more than this (intersection over union) votes on its place."""
_LEAST_SAY = 1e-6
_LARGEST_LOG = 10.0
"""Logarithms of sizes are cut off here, so that none overflows; such a box is nonsense anyway."""


def from_anchors(raw: Floats, anchors: Floats) -> Floats:
    """Return boxes from shifts and logarithms of sizes (x, y, w, h, variances divided out), relative to anchors:
    centres and sizes in the same order."""
    centres = raw[:, :2] * anchors[:, 2:] + anchors[:, :2]
    halves = np.exp(np.minimum(raw[:, 2:], _LARGEST_LOG)) * anchors[:, 2:] / 2
    return np.concatenate([centres - halves, centres + halves], axis=1)


def from_centres(raw: Floats) -> Floats:
    """Return boxes from centre x, centre y, width, height."""
    halves = raw[:, 2:] / 2
    return np.concatenate([raw[:, :2] - halves, raw[:, :2] + halves], axis=1)


def best(
    boxes: Floats, scores: Floats, owners: Indices, threshold: float, nms_iou: float | None
) -> tuple[Floats, Floats, Indices]:
    """Return the boxes to keep, cut at the edge of the picture, their scores (0 to 1) and their owners, best first.

    `owners` says which of several pictures a box is of; boxes of different pictures don't affect each other.

    Drops boxes that are not finite, score below the threshold or have no area in the picture. With `nms_iou`, also
    drops those that overlap a better box by more than that, and moves each kept box to the score-weighted mean of
    itself and the dropped ones close to it: many anchors see one person, and the one with the best score does not
    place them best.
    """
    finite = np.isfinite(boxes).all(axis=1) & np.isfinite(scores)
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
    near[:, kept] = np.eye(len(kept), dtype=bool)  # two kept boxes must not merge into one
    votes = near * np.maximum(scores, _LEAST_SAY)
    means = votes @ boxes / votes.sum(axis=1, keepdims=True)
    return np.minimum(np.maximum(means, 0), 1), scores[kept], owners[kept]


def overlaps(boxes: Floats) -> Floats:
    """Return the intersection over union of all pairs, N x N; 1 with itself, even for a box without area."""
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
    """Return the indices of the boxes to keep: those that overlap no earlier kept one by more than `limit`.

    `alike` holds the overlaps, N x N, of boxes that come best first.
    """
    keep: list[int] = []
    gone = np.zeros(len(alike), bool)
    for index, row in enumerate(alike > limit):
        if not gone[index]:
            keep.append(index)
            gone |= row
    return keep
