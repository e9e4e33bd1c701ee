"""A detector of people: a picture in, boxes out, whatever runs the model."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from agent.core.errors import ModelError
from agent.core.model_manifest import ModelManifest
from agent.ports import Detection
from agent.vision import ssd

Pixels = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]

OVERLAP_LIMIT = 0.5
CANDIDATES = 200
"""So many of the best boxes go into the suppression, as its table grows with their square."""
PERSON = "person"


class Interpreter(Protocol):
    """A loaded model. One thread."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """1, height, width, 3."""
        ...

    @property
    def input_dtype(self) -> str:
        """`uint8` or `float32`."""
        ...

    @property
    def output_shapes(self) -> list[tuple[int, ...]]:
        """Shape of each output, in the order of `run`."""
        ...

    def input_view(self) -> Array:
        """Memory of the input, to be filled in place and let go before `run`."""
        ...

    def run(self) -> list[Array]:
        """One inference; the outputs as float32. Raises ModelError."""
        ...


class Scaler(Protocol):
    """Scales a BGR picture to the size of `target`, which becomes RGB."""

    def __call__(self, pixels: Pixels, target: Pixels) -> None:
        """Fill `target` in place."""
        ...


class SsdPersonDetector:
    """The Detector port for a model with the decoder `ssd-raw`. One thread.

    Raises ModelError at once when the model is not of the form that its manifest promises.
    """

    def __init__(
        self, interpreter: Interpreter, manifest: ModelManifest, scaler: Scaler, score_threshold: float
    ) -> None:
        self._interpreter = interpreter
        self._scaler = scaler
        self._input = manifest.input
        self._anchors = ssd.anchors(manifest.input.width)
        self._boxes_at, self._scores_at, self._column = _find_outputs(interpreter, manifest, len(self._anchors))
        # A score passes when its logit does: the sigmoid is then only needed for the few that pass.
        self._logit_threshold = float(np.log(score_threshold) - np.log1p(-score_threshold))
        self._rgb = np.empty((manifest.input.height, manifest.input.width, 3), np.uint8)

    def detect(self, pixels: Pixels) -> list[Detection]:
        """People in a BGR picture of any size, best score first, one inference. Raises ModelError."""
        self._fill_input(pixels)
        outputs = self._interpreter.run()
        height, width = pixels.shape[:2]
        return self._read(outputs[self._boxes_at][0], outputs[self._scores_at][0, :, self._column], width, height)

    def _fill_input(self, pixels: Pixels) -> None:
        view = self._interpreter.input_view()[0]
        if self._input.dtype == "uint8":
            self._scaler(pixels, view)
        else:
            self._scaler(pixels, self._rgb)
            np.subtract(self._rgb, np.float32(self._input.mean), out=view)
            np.multiply(view, np.float32(1 / self._input.scale), out=view)

    def _read(self, raw: Array, logits: Array, width: int, height: int) -> list[Detection]:
        found = np.flatnonzero(logits >= self._logit_threshold)
        found = found[np.argsort(-logits[found], kind="stable")][:CANDIDATES]
        boxes = np.clip(ssd.decode(raw[found], self._anchors[found]), 0, 1)
        scores = 1 / (1 + np.exp(-logits[found]))
        detections = []
        for index in ssd.suppress(boxes, OVERLAP_LIMIT):
            left, top, right, bottom = (boxes[index] * (width, height, width, height)).tolist()
            detections.append(Detection(left, top, right - left, bottom - top, float(scores[index])))
        return detections


def _find_outputs(interpreter: Interpreter, manifest: ModelManifest, anchors: int) -> tuple[int, int, int]:
    """Position of the boxes and of the scores among the outputs, and the scores' column of people."""
    expected = (1, manifest.input.height, manifest.input.width, 3)
    if interpreter.input_shape != expected or interpreter.input_dtype != manifest.input.dtype:
        raise ModelError(
            f"model {manifest.name} takes {interpreter.input_dtype} {interpreter.input_shape}, its manifest says "
            f"{manifest.input.dtype} {expected}: correct the manifest"
        )
    if manifest.input.width != manifest.input.height:
        raise ModelError(f"model {manifest.name}: the decoder ssd-raw needs a square input")
    if PERSON not in manifest.labels:
        raise ModelError(f"model {manifest.name} has no label `{PERSON}`: correct the manifest")
    shapes = interpreter.output_shapes
    try:
        boxes_at = shapes.index((1, anchors, 4))
        others = [shape if index != boxes_at else () for index, shape in enumerate(shapes)]
        scores_at = others.index((1, anchors, len(manifest.labels)))
    except ValueError:
        raise ModelError(
            f"model {manifest.name} gives {shapes}, and ssd-raw needs 1 x {anchors} x 4 boxes and "
            f"1 x {anchors} x {len(manifest.labels)} scores: correct the decoder or the labels in the manifest"
        ) from None
    return boxes_at, scores_at, manifest.labels.index(PERSON)
