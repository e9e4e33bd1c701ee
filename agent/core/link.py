"""The messages between the core and a camera process: one JSON object a line, over one socket.

Pictures never travel here; they go by file, and a message names the file.
"""

from datetime import time
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from agent.core.errors import EdgeAgentError
from agent.core.happenings import ClosedBy, Direction, Phase
from agent.core.polygon import Point
from agent.core.tamper import TamperKind
from agent.core.tracks import Box

T = TypeVar("T")
Level = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
"""An identifier that becomes a topic level."""


class LinkError(EdgeAgentError):
    """A line on the link is no message of this version."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HoursSpec(_Message):
    """Hours of the week: see `core.schedule.Hours`."""

    days: tuple[int, ...]
    start: time
    end: time


class ZoneSpec(_Message):
    """A zone: see `core.zones.ZoneRules`."""

    name: str
    polygon: tuple[Point, ...]
    loitering_after_s: float | None = None
    crowd_from: int | None = None
    crowd_after_s: float = 5.0
    open: tuple[HoursSpec, ...] = ()
    watched: tuple[HoursSpec, ...] = ()


class LineSpec(_Message):
    """A directed line: see `core.lines.LineRules`."""

    name: str
    start: Point
    end: Point


class VisionSpec(_Message):
    """All that a camera process needs to know; the first line on the link, since it may hold a password."""

    camera: str
    source: str
    """`picamera2:0`, `v4l2:/dev/video0`, `rtsp://...` or `file:PATH`."""
    simulate: bool = False
    width: int | None = None
    height: int | None = None
    frames_per_second: float = 10.0
    """The highest rate at which frames are looked at."""
    model: str
    model_directories: tuple[str, ...]
    threads: int = 2
    delegate: str = "xnnpack"
    """`xnnpack`, `none`, or the library of what runs the model instead of the processor."""
    delegate_options: dict[str, str] = {}
    score_threshold: float = 0.5
    inferences_per_second: float = 20.0
    """The model is asked at most so often, in any second."""
    enter_after_s: float = 0.5
    leave_after_s: float = 3.0
    min_travel: float = 0.3
    cool_down_s: float = 10.0
    update_every_s: float = 60.0
    time_zone: str = "Africa/Johannesburg"
    zones: tuple[ZoneSpec, ...] = ()
    lines: tuple[LineSpec, ...] = ()
    snapshot_directory: str
    snapshot_max_bytes: int = 100 * 1024
    event_snapshots: bool = False
    mask_file: Path | None = None
    masks: tuple[tuple[Point, ...], ...] = ()
    """Polygons, beside those of the file."""
    tamper: tuple[TamperKind, ...] = tuple(TamperKind)
    """The kinds that are told."""
    new_scene: bool = True
    """False: what the camera ought to show is what the process before this one has learned."""


# --- core to camera process


class Start(_Message):
    """Begin to watch."""

    t: Literal["start"] = "start"
    spec: VisionSpec


class TakeSnapshot(_Message):
    """Write the newest frame as `<id>.jpg`, answered by SnapshotTaken or SnapshotFailed."""

    t: Literal["take-snapshot"] = "take-snapshot"
    id: Level


class Stop(_Message):
    """End in an orderly way."""

    t: Literal["stop"] = "stop"


# --- camera process to core


class Hello(_Message):
    """The model is loaded and the loop runs; frames may still be missing."""

    t: Literal["hello"] = "hello"
    pid: int
    model: str
    model_sha256: str
    runtime: str
    """`ai-edge-litert 2.3.0` or `tflite-runtime 2.14.0`."""
    delegate_trouble: str | None = None
    """Why the delegate of the settings is not used; empty if it is, None if the settings name no library."""


class Failed(_Message):
    """The process is about to end, and `detail` says to a person why, and what to do."""

    t: Literal["failed"] = "failed"
    detail: str


class Heartbeat(_Message):
    """Sent every second, whether or not frames come. `state` is `ok` or `degraded`."""

    t: Literal["heartbeat"] = "heartbeat"
    state: Literal["ok", "degraded"]
    detail: str = ""
    frames: int
    """Frames looked at since the start."""
    frames_per_second: float
    stated_frames_per_second: float | None = None
    """The rate that the camera states of itself; None when it states none."""
    inferences_per_second: float
    inference_ms: float
    """Mean of one inference over the last second; 0 when there was none."""
    frame_age_ms: int | None
    """Age of the newest frame; None before the first."""
    persons: int
    """People in view."""
    masks: int = 0
    """Privacy masks that cover every picture."""
    rss_bytes: int


class InView(_Message):
    """Who is in view has changed; before the first, nobody is."""

    t: Literal["in-view"] = "in-view"
    persons: int
    tracks: tuple[Level, ...]
    """Who they are, the first 100 of them."""


class _Happened(_Message):
    event_id: Level
    """The same for the beginning, the updates and the end of one happening."""
    boottime_ns: int
    """Capture time of the frame that made it true; of an end, of the last frame in which it was."""
    persons: int
    """In the zone at that moment; of a line, in view."""
    snapshot: str | None = None
    """Path of the JPEG, where the settings allow one; of a beginning only."""


class _InZone(_Happened):
    zone: Level | None = None
    """None for the whole picture."""
    duration_ms: int


class _OfPerson(_Happened):
    track: Level
    score: float
    box: Box


class PersonEntered(_InZone, _OfPerson):
    """Somebody is in a zone."""

    t: Literal["person-entered"] = "person-entered"


class PersonLeft(_InZone):
    """They are not any more. `event_id` is that of the PersonEntered it ends."""

    t: Literal["person-left"] = "person-left"
    track: Level


class Loitering(_InZone, _OfPerson):
    """Somebody has been in a zone for long."""

    t: Literal["loitering"] = "loitering"
    phase: Phase


class LineCrossed(_OfPerson):
    """Somebody has crossed a line."""

    t: Literal["line-crossed"] = "line-crossed"
    line: Level
    direction: Direction


class Crowd(_InZone):
    """Many people are in a zone."""

    t: Literal["crowd"] = "crowd"
    phase: Phase


class AfterHours(_InZone):
    """Somebody is in a zone while it is closed."""

    t: Literal["after-hours"] = "after-hours"
    phase: Phase
    closed_by: ClosedBy | None = None
    """None at an end, when it has opened."""


class CameraTamper(_Message):
    """The camera is tampered with, or is well again. `event_id` is that of the happening, in both messages."""

    t: Literal["camera-tamper"] = "camera-tamper"
    event_id: Level
    kind: TamperKind
    active: bool
    boottime_ns: int
    """Capture time of the first picture that showed it, or that showed it no more."""
    detail: str = ""
    """For a person."""


class SnapshotTaken(_Message):
    """The answer to TakeSnapshot."""

    t: Literal["snapshot-taken"] = "snapshot-taken"
    id: Level
    path: str
    captured_boottime_ns: int
    persons: int


class SnapshotFailed(_Message):
    """The answer to TakeSnapshot when there is no fresh frame or no place to write it."""

    t: Literal["snapshot-failed"] = "snapshot-failed"
    id: str
    detail: str


ToVision = Start | TakeSnapshot | Stop
Happened = PersonEntered | PersonLeft | Loitering | LineCrossed | Crowd | AfterHours
ToCore = Hello | Failed | Heartbeat | InView | Happened | CameraTamper | SnapshotTaken | SnapshotFailed

_TO_VISION: TypeAdapter[ToVision] = TypeAdapter(Annotated[ToVision, Field(discriminator="t")])
_TO_CORE: TypeAdapter[ToCore] = TypeAdapter(Annotated[ToCore, Field(discriminator="t")])


def encode(message: ToVision | ToCore) -> bytes:
    """One line, with its newline."""
    return message.model_dump_json().encode() + b"\n"


def decode_for_vision(line: bytes) -> ToVision:
    """A message from the core. Raises LinkError."""
    return _decode(_TO_VISION, line)


def decode_for_core(line: bytes) -> ToCore:
    """A message from a camera process. Raises LinkError."""
    return _decode(_TO_CORE, line)


def _decode(adapter: TypeAdapter[T], line: bytes) -> T:
    try:
        return adapter.validate_json(line)
    except ValidationError as error:
        raise LinkError(f"bad line on the vision link: {error.error_count()} errors in {line[:80]!r}") from error
