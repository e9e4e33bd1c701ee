"""How to read a model's outputs: one description for each family of person detectors, part of a manifest.

All numbers are those that the model was trained or exported with; wrong ones put boxes in wrong places.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


def _plain_file_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", value):
        raise ValueError("a file name without a directory, of letters, digits, dot, dash and underscore")
    return value


PlainFileName = Annotated[str, AfterValidator(_plain_file_name)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Positive = Annotated[float, Field(gt=0)]
Ratios = Annotated[tuple[Positive, ...], Field(min_length=1)]
"""Width divided by height of each anchor."""
Overlap = Annotated[float, Field(gt=0, le=1)]
"""Intersection over union: of two boxes that overlap by more than this, only the better one stays."""


class Part(BaseModel):
    """A part of a manifest: frozen, and strict about names."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)  # the core imports it, but reads none


class SsdAnchors(Part):
    """The anchors of a TF Object Detection `ssd_anchor_generator`, with the names of its `pipeline.config`."""

    formula: Literal["ssd"] = "ssd"
    num_layers: int = Field(default=6, ge=1, le=10)
    min_scale: Positive = 0.2
    max_scale: Positive = 0.95
    aspect_ratios: Ratios = (1.0, 2.0, 0.5, 3.0, 1.0 / 3.0)
    reduce_boxes_in_lowest_layer: bool = True
    """The finest grid has only three anchors per cell."""


class EfficientDetAnchors(Part):
    """The anchors of EfficientDet, with the names of its `hparams_config`; as it is: lite0 to lite2."""

    formula: Literal["efficientdet"]
    min_level: int = Field(default=3, ge=1, le=10)
    max_level: int = Field(default=7, ge=1, le=10)
    num_scales: int = Field(default=3, ge=1, le=10)
    aspect_ratios: Ratios = (1.0, 2.0, 0.5)
    anchor_scale: Positive = 3.0


class AnchorFile(Part):
    """Any other anchors: a text file beside the model, `centre y, centre x, height, width` a line, in fractions
    of the picture and in the order of the model."""

    formula: Literal["file"]
    file: PlainFileName
    sha256: Sha256


Anchors = Annotated[SsdAnchors | EfficientDetAnchors | AnchorFile, Field(discriminator="formula")]


class SsdRaw(Part):
    """1 x anchors x 4 boxes relative to anchors, and 1 x anchors x classes scores: SSD, EfficientDet, RetinaNet."""

    name: Literal["ssd-raw"] = "ssd-raw"
    outputs: tuple[Literal["boxes", "scores", "unused"], ...] = ()
    """The meaning of each output of the model, in the model's order; if empty, they are told apart by their shapes."""
    anchors: Anchors = SsdAnchors.model_construct()
    box_order: Literal["yxhw", "xywh"] = "yxhw"
    """The order of centre and size in a box."""
    box_variances: tuple[Positive, Positive, Positive, Positive] = (10.0, 10.0, 5.0, 5.0)
    """The divisors of the four numbers of a box, in their order; all 1 for EfficientDet."""
    score_activation: Literal["sigmoid", "softmax", "none"] = "sigmoid"
    """What turns the scores into probabilities; `none` if they already are."""
    nms_iou: Overlap = 0.5


class SsdPostprocessed(Part):
    """The outputs of `TFLite_Detection_PostProcess`: N boxes by their corners, classes, scores, and how many count.

    Classes count from 0 without the background. What lies beyond the count is whatever was in memory.
    """

    name: Literal["ssd-postprocessed"] = "ssd-postprocessed"
    outputs: tuple[Literal["boxes", "classes", "scores", "count", "unused"], ...] = (
        "boxes",
        "classes",
        "scores",
        "count",
    )
    """The meaning of each output of the model, in the model's order, which TensorFlow 2 tends to change. Without a
    count all of them do."""
    box_order: Literal["yxyx", "xyxy"] = "yxyx"
    box_unit: Literal["fraction", "pixel"] = "fraction"
    """A fraction of the whole picture, or a pixel of the model's input."""


class Yolo(Part):
    """One output, N rows of centre x, centre y, width, height, and a probability of each class."""

    name: Literal["yolo"] = "yolo"
    layout: Literal["rows", "columns"]
    """`rows`: 1 x N x values (YOLOv5); `columns`: 1 x values x N (YOLOv8 and later)."""
    objectness: bool
    """Whether the probability of any object follows the box; class probabilities are multiplied by it (YOLOv5)."""
    box_unit: Literal["fraction", "pixel"] = "fraction"
    """A fraction of the whole picture, or a pixel of the model's input."""
    nms_iou: Overlap = 0.5


class Centres(Part):
    """A grid of scores, and what box there is around the centre of a person in each cell: CenterNet, MoveNet MultiPose.

    1 x rows x columns x classes scores; 1 x rows x columns x 2 sizes (height, width), and as many offsets of the centre
    from the top left corner of its cell (y, x). Both count in cells. If the model has `joints`, 1 x R x C x K logits of
    K joints in a coarser grid: they say whether a box holds a body and, if they are the 17 of COCO, whether it is
    upright.
    """

    name: Literal["centres"] = "centres"
    outputs: tuple[Literal["scores", "sizes", "offsets", "joints", "unused"], ...] = ()
    """The meaning of each output of the model, in the model's order; if empty, they are in this order, and a fourth is
    `joints`."""
    score_activation: Literal["sigmoid", "none"] = "sigmoid"
    """What turns the scores into probabilities; `none` if they already are."""
    nms_iou: Overlap = 0.5


class NmsByClass(Part):
    """One output that is suppressed already: 1 x classes x N boxes of top, left, bottom, right and score.

    Corners are fractions of the input. What is left of the N is not a number. HailoRT gives this.
    """

    name: Literal["nms-by-class"] = "nms-by-class"
    nms_iou: Overlap = 0.5
    """Many files are compiled with 0.7, which leaves two boxes of one person."""


def _named(value: Any) -> Any:
    """Read a plain name such as `"ssd-raw"` as that decoder with all its defaults."""
    return {"name": value} if isinstance(value, str) else value


_AnyDecoder = Annotated[SsdRaw | SsdPostprocessed | Yolo | Centres | NmsByClass, Field(discriminator="name")]
DecoderSpec = Annotated[_AnyDecoder, BeforeValidator(_named)]
