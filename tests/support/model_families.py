"""One small model of each family that people bring, with the manifest that describes it."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support import small_models
from tests.support.vision_stand_ins import manifest

RAW: dict[str, Any] = {
    "name": "ssd-raw",
    "anchors": {
        "formula": "efficientdet",
        "min_level": 3,
        "max_level": 3,
        "num_scales": 1,
        "aspect_ratios": [1],
        "anchor_scale": 1,
    },
}
"""One anchor a cell, of the size of the cell."""

FAMILIES: dict[str, tuple[Callable[[], bytes], dict[str, Any]]] = {
    "raw SSD": (small_models.raw_ssd, {"decoder": RAW}),
    "raw SSD, uint8": (lambda: small_models.raw_ssd("uint8"), {"decoder": RAW, "dtype": "uint8"}),
    "SSD": (small_models.postprocessed_ssd, {"decoder": "ssd-postprocessed"}),
    "EfficientDet-Lite": (
        lambda: small_models.postprocessed_ssd((2, 0, 3, 1)),
        {"decoder": {"name": "ssd-postprocessed", "outputs": ["scores", "boxes", "count", "classes"]}},
    ),
    "YOLOv5": (
        lambda: small_models.yolo(columns=False, objectness=True),
        {"decoder": {"name": "yolo", "layout": "rows", "objectness": True}},
    ),
    "YOLOv8": (
        lambda: small_models.yolo(columns=True, objectness=False),
        {"decoder": {"name": "yolo", "layout": "columns", "objectness": False}},
    ),
    "YOLOv8, int8": (
        lambda: small_models.yolo(columns=True, objectness=False, dtype="int8"),
        {"decoder": {"name": "yolo", "layout": "columns", "objectness": False}, "dtype": "int8"},
    ),
}
INPUT = {"width": small_models.SIDE, "height": small_models.SIDE, "mean": 0, "scale": 255}


def install(directory: Path, family: str, content: bytes | None = None, **changes: Any) -> None:
    """Put the model `small` of this family in a directory, with its manifest; `content` takes the model's place."""
    build, description = FAMILIES[family]
    content = content or build()
    (directory / "small.tflite").write_bytes(content)
    values = {
        "name": "small",
        "file": "small.tflite",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_bytes": len(content),
        "input": {**INPUT, "dtype": description.get("dtype", "float32")},
        "labels": small_models.LABELS,
        "decoder": description["decoder"],
    }
    (directory / "small.json").write_text(json.dumps(manifest(**{**values, **changes}).model_dump(mode="json")))
