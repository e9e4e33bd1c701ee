"""Reads the outputs of models: one class for each family that a manifest can name. One thread."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from agent.core.camera.model_decoders import Centres, NmsByClass, SsdPostprocessed, SsdRaw, Yolo
from agent.core.camera.model_manifest import ModelManifest
from agent.core.errors import ModelError
from agent.vision.anchors import anchors_of
from agent.vision.boxes import Floats, Indices, from_anchors, from_centres

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
Found = tuple[Floats, Floats, Indices]
PERSON = "person"


class Decoder(Protocol):
    """Reads the outputs of one model."""

    nms_iou: float | None
    """The overlap above which boxes still have to be suppressed; None when the model has done it."""

    def read(self, outputs: Sequence[Array], threshold: float) -> Found:
        """Return the people that score at least `threshold`: boxes, scores and the number of each one's inference.

        `outputs` are those of one or more inferences, joined along their first axis. Boxes are N x 4: left, top, right,
        bottom, fractions of the model's input. They come in no order and unchecked: some may not be finite, or lie
        outside the picture.
        """
        ...


def decoder_of(manifest: ModelManifest, shapes: Sequence[Shape], directory: Path) -> Decoder:
    """Return the decoder that the manifest names, for outputs of these shapes; `directory` holds the anchor files.

    Raises ModelError at once when the outputs don't have the form that the manifest promises.
    """
    people = people_of(manifest)
    corner_scale = np.array([manifest.input.width, manifest.input.height] * 2, np.float32)
    spec = manifest.decoder
    promised: dict[str, Shape]
    match spec:
        case SsdRaw():
            anchors = anchors_of(spec.anchors, manifest.input, directory)
            promised = {"boxes": (1, len(anchors), 4), "scores": (1, len(anchors), len(manifest.labels))}
            needs = f"1 x {len(anchors)} x 4 boxes and 1 x {len(anchors)} x {len(manifest.labels)} scores"
            if found := _places(promised, spec.outputs, shapes):
                return _SsdRaw(spec, found, people, anchors)
        case SsdPostprocessed():
            count = next((shape[1] for shape in shapes if len(shape) == 3 and shape[2] == 4), 0)
            promised = {"boxes": (1, count, 4), "classes": (1, count), "scores": (1, count)}
            promised |= {"count": (1,)} if "count" in spec.outputs else {}
            order = ", ".join(spec.outputs)
            needs = f"boxes 1 x N x 4, classes 1 x N, scores 1 x N and count 1, if any, in the order {order}"
            if found := _places(promised, spec.outputs, shapes):
                return _SsdPostprocessed(spec, found, people, corner_scale)
        case Yolo() | NmsByClass():
            form = _form_of(spec, len(manifest.labels))
            needs = f"one output, {form}"
            if len(shapes) == 1 and re.fullmatch(form.replace("N", "[0-9]+"), _written(shapes[0])):
                return _Yolo(spec, people, corner_scale) if isinstance(spec, Yolo) else _NmsByClass(spec, people)
        case Centres():
            grid = next((shape[:3] for shape in shapes if len(shape) == 4), (1, 0, 0))
            promised = {"scores": (*grid, len(manifest.labels)), "sizes": (*grid, 2), "offsets": (*grid, 2)}
            names = names_of(spec, len(shapes))
            needs = f"scores 1 x N x M x {len(manifest.labels)}, sizes and offsets 1 x N x M x 2"
            if "joints" in names:
                joints = shapes[names.index("joints")] if len(names) == len(shapes) else ()
                promised["joints"] = joints if len(joints) == 4 and joints[0] == 1 and min(joints) > 0 else ()
                needs += ", joints 1 x R x C x K"
            needs += f" in the order {', '.join(names)}"
            if grid[0] == 1 and (found := _places(promised, names, shapes)):
                return _Centres(spec, found, people)
    given = " and ".join(map(_written, shapes)) or "no output"
    raise ModelError(
        f"model {manifest.name} gives {given}, and {spec.name} needs {needs}: correct decoder or labels in the manifest"
    )


def _form_of(spec: Yolo | NmsByClass, labels: int) -> str:
    if isinstance(spec, NmsByClass):
        return f"1 x {labels} x N x 5"
    values = 4 + spec.objectness + labels
    return f"1 x N x {values}" if spec.layout == "rows" else f"1 x {values} x N"


def _written(shape: Shape) -> str:
    return " x ".join(map(str, shape))


def names_of(spec: Centres, outputs: int) -> Sequence[str]:
    """Return the meaning of each output of a model with so many."""
    return spec.outputs or ("scores", "sizes", "offsets", "joints")[: max(outputs, 3)]


def people_of(manifest: ModelManifest) -> list[int]:
    """Return the numbers of the classes that are people. Raises ModelError."""
    people = manifest.person_classes or [at for at, label in enumerate(manifest.labels) if label == PERSON]
    if not people:
        raise ModelError(f"model {manifest.name} has no label `{PERSON}`: correct the manifest, or give person_classes")
    if max(people) >= len(manifest.labels):
        raise ModelError(
            f"model {manifest.name} has {len(manifest.labels)} labels, and person_classes names {max(people)}, "
            "counted from 0: correct the manifest"
        )
    return list(people)


def _places(promised: dict[str, Shape], names: Sequence[str], shapes: Sequence[Shape]) -> dict[str, int] | None:
    """Return where each promised output is, found by shape if the outputs have no names; None if one is missing."""
    if names:
        if len(names) != len(shapes) or any(list(names).count(name) != 1 for name in promised):
            return None
        places = {name: list(names).index(name) for name in promised}
    else:
        places = {}
        for name, shape in promised.items():
            free = (at for at, other in enumerate(shapes) if other == shape and at not in places.values())
            places[name] = next(free, -1)
    fits = all(at >= 0 and tuple(shapes[at]) == promised[name] for name, at in places.items())
    return places if fits else None


class _SsdRaw:
    def __init__(self, spec: SsdRaw, places: dict[str, int], people: list[int], anchors: Floats) -> None:
        self.nms_iou: float | None = spec.nms_iou
        self._places = places
        self._people = people
        self._anchors = anchors[:, [1, 0, 3, 2]]
        self._activation = spec.score_activation
        self._variances = np.array(spec.box_variances, np.float32)
        self._order = [1, 0, 3, 2] if spec.box_order == "yxhw" else [0, 1, 2, 3]

    def read(self, outputs: Sequence[Array], threshold: float) -> Found:
        """See Decoder."""
        scores = outputs[self._places["scores"]]
        found, kept = _found(scores.reshape(-1, scores.shape[2]), self._people, self._activation, threshold)
        owners, anchors = np.divmod(found, len(self._anchors))
        raw = (outputs[self._places["boxes"]][owners, anchors] / self._variances)[:, self._order]
        return from_anchors(raw, self._anchors[anchors]), kept, owners


class _SsdPostprocessed:
    def __init__(self, spec: SsdPostprocessed, places: dict[str, int], people: list[int], corner_scale: Floats) -> None:
        self.nms_iou: float | None = None
        self._places = places
        self._people = people
        self._order = [1, 0, 3, 2] if spec.box_order == "yxyx" else [0, 1, 2, 3]
        self._scale = corner_scale if spec.box_unit == "pixel" else np.ones(4, np.float32)

    def read(self, outputs: Sequence[Array], threshold: float) -> Found:
        """See Decoder."""
        scores = outputs[self._places["scores"]]
        wanted = np.isin(np.rint(outputs[self._places["classes"]]), self._people) & (scores >= threshold)
        if "count" in self._places:
            wanted &= np.arange(scores.shape[1]) < outputs[self._places["count"]][:, None]
        boxes = outputs[self._places["boxes"]][wanted][:, self._order]
        return boxes / self._scale, scores[wanted], np.nonzero(wanted)[0]


class _Yolo:
    def __init__(self, spec: Yolo, people: list[int], corner_scale: Floats) -> None:
        self.nms_iou: float | None = spec.nms_iou
        self._rows = spec.layout == "rows"
        self._objectness = spec.objectness
        self._columns = [4 + spec.objectness + each for each in people]
        self._scale = corner_scale if spec.box_unit == "pixel" else np.ones(4, np.float32)

    def read(self, outputs: Sequence[Array], threshold: float) -> Found:
        """See Decoder."""
        rows = outputs[0] if self._rows else outputs[0].swapaxes(1, 2)
        scores = _highest(rows, self._columns)
        if self._objectness:
            scores = scores * rows[..., 4]
        owners, places = np.nonzero(scores >= threshold)
        return from_centres(rows[owners, places, :4]) / self._scale, scores[owners, places], owners


_ABOVE, _BESIDE = np.divmod(np.arange(9), 3)
"""Where a cell and its eight neighbours are in a grid that has one more row and column on each side."""


class _Centres:
    def __init__(self, spec: Centres, places: dict[str, int], people: list[int]) -> None:
        self.nms_iou: float | None = spec.nms_iou
        self._places = places
        self._people = people
        self._activation = spec.score_activation

    def read(self, outputs: Sequence[Array], threshold: float) -> Found:
        """See Decoder."""
        raw = outputs[self._places["scores"]]
        cells, scores = _found(raw.reshape(-1, raw.shape[3]), self._people, self._activation, threshold)
        owners, rows, columns = np.unravel_index(cells, raw.shape[:3])
        grid = _highest(raw, self._people)
        around = np.full((len(grid), grid.shape[1] + 2, grid.shape[2] + 2), -np.inf, np.float32)
        around[:, 1:-1, 1:-1] = grid
        near = around[owners[:, None], rows[:, None] + _ABOVE, columns[:, None] + _BESIDE]
        peaks = np.flatnonzero(grid[owners, rows, columns] >= np.fmax.reduce(near, axis=1))
        owners, rows, columns = owners[peaks], rows[peaks], columns[peaks]
        centres = np.stack([rows, columns], axis=1) + outputs[self._places["offsets"]][owners, rows, columns]
        boxes = np.concatenate([centres, outputs[self._places["sizes"]][owners, rows, columns]], axis=1)
        size = np.array(raw.shape[1:3] * 2, np.float32)
        return from_centres((boxes / size)[:, [1, 0, 3, 2]]), scores[peaks], owners


class _NmsByClass:
    def __init__(self, spec: NmsByClass, people: list[int]) -> None:
        self.nms_iou: float | None = spec.nms_iou
        self._people = people

    def read(self, outputs: Sequence[Array], threshold: float) -> Found:
        """See Decoder."""
        of_people = outputs[0][:, self._people]
        owners, classes, places = np.nonzero(of_people[..., 4] >= threshold)
        found = of_people[owners, classes, places]
        return found[:, [1, 0, 3, 2]], found[:, 4], owners


def _found(raw: Array, people: list[int], activation: str, threshold: float) -> tuple[Indices, Array]:
    """Return the indices of the rows that see a person, and their scores; `raw` has a column for each class."""
    if activation == "sigmoid" and 0 < threshold < 1:
        logits = _highest(raw, people)
        # Nearly all are below the threshold: comparing logits spares them the exponential.
        found = np.flatnonzero(logits >= math.log(threshold / (1 - threshold)))
        found = found[np.isfinite(logits[found])]
        return found, 1 / (1 + np.exp(-logits[found]))
    scores = _scores(raw, people, activation)
    found = np.flatnonzero(scores >= threshold)
    return found, scores[found]


def _scores(raw: Array, people: list[int], activation: str) -> Array:
    if activation == "softmax":
        powers = np.exp(raw - raw.max(axis=1, keepdims=True))
        return _highest(powers / powers.sum(axis=1, keepdims=True), people)
    logits = _highest(raw, people)
    if activation == "none":
        return logits
    return np.where(np.isfinite(logits), 1 / (1 + np.exp(-logits)), np.nan)


def _highest(rows: Array, columns: list[int]) -> Array:
    """Return the highest value of each row, along the last axis, among these columns."""
    return rows[..., columns[0]] if len(columns) == 1 else np.asarray(rows[..., columns].max(axis=-1))
