"""An IMX500 for tests: a stand-in of picamera2's part for it, and the built model's answers as its tensors."""

import hashlib
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.adapters.imx500 import Imx500
from agent.adapters.opencv_imaging import RgbScaler
from agent.adapters.tflite_interpreter import load_tflite
from agent.core.camera.model_decoders import SsdPostprocessed
from agent.core.camera.model_manifest import ModelManifest
from agent.models.store import ModelStore, StoredModel
from agent.ports import Detection, SensorResult
from agent.vision.person_detector import PersonDetector
from agent.vision.sensor_sight import SensorReader
from agent.vision.sight import FLOOR
from tests.support.vision_media import MODELS, model_directories

Array = npt.NDArray[Any]
MODEL = "movenet-person-imx500"
MOST = 100
"""The zoo's networks give so many boxes with each picture, the best first."""
SENSOR = (0, 0, 4056, 3040)
_MOST_TENSORS = _MOST_DIMENSIONS = 16
_INFO = struct.Struct(f"<64sI{_MOST_TENSORS * f'II{_MOST_DIMENSIONS}H'}B3x")


class StandInDevice:
    """`picamera2.devices.imx500.IMX500`, as far as the agent uses it."""

    refuses_roi = False
    progress: Any = (30, 120)

    def __init__(self, network_file: str, camera_id: str = "") -> None:
        if not Path(network_file).is_file():
            raise RuntimeError(f"Firmware file {network_file} does not exist.")
        self.camera_id = camera_id
        self.config = {"roi": _rectangle(SENSOR)}

    def set_inference_roi_abs(self, roi: tuple[int, ...]) -> None:
        if not type(self).refuses_roi:
            self.config["roi"] = _rectangle(roi)

    def get_outputs(self, metadata: Mapping[str, Any]) -> list[Array] | None:
        values = metadata.get("CnnOutputTensor")
        if not values:
            return None
        flat, at, outputs = np.array(values, np.float32), 0, []
        for shape in self._shapes(metadata.get("CnnOutputTensorInfo")):
            size = int(np.prod(shape))
            outputs.append(flat[at : at + size].reshape(shape, order="F"))
            at += size
        return outputs

    def get_fw_upload_progress(self, stage: int) -> tuple[int, int]:
        if isinstance(type(self).progress, Exception):
            raise type(self).progress
        return type(self).progress if stage == 2 else (0, 0)

    def _shapes(self, info: Any) -> list[tuple[int, ...]]:
        if not info:
            return []
        if len(info) != _INFO.size:
            raise ValueError(f"tensor info length {len(info)} does not match expected size {_INFO.size}")
        _, count, *rest = _INFO.unpack(bytes(info))
        step = 2 + _MOST_DIMENSIONS
        entries = [rest[at * step : (at + 1) * step] for at in range(min(count, _MOST_TENSORS))]
        return [tuple(entry[2 : 2 + entry[1]]) for entry in entries]


def make_devices(**faults: Any) -> Any:
    """A module `picamera2.devices.imx500` of its own."""
    module = ModuleType("picamera2.devices.imx500")
    module.IMX500 = type("IMX500", (StandInDevice,), faults)  # type: ignore[attr-defined]
    return module


def packed(*tensors: Any) -> dict[str, Any]:
    """These tensors as the metadata of a request has them: column by column, as the sensor gives them."""
    arrays = [np.asarray(tensor, np.float32) for tensor in tensors]
    entries: list[int] = []
    for each in arrays:
        entries += [each.size, each.ndim, *each.shape, *[0] * (_MOST_DIMENSIONS - each.ndim)]
    entries += [0] * ((_MOST_TENSORS * (2 + _MOST_DIMENSIONS)) - len(entries))
    return {
        "CnnOutputTensor": tuple(np.concatenate([each.ravel(order="F") for each in arrays]).tolist()),
        "CnnOutputTensorInfo": tuple(_INFO.pack(b"network", len(arrays), *entries, 0)),
    }


def packed_people(people: list[Detection], width: int, height: int) -> dict[str, Any]:
    """These people in a picture of this size, as a network of the zoo gives them: boxes, scores, classes, count."""
    boxes, scores = np.zeros((MOST, 4), np.float32), np.zeros(MOST, np.float32)
    for at, box in enumerate(people[:MOST]):
        corners = (box.top, box.left, box.top + box.height, box.left + box.width)
        boxes[at] = np.array(corners) / (height, width, height, width)
        scores[at] = box.score
    return packed(boxes, scores, np.zeros(MOST), [min(len(people), MOST)])


def imx500_model(directory: Path, **changes: Any) -> StoredModel:
    """Put a model for an IMX500 into this directory; its file is never run."""
    manifest, _, _ = ModelStore([Path(entry) for entry in model_directories()]).load(MODELS[0])
    content = b"9464 a network"
    values = {
        "name": MODEL,
        "file": f"{MODEL}.rpk",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_bytes": len(content),
        "decoder": SsdPostprocessed(outputs=("boxes", "scores", "classes", "count")),
        "labels": ("person",),
    }
    described = ModelManifest.model_validate({**manifest.model_dump(), **values, **changes})
    (directory / described.file).write_bytes(content)
    (directory / f"{described.name}.json").write_text(described.model_dump_json())
    return StoredModel(described, directory / described.file, content)


class WholePictures:
    """What the sensor would give with these pictures: the built model looks once at all of each. One thread."""

    def __init__(self, directory: Path) -> None:
        manifest, path, content = ModelStore([Path(entry) for entry in model_directories()]).load(MODELS[0])
        interpreter = load_tflite(path, content, threads=2)
        self._detector = PersonDetector(interpreter, manifest, path.parent, RgbScaler(), FLOOR)
        model = imx500_model(directory)
        self._sensor = Imx500(StandInDevice(str(model.path)), 0)
        self.manifest = model.manifest
        self.directory = directory

    def result(self, pixels: npt.NDArray[np.uint8]) -> SensorResult | None:
        """The tensors of one picture, through the metadata of a request."""
        [people] = self._detector.detect([pixels])
        return self._sensor.result(packed_people(people, pixels.shape[1], pixels.shape[0]))


class SensorDetector:
    """The Detector port over `WholePictures`, to hold it to what every way to look promises."""

    def __init__(self, pictures: WholePictures, score_threshold: float) -> None:
        self._pictures = pictures
        self._reader = SensorReader(pictures.manifest, pictures.directory, score_threshold)

    def detect(self, pictures: Any) -> list[list[Detection]]:
        results = [self._pictures.result(pixels) for pixels in pictures]
        return [
            self._reader.read(result, *pixels.shape[1::-1])
            for result, pixels in zip(results, pictures, strict=True)
            if result is not None
        ]


def put_in_place(monkeypatch: Any, library: Any, devices: Any) -> None:
    """Let the agent import these two as picamera2 and its part for the IMX500."""
    monkeypatch.setitem(sys.modules, "picamera2", library)
    monkeypatch.setitem(sys.modules, "picamera2.devices.imx500", devices)


def _rectangle(sides: tuple[int, ...]) -> Any:
    return SimpleNamespace(to_tuple=lambda: sides)
