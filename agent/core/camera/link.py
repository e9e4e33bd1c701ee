"""The messages between the core and a camera process: one JSON object per line, over one socket.

Pictures never travel here; they are written to files, and a message names the file.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializeAsAny, TypeAdapter, ValidationInfo, field_validator

from agent.contract.camera_events import EVENTS, CameraEventData, EventName
from agent.contract.vocabulary import Box, Level, SightTrouble, TamperKind
from agent.core.camera.link_model import QUIET, LinkModel, decode
from agent.core.camera.vision_spec import VisionSpec

VIEW = "view-"
"""How the id of a picture begins that is for somebody in front of the device: it stays on no disk, and comes with
figures."""
LIVE = "live-"
"""The same for a picture of live view, which is smaller and has no figures."""


# --- core to camera process


class Start(LinkModel):
    """Begin to watch."""

    t: Literal["start"] = "start"
    spec: VisionSpec


class TakeSnapshot(LinkModel):
    """Write the newest frame as `<id>.jpg`, answered by SnapshotTaken or SnapshotFailed."""

    t: Literal["take-snapshot"] = "take-snapshot"
    id: Level
    max_bytes: int | None = None
    """How large the picture may be; what the spec says when left out."""


class Stop(LinkModel):
    """End in an orderly way."""

    t: Literal["stop"] = "stop"


# --- camera process to core


class Hello(LinkModel):
    """The model is loaded and the loop runs; frames may still be missing."""

    t: Literal["hello"] = "hello"
    pid: int
    model: str
    model_sha256: str
    runtime: str
    """`ai-edge-litert 2.3.0`, `tflite-runtime 2.14.0` or `hailort 4.23.0`."""
    delegate_trouble: str | None = None
    """Why the delegate of the settings is not used; empty if it is used, None if the settings name no library."""
    model_refused: str = ""
    """Which model was refused, and what runs instead; empty if none was."""
    model_retired: str = ""
    """Which model is retired, and what runs instead; empty if none is."""


class Failed(LinkModel):
    """The process is about to end, and `detail` says to a person why, and what to do."""

    t: Literal["failed"] = "failed"
    detail: str
    model_refused: bool = False
    """Whether the process ends because a model may not run."""
    by_delegate: bool = False
    """Whether it ends because the delegate of the settings, which had loaded, does not run the model."""


class Heartbeat(LinkModel):
    """Sent every second, whether or not frames come. `state` is `ok` or `degraded`."""

    t: Literal["heartbeat"] = "heartbeat"
    state: Literal["ok", "degraded"]
    detail: str = ""
    frames: int
    """Frames processed since the start."""
    frames_per_second: float
    stated_frames_per_second: float | None = None
    """The rate that the camera itself states; None if it states none."""
    inferences_per_second: float
    inference_ms: float
    """Mean duration of one inference over the last second; 0 if there was none."""
    frame_age_ms: int | None
    """Age of the newest frame; None before the first."""
    persons: int
    """People in view."""
    masks: int = 0
    """Number of privacy masks that cover every picture."""
    never_moving: tuple[Box, ...] = ()
    """Where something looks like a person and never moves; it does not count as one."""
    rss_bytes: int


class ClosedIn(LinkModel):
    """Several people have closed in on one."""

    people: int
    since_boottime_ns: int
    """When the first of them had come near."""


class InView(LinkModel):
    """Who is in view has changed; before the first, nobody is."""

    t: Literal["in-view"] = "in-view"
    persons: int
    tracks: tuple[Level, ...]
    """The people in view; the first 100 of them."""
    closed_in: ClosedIn | None = None


class Happened(LinkModel):
    """An event before the camera: `t` is its name."""

    t: EventName
    data: SerializeAsAny[CameraEventData]

    @field_validator("data", mode="before")
    @classmethod
    def _as_its_row_says(cls, data: Any, info: ValidationInfo) -> CameraEventData:
        return EVENTS[info.data["t"]].data.model_validate(data)


class CameraTamper(LinkModel):
    """The camera is tampered with, or is well again. `event_id` is the same, in both messages."""

    t: Literal["camera-tamper"] = "camera-tamper"
    event_id: Level
    kind: TamperKind
    active: bool
    boottime_ns: int
    """Capture time of the first picture that showed it, or of the first that no longer did."""
    detail: str = ""
    """For a person."""
    snapshot: Level | None = None
    """Identifier of the picture of its beginning, if there is one."""


class HardlyAbleToSee(LinkModel):
    """The camera is hardly able to see, or sees again. `event_id` is the same, in both messages."""

    t: Literal["hardly-able-to-see"] = "hardly-able-to-see"
    event_id: Level
    reason: SightTrouble
    active: bool
    boottime_ns: int
    """Capture time of the first picture that showed it, or of the first that no longer did."""
    detail: str
    """For a person."""


class Aim(LinkModel):
    """How well a camera is set up, as far as one picture tells."""

    focus: float
    """The variance of the Laplacian: of the same view, more is sharper."""
    light: float
    """The mean grey, 0 to 255."""


class SnapshotTaken(LinkModel):
    """The answer to TakeSnapshot."""

    t: Literal["snapshot-taken"] = "snapshot-taken"
    id: Level
    path: str
    captured_boottime_ns: int
    persons: int
    aim: Aim | None = None
    """Of a view only."""


class SnapshotFailed(LinkModel):
    """The answer to TakeSnapshot when there is no fresh frame or no place to write it."""

    t: Literal["snapshot-failed"] = "snapshot-failed"
    id: str
    detail: str


ToVision = Start | TakeSnapshot | Stop
ToCore = (
    Hello | Failed | Heartbeat | InView | Happened | CameraTamper | HardlyAbleToSee | SnapshotTaken | SnapshotFailed
)

_TO_VISION: TypeAdapter[ToVision] = TypeAdapter(Annotated[ToVision, Field(discriminator="t")], config=QUIET)
_TO_CORE: TypeAdapter[ToCore] = TypeAdapter(Annotated[ToCore, Field(discriminator="t")], config=QUIET)


def decode_for_vision(line: bytes) -> ToVision:
    """Parse a message from the core. Raises LinkError."""
    return decode(_TO_VISION, line, "vision link")


def decode_for_core(line: bytes) -> ToCore:
    """Parse a message from a camera process. Raises LinkError."""
    return decode(_TO_CORE, line, "vision link")
