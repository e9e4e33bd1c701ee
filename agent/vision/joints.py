"""Whether a box holds a body: how sure the model is of its joints in there.

A bottle, a bird or a bin may have the outline of a person, and gets the score of one. It has no elbows. Which joint is
where is not asked: the model tells it to a coarse square of the picture alone, and all that leaves here is one number.
"""

from collections.abc import Sequence

import numpy as np

from agent.core.camera.model_decoders import Centres, DecoderSpec
from agent.vision.boxes import Floats, Indices
from agent.vision.decoders import Array, Shape, names_of

_SUREST = 5
"""Of a face at the kiosk no other joints are seen, and of somebody behind a wall no more either."""
_AROUND = 0.1
"""Margin around the box, as a share of its sides."""


class Joints:
    """Reads the grid of joints of a model that has one. One thread."""

    def __init__(self, place: int) -> None:
        self._place = place

    def bodies(self, outputs: list[Array], boxes: Floats, owners: Indices) -> list[float]:
        """Return for each box how sure the model is of the five surest joints in it, 0 to 1 in the mean.

        `boxes` are N x 4, left, top, right, bottom in fractions of the model's input; `outputs` and `owners` as in
        `Decoder.read`.
        """
        grid = outputs[self._place]
        rows, columns = grid.shape[1:3]
        margins = _AROUND * (boxes[:, 2:] - boxes[:, :2])
        size = np.array([columns, rows], np.float32)
        first = np.clip(np.floor((boxes[:, :2] - margins) * size), 0, size - 1).astype(int)
        end = np.clip(np.ceil((boxes[:, 2:] + margins) * size), first + 1, size).astype(int)
        bodies = []
        for (left, top), (right, bottom), owner in zip(first.tolist(), end.tolist(), owners.tolist(), strict=True):
            joints = np.fmax.reduce(grid[owner, top:bottom, left:right], axis=(0, 1))
            surest = np.sort(np.nan_to_num(joints, nan=-np.inf))[-_SUREST:]
            bodies.append(float((1 / (1 + np.exp(-surest))).mean()))
        return bodies


def joints_of(spec: DecoderSpec, shapes: Sequence[Shape]) -> Joints | None:
    """Return what reads the joints of a model with outputs of these shapes; None if it has none."""
    names = names_of(spec, len(shapes)) if isinstance(spec, Centres) else ()
    return Joints(names.index("joints")) if "joints" in names else None
