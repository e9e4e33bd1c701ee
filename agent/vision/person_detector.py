"""The person detector: a picture in, boxes out, whatever runs the model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from agent.core.camera.model_manifest import ModelManifest
from agent.core.errors import ModelError
from agent.ports import Detection
from agent.vision.boxes import best
from agent.vision.decoders import decoder_of

Pixels = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]

_GREY = 114
"""The grey around a picture with which YOLO is trained."""


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
        self._threshold = score_threshold
        _check_input(interpreter, manifest)
        self._decoder = decoder_of(manifest, interpreter.output_shapes, directory)
        self._rgb = np.empty((manifest.input.height, manifest.input.width, 3), np.uint8)

    def detect(self, pictures: Sequence[Pixels]) -> list[list[Detection]]:
        """Return the people in each BGR picture, best score first; one inference each. Raises ModelError.

        Pictures may have any size.
        """
        found: list[list[Detection]] = [[] for _ in pictures]
        if not pictures:
            return found
        runs = [self._run(pixels) for pixels in pictures]
        # All pictures in one pass: an inference leaves the caches cold, so every separate step would cost extra.
        with np.errstate(all="ignore"):  # boxes that overflow or are no numbers are dropped
            boxes, scores, owners = self._decoder.read(
                [np.concatenate(outputs) for outputs in zip(*runs, strict=True)], self._threshold
            )
            if self._input.fit == "letterbox":
                inner = np.array([self._inner(*pixels.shape[1::-1]) for pixels in pictures], np.float32)[owners]
                size = np.array([self._input.width, self._input.height], np.float32)
                boxes = (boxes - np.tile(inner[:, :2] / size, 2)) / np.tile(inner[:, 2:] / size, 2)
            boxes, scores, owners = best(boxes, scores, owners, self._threshold, self._decoder.nms_iou)
        sizes = np.array([pixels.shape[1::-1] * 2 for pixels in pictures])
        corners = (boxes * sizes[owners]).tolist()
        for (left, top, right, bottom), score, owner in zip(corners, scores.tolist(), owners.tolist(), strict=True):
            found[owner].append(Detection(left, top, right - left, bottom - top, score))
        return found

    def _run(self, pixels: Pixels) -> list[Array]:
        self._fill_input(pixels)
        return self._interpreter.run()

    def _inner(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Return where a picture of this size goes in the input: left, top, width, height in the input's pixels."""
        own = self._input
        if own.fit == "stretch":
            return 0, 0, own.width, own.height
        scale = min(own.width / width, own.height / height)
        inner_width, inner_height = max(round(width * scale), 1), max(round(height * scale), 1)
        return (own.width - inner_width) // 2, (own.height - inner_height) // 2, inner_width, inner_height

    def _fill_input(self, pixels: Pixels) -> None:
        view = self._interpreter.input_view()[0]
        target = view if self._input.dtype == "uint8" else self._rgb
        left, top, width, height = self._inner(*pixels.shape[1::-1])
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


def _check_input(interpreter: Interpreter, manifest: ModelManifest) -> None:
    expected = (1, manifest.input.height, manifest.input.width, 3)
    if interpreter.input_shape != expected or interpreter.input_dtype != manifest.input.dtype:
        raise ModelError(
            f"model {manifest.name} takes {interpreter.input_dtype} {interpreter.input_shape}, its manifest says "
            f"{manifest.input.dtype} {expected}: correct the manifest"
        )
