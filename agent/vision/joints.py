"""What a box holds: whether it is a body, by how sure the model is of its joints, and whether that body is upright.

A bottle, a bird or a bin may have the outline of a person, and gets the score of one. It has no elbows. Somebody who
lies may have any outline, but their shoulders are not above their knees. The model tells where a joint is to a coarse
square of the picture alone, and only two numbers leave here.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from agent.core.camera.model_decoders import Centres, DecoderSpec
from agent.vision.boxes import Floats, Indices
from agent.vision.decoders import Array, Shape, names_of

_SUREST = 5
"""Of a face at the kiosk no other joints are seen, and of somebody behind a wall no more either."""
_AROUND = 0.1
"""Margin around the box, as a share of its sides."""
_KINDS = 17
"""Joints of the built model, in the order of COCO: five of the head, shoulders, elbows, wrists, hips, knees, ankles."""
_UPPER, _LOWER = slice(0, 7), slice(13, 17)
"""Head and shoulders; knees and ankles."""
_SURE = 0.3
"""The two surest joints of either must be as sure as this in the mean, or nobody knows where it is."""


class Body(NamedTuple):
    """What the joints in one box say."""

    sureness: float
    """Of the five surest joints, 0 to 1 in the mean."""
    rise: float | None
    """How far head and shoulders are above knees and ankles, in heights of the box; negative if they are below. None if
    either can't be seen."""


class Joints:
    """Reads the grid of joints of a model that has one. One thread."""

    def __init__(self, place: int) -> None:
        self._place = place

    def bodies(self, outputs: list[Array], boxes: Floats, owners: Indices) -> list[Body]:
        """Return what the joints in each box say.

        `boxes` are N x 4, left, top, right, bottom in fractions of the model's input; `outputs` and `owners` as in
        `Decoder.read`.
        """
        grid = outputs[self._place]
        rows, columns = grid.shape[1:3]
        margins = _AROUND * (boxes[:, 2:] - boxes[:, :2])
        size = np.array([columns, rows], np.float32)
        first = np.clip(np.floor((boxes[:, :2] - margins) * size), 0, size - 1).astype(int)
        end = np.clip(np.ceil((boxes[:, 2:] + margins) * size), first + 1, size).astype(int)
        heights = (rows * np.maximum(boxes[:, 3] - boxes[:, 1], 1e-6)).tolist()
        bodies = []
        for (left, top), (right, bottom), owner, height in zip(
            first.tolist(), end.tolist(), owners.tolist(), heights, strict=True
        ):
            cells = np.nan_to_num(grid[owner, top:bottom, left:right], nan=-np.inf)
            sure = 1 / (1 + np.exp(-cells.reshape(-1, cells.shape[2])))
            surest = sure.max(axis=0).tolist()
            rise = _rise(sure, right - left, height) if _shows_whole(surest) else None
            bodies.append(Body(sum(sorted(surest)[-_SUREST:]) / min(len(surest), _SUREST), rise))
        return bodies


def _shows_whole(surest: list[float]) -> bool:
    return len(surest) == _KINDS and all(sum(sorted(surest[part])[-2:]) >= 2 * _SURE for part in (_UPPER, _LOWER))


def _rise(sure: Floats, columns: int, height: float) -> float:
    """Return the rise of a body in these squares, row by row; the box is so many rows high.

    The fourth power weighs them: the mean is nearly the surest square, and between two that are alike.
    """
    weights = np.square(np.square(sure))
    upper, lower = weights[:, _UPPER].sum(axis=1), weights[:, _LOWER].sum(axis=1)
    rows = np.arange(len(sure)) // columns
    return float((rows @ lower / lower.sum() - rows @ upper / upper.sum()) / height)


def joints_of(spec: DecoderSpec, shapes: Sequence[Shape]) -> Joints | None:
    """Return what reads the joints of a model with outputs of these shapes; None if it has none."""
    names = names_of(spec, len(shapes)) if isinstance(spec, Centres) else ()
    return Joints(names.index("joints")) if "joints" in names else None
