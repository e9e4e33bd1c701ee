"""A module with the face of HailoRT 4.23's `hailo_platform`, whose device is the processor.

Its HEF is a magic word and a JSON object: `chip`, and the manifest of the TFLite model that does the work. That model's
boxes are suppressed and packed as HailoRT packs them by class. `HAILO_STAND_IN` is a fault: `no-device`, or `lost`,
which comes with the second inference. `answer` changes what a device gives.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from weakref import WeakSet

import numpy as np

from agent.adapters.tflite_interpreter import load_tflite
from agent.models.store import ModelStore
from agent.vision.boxes import best, overlaps, suppress
from agent.vision.decoders import decoder_of

__version__ = "4.23.0"
MAGIC = b"\x01HEF"
FormatType = SimpleNamespace(UINT8="uint8", FLOAT32="float32")
CHIP = "hailo8l"
CLASSES = 2
MOST = 100
_BOX = 5
_IOU = 0.7
answer: Callable[[list[Any]], Any] = list
in_use: WeakSet["VDevice"] = WeakSet()


class HailoRTException(Exception):  # noqa: N818 - its name there
    """The base of what it raises."""


class VDevice:
    """The one device, which one process can have at a time."""

    def __init__(self) -> None:
        if in_use or _fault() == "no-device":
            raise HailoRTException("libhailort failed with error: 74 (HAILO_OUT_OF_PHYSICAL_DEVICES)")
        in_use.add(self)

    def create_infer_model(self, content: bytes) -> "InferModel":
        if not content.startswith(MAGIC):
            raise HailoRTException("libhailort failed with error: 92 (HAILO_HEF_NOT_SUPPORTED)")
        return InferModel(json.loads(content.removeprefix(MAGIC)), self)

    def release(self) -> None:
        in_use.discard(self)
        if _fault() == "lost":
            raise HailoRTException("libhailort failed with error: 36 (HAILO_DRIVER_OPERATION_FAILED)")


class InferModel:
    """A file that has been read. Its formats are to be set before it is configured."""

    def __init__(self, description: dict[str, Any], device: VDevice) -> None:
        self.device = device
        self._chip = description["chip"]
        place = Path(description["manifest"])
        self.manifest, path, content = ModelStore([place.parent]).load(place.stem)
        self.processor = load_tflite(path, content, threads=2)
        self.boxes = _Stream("boxes", [CLASSES * (1 + MOST * _BOX)], is_nms=True)
        self.picture = _Stream("picture", list(self.processor.input_shape[1:]), is_nms=False)
        self.input_names, self.outputs = ["picture"], [self.boxes]
        nms = SimpleNamespace(number_of_classes=description.get("classes", CLASSES), max_bboxes_per_class=MOST)
        infos = [SimpleNamespace(name="boxes", nms_shape=nms)]
        self.hef = SimpleNamespace(get_output_vstream_infos=lambda: infos)

    def input(self) -> "_Stream":
        return self.picture

    def configure(self) -> "ConfiguredInferModel":
        if self._chip != CHIP:
            raise HailoRTException("HEF file is not compatible with device. See hailort.log for more information")
        assert (self.picture.format, self.boxes.format) == (FormatType.UINT8, FormatType.FLOAT32)
        return ConfiguredInferModel(self)


class _Stream:
    def __init__(self, name: str, shape: list[int], *, is_nms: bool) -> None:
        self.name, self.shape, self.is_nms = name, shape, is_nms
        self.format = ""
        self.threshold = 0.2

    def set_format_type(self, kind: str) -> None:
        self.format = kind

    def set_nms_score_threshold(self, threshold: float) -> None:
        self.threshold = threshold


class ConfiguredInferModel:
    """What runs."""

    def __init__(self, model: InferModel) -> None:
        self._model = model
        self._runs = 0
        self._decoder = decoder_of(model.manifest, model.processor.output_shapes, Path("/nonexistent"))

    def create_bindings(self, input_buffers: dict[str, Any], output_buffers: dict[str, Any]) -> "_Bindings":
        [picture], [boxes] = input_buffers.values(), output_buffers.values()
        assert list(picture.shape) == self._model.picture.shape
        assert (picture.dtype, boxes.dtype) == (np.uint8, np.float32)
        assert list(boxes.shape) == self._model.boxes.shape
        assert picture.flags.c_contiguous
        return _Bindings(picture, boxes)

    def run(self, bindings: list["_Bindings"], timeout_ms: int) -> None:
        assert timeout_ms > 0
        assert not bindings[0].used, "HailoRT leaves its own buffers in bindings that it has run"
        self._runs += 1
        if self._model.device not in in_use or (_fault() == "lost" and self._runs > 1):
            raise HailoRTException("Failure in hailort driver ioctl. run 'dmesg | grep hailo' for more information")
        bindings[0].used = True
        self._model.processor.input_view()[0] = bindings[0].picture
        threshold = self._model.boxes.threshold
        with np.errstate(all="ignore"):
            found = self._decoder.read(self._model.processor.run(), threshold)
            boxes, scores, _ = best(*found, threshold, None)
        kept = suppress(overlaps(boxes), _IOU)[:MOST] if len(boxes) else []
        people = np.concatenate([boxes[kept][:, [1, 0, 3, 2]], scores[kept, None]], axis=1)
        # No bicycles, and then people: how many of a class, and then they.
        packed = np.concatenate([[0, len(people)], people.ravel()])
        bindings[0].boxes[: len(packed)] = packed


class _Bindings:
    def __init__(self, picture: Any, boxes: Any) -> None:
        self.picture, self.boxes, self.used = picture, boxes, False

    def output(self, name: str) -> "_Bindings":
        assert name == "boxes"
        return self

    def get_buffer(self) -> Any:
        """By class, an array of its boxes."""
        by_class, at = [], 0
        for _ in range(CLASSES):
            count = int(self.boxes[at])
            by_class.append(self.boxes[at + 1 : at + 1 + count * _BOX].reshape(count, _BOX))
            at += 1 + count * _BOX
        return answer(by_class)


def _fault() -> str:
    return os.environ.get("HAILO_STAND_IN", "")
