"""Reads plain arrays as the outputs of a model of some family."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.vision.boxes import Floats, best
from agent.vision.decoders import decoder_of
from tests.support.vision_stand_ins import manifest

Array = npt.NDArray[Any]
NOWHERE = Path("/nonexistent")
COCO = ("person", "bicycle", "car")


def read(
    outputs: list[Array], decoder: Any, threshold: float = 0.5, directory: Path = NOWHERE, **changes: Any
) -> tuple[Floats, Floats]:
    """Boxes and scores of the people that this decoder finds; `changes` are to the manifest."""
    values = {"labels": COCO, **changes}
    of = manifest(decoder=decoder, **values)
    reader = decoder_of(of, [output.shape for output in outputs], directory)
    with np.errstate(all="ignore"):
        found = reader.read(outputs, threshold)
        return best(*found, threshold, reader.nms_iou)[:2]
