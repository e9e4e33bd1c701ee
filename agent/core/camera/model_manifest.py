"""What is known about a model file: how to feed it, how to read it, where it comes from, and its licence."""

from typing import Annotated, Literal

from pydantic import Field

from agent.core.camera.model_decoders import AnchorFile, DecoderSpec, Part, PlainFileName, Sha256, SsdRaw

ModelName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]


class ModelInput(Part):
    """The picture that the model takes: 1 x height x width x 3, RGB.

    `(pixel - mean) / scale` maps a pixel of 0 to 255 to what the network was trained on, such as -1 to 1. A
    float32 model is fed that value. A uint8 model is fed the pixel itself and an int8 model the pixel less 128:
    they map it themselves.
    """

    width: int = Field(gt=0, le=4096)
    height: int = Field(gt=0, le=4096)
    dtype: Literal["uint8", "int8", "float32"]
    mean: float = 127.5
    scale: float = Field(default=127.5, gt=0)
    fit: Literal["stretch", "letterbox"] = "stretch"
    """`letterbox` keeps the aspect ratio of the picture and fills the rest with grey, as in YOLO's training."""


class ModelSource(Part):
    """The published package, or the address, that the model was made from."""

    package: str | None = None
    version: str | None = None
    file: str | None = None
    sha256: Sha256 | None = None
    url: str | None = None


class MadeWith(Part):
    """What turned the source into this file, to make it again or to explain a difference."""

    litert: str | None = None
    """The version of the runtime that set the integer ranges; None for a model that TensorFlow converted."""
    tensorflow: str | None = None
    python: str
    machine: str
    calibration: str | None = None
    """Name of the video whose frames set the integer ranges; None for a float model."""
    calibration_sha256: Sha256 | None = None
    calibration_frames: int = 0


class ModelManifest(Part):
    """The description of one model file, kept beside it as `<name>.json`."""

    name: ModelName
    file: PlainFileName
    sha256: Sha256
    size_bytes: int = Field(gt=0)
    input: ModelInput
    decoder: DecoderSpec
    labels: tuple[str, ...] = Field(min_length=1)
    """The name of each class, in order."""
    person_classes: tuple[Annotated[int, Field(ge=0)], ...] = ()
    """The classes that are people, counted from 0; if empty, the class with the label `person`."""
    score_threshold: float = Field(default=0.5, ge=0, le=1)
    """Only a suggestion; a camera's settings decide."""
    source: ModelSource
    licence: str
    made_with: MadeWith | None = None
    made_at: str
    """UTC, ISO 8601."""

    @property
    def anchor_file(self) -> AnchorFile | None:
        """The file beside the model that holds its anchors; None if there is none."""
        anchors = self.decoder.anchors if isinstance(self.decoder, SsdRaw) else None
        return anchors if isinstance(anchors, AnchorFile) else None
