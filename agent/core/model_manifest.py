"""What is known of a model file: how to feed it, how to read it, where it comes from and under what terms."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _plain_file_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", value):
        raise ValueError("a file name without a directory, of letters, digits, dot, dash and underscore")
    return value


PlainFileName = Annotated[str, AfterValidator(_plain_file_name)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
ModelName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelInput(_Part):
    """The picture that the model takes: 1 x height x width x 3, RGB.

    `(pixel - mean) / scale` maps a pixel of 0 to 255 to the -1 to 1 that the network was trained on. A
    float32 model is fed that value; a uint8 model is fed the pixel itself, and quantises it itself.
    """

    width: int = Field(gt=0, le=4096)
    height: int = Field(gt=0, le=4096)
    dtype: Literal["uint8", "float32"]
    mean: float = 127.5
    scale: float = Field(default=127.5, gt=0)


class ModelSource(_Part):
    """The published package, or the address, that the model was made from."""

    package: str | None = None
    version: str | None = None
    file: str | None = None
    sha256: Sha256 | None = None
    url: str | None = None


class MadeWith(_Part):
    """What turned the source into this file, to make it again or to explain a difference."""

    tensorflow: str
    python: str
    machine: str
    calibration: str | None = None
    """Name of the video whose frames set the integer ranges; None for a float model."""
    calibration_sha256: Sha256 | None = None
    calibration_frames: int = 0


class ModelManifest(_Part):
    """The description of one model file, kept beside it as `<name>.json`."""

    name: ModelName
    file: PlainFileName
    sha256: Sha256
    size_bytes: int = Field(gt=0)
    input: ModelInput
    decoder: Literal["ssd-raw"]
    """`ssd-raw`: 1 x anchors x 4 raw boxes, 1 x anchors x labels raw scores, of a TF Object Detection SSD."""
    labels: tuple[str, ...] = Field(min_length=1)
    """Name of each score column, in order."""
    score_threshold: float = Field(default=0.5, ge=0, le=1)
    """A suggestion; the settings of a camera decide."""
    source: ModelSource
    licence: str
    made_with: MadeWith | None = None
    made_at: str
    """UTC, ISO 8601."""
