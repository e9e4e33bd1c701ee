"""The arithmetic of a TensorFlow Object Detection SSD: anchors, box decoding, suppression. Arrays only."""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]

LAYERS = 6
FIRST_STRIDE = 16
MIN_SCALE, MAX_SCALE = 0.2, 0.95
ASPECT_RATIOS = (1.0, 2.0, 0.5, 3.0, 1.0 / 3.0)
LOWEST_LAYER = ((0.1, 1.0), (0.2, 2.0), (0.2, 0.5))
"""(scale, aspect ratio) of the anchors in the finest grid, which has fewer than the others."""
CENTRE_VARIANCE = 10.0
SIZE_VARIANCE = 5.0
_LARGEST_LOG = 10.0
"""A size beyond this is an overflow and no box."""


def anchors(input_size: int) -> Floats:
    """N x 4 anchors (centre y, centre x, height, width as fractions) of a square input, in the model's order."""
    scales = np.append(np.linspace(MIN_SCALE, MAX_SCALE, LAYERS), 1.0)
    parts = []
    cells = -(-input_size // FIRST_STRIDE)
    for layer in range(LAYERS):
        shapes = np.array(_shapes(layer, scales))
        centres = (np.arange(cells) + 0.5) / cells
        ys, xs, index = np.meshgrid(centres, centres, np.arange(len(shapes)), indexing="ij")
        root = np.sqrt(shapes[index, 1])
        scale = shapes[index, 0]
        parts.append(np.stack([ys, xs, scale / root, scale * root], axis=-1).reshape(-1, 4))
        cells = max(-(-cells // 2), 1)
    return np.concatenate(parts).astype(np.float32)


def _shapes(layer: int, scales: Floats) -> list[tuple[float, float]]:
    if layer == 0:
        return list(LOWEST_LAYER)
    scale = float(scales[layer])
    return [(scale, ratio) for ratio in ASPECT_RATIOS] + [(float(np.sqrt(scale * scales[layer + 1])), 1.0)]


def decode(raw: Floats, its_anchors: Floats) -> Floats:
    """Raw boxes (N x 4: y, x, h, w) as left, top, right, bottom in fractions of the picture, unclipped."""
    centres = raw[:, :2] / CENTRE_VARIANCE * its_anchors[:, 2:] + its_anchors[:, :2]
    halves = np.exp(np.minimum(raw[:, 2:] / SIZE_VARIANCE, _LARGEST_LOG)) * its_anchors[:, 2:] / 2
    return np.concatenate([centres - halves, centres + halves], axis=1)[:, [1, 0, 3, 2]]


def suppress(boxes: Floats, limit: float) -> list[int]:
    """Indices of the boxes to keep: `boxes` come best first, and one that overlaps a kept one by more than
    `limit` (intersection over union) goes."""
    if len(boxes) == 0:
        return []
    corner = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    overlap = np.clip(corner, 0, None).prod(axis=2)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    too_near = overlap > limit * (area[:, None] + area[None, :] - overlap)
    keep: list[int] = []
    gone = np.zeros(len(boxes), bool)
    for index in range(len(boxes)):
        if not gone[index]:
            keep.append(index)
            gone |= too_near[index]
    return keep
