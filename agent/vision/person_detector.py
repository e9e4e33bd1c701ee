"""The person detector: a picture in, boxes out, whatever runs the model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from agent.core.camera.model_manifest import ModelInput, ModelManifest
from agent.core.errors import ModelError
from agent.ports import Detection
from agent.vision.boxes import best
from agent.vision.decoders import decoder_of
from agent.vision.joints import Body, joints_of

Pixels = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]

_GREY = 114
"""The grey around a picture with which YOLO is trained."""
_UNASKED = Body(1.0, None)
"""Of a model without joints."""


class Interpreter(Protocol):
    """A loaded model. One thread."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """1, height, width, 3."""
        ...

    @property
    def input_dtype(self) -> str:
        """`uint8`, `int8` or `float32`."""
        ...

    @property
    def output_shapes(self) -> list[tuple[int, ...]]:
        """Shape of each output, in the order of `run`."""
        ...

    def input_view(self) -> Array:
        """Return the memory of the input; fill it in place and let go of it before `run`."""
        ...

    def run(self) -> list[Array]:
        """Run one inference and return the outputs as float32. Raises ModelError."""
        ...


class Scaler(Protocol):
    """Scales a BGR picture to the size of `target`, which becomes RGB."""

    def __call__(self, pixels: Pixels, target: Pixels) -> None:
        """Fill `target` in place."""
        ...


class OutputReader:
    """Reads people from the outputs of a model of any family that a manifest can describe. One thread.

    Raises ModelError at once when outputs of these shapes don't have the form that the manifest promises.
    """

    def __init__(
        self, manifest: ModelManifest, shapes: Sequence[tuple[int, ...]], directory: Path, score_threshold: float
    ) -> None:
        """`directory` holds the files that the manifest names."""
        self._input = manifest.input
        self._threshold = score_threshold
        self._decoder = decoder_of(manifest, shapes, directory)
        self._joints = joints_of(manifest.decoder, shapes)

    def read(self, runs: Sequence[Sequence[Array]], sizes: Sequence[tuple[float, float]]) -> list[list[Detection]]:
        """Return the people of each run, best score first, in pixels of its picture: `sizes` are width and height."""
        found: list[list[Detection]] = [[] for _ in runs]
        # All runs in one pass: an inference leaves the caches cold, so every separate step would cost extra.
        with np.errstate(all="ignore"):  # boxes that overflow or are no numbers are dropped
            outputs = [np.concatenate(each) for each in zip(*runs, strict=True)]
            boxes, scores, owners = self._decoder.read(outputs, self._threshold)
            inner = np.array([_inner_box(self._input, *each) for each in sizes], np.float32)
            inner /= np.tile(np.array([self._input.width, self._input.height], np.float32), 2)
            begins, shares = np.tile(inner[:, :2], 2), np.tile(inner[:, 2:], 2)
            boxes = (boxes - begins[owners]) / shares[owners]
            boxes, scores, owners = best(boxes, scores, owners, self._threshold, self._decoder.nms_iou)
            bodies = [_UNASKED] * len(boxes)
            if self._joints is not None:
                bodies = self._joints.bodies(outputs, boxes * shares[owners] + begins[owners], owners)
        corners = (boxes * np.tile(np.array(sizes), 2)[owners]).tolist()
        for (left, top, right, bottom), score, body, owner in zip(
            corners, scores.tolist(), bodies, owners.tolist(), strict=True
        ):
            found[owner].append(Detection(left, top, right - left, bottom - top, score, *body))
        return found


class PersonDetector:
    """The Detector port for a model of any family that a manifest can describe. One thread.

    Raises ModelError at once when the model doesn't have the form that its manifest promises.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        manifest: ModelManifest,
        directory: Path,
        scaler: Scaler,
        score_threshold: float,
    ) -> None:
        """`directory` holds the model and the files that its manifest names."""
        self._interpreter = interpreter
        self._scaler = scaler
        self._input = manifest.input
        _check_input(interpreter, manifest)
        self._reader = OutputReader(manifest, interpreter.output_shapes, directory, score_threshold)
        self._rgb = np.empty((manifest.input.height, manifest.input.width, 3), np.uint8)

    def detect(self, pictures: Sequence[Pixels]) -> list[list[Detection]]:
        """Return the people in each BGR picture, best score first; one inference each. Raises ModelError.

        Pictures may have any size.
        """
        if not pictures:
            return []
        runs = [self._run(pixels) for pixels in pictures]
        return self._reader.read(runs, [pixels.shape[1::-1] for pixels in pictures])

    def _run(self, pixels: Pixels) -> list[Array]:
        self._fill_input(pixels)
        return self._interpreter.run()

    def _fill_input(self, pixels: Pixels) -> None:
        view = self._interpreter.input_view()[0]
        target = view if self._input.dtype == "uint8" else self._rgb
        left, top, width, height = _inner_box(self._input, *pixels.shape[1::-1])
        if (width, height) != (self._input.width, self._input.height):
            target[:] = _GREY
        self._scaler(pixels, target[top : top + height, left : left + width])
        if self._input.dtype == "uint8":
            return
        if self._input.dtype == "int8":
            np.bitwise_xor(self._rgb, 0x80, out=view.view(np.uint8))  # subtracts 128 without a wider type in between
            return
        np.subtract(self._rgb, np.float32(self._input.mean), out=view)
        np.multiply(view, np.float32(1 / self._input.scale), out=view)


def _inner_box(own: ModelInput, width: float, height: float) -> tuple[int, int, int, int]:
    """Return where a picture of this size goes in the input: left, top, width, height in the input's pixels."""
    if own.fit == "stretch":
        return 0, 0, own.width, own.height
    scale = min(own.width / width, own.height / height)
    inner_width, inner_height = max(round(width * scale), 1), max(round(height * scale), 1)
    return (own.width - inner_width) // 2, (own.height - inner_height) // 2, inner_width, inner_height


def _check_input(interpreter: Interpreter, manifest: ModelManifest) -> None:
    expected = (1, manifest.input.height, manifest.input.width, 3)
    if interpreter.input_shape != expected or interpreter.input_dtype != manifest.input.dtype:
        raise ModelError(
            f"model {manifest.name} takes {interpreter.input_dtype} {interpreter.input_shape}, its manifest says "
            f"{manifest.input.dtype} {expected}: correct the manifest"
        )
