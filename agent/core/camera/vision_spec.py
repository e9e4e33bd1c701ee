"""Everything that a camera process needs to know, as the core sends it."""

from datetime import time
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from agent.contract.vocabulary import TamperKind
from agent.core.polygon import Point


class LinkModel(BaseModel):
    """What travels on the link between the core and a camera process: it holds no name that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class HoursSpec(LinkModel):
    """Hours of the week: see `agent.core.analytics.schedule.Hours`."""

    days: tuple[int, ...]
    start: time
    end: time


class ZoneSpec(LinkModel):
    """A zone: see `agent.core.analytics.zones.ZoneRules`."""

    name: str
    polygon: tuple[Point, ...]
    loitering_after_s: float | None = None
    crowd_from: int | None = None
    crowd_after_s: float = 5.0
    open: tuple[HoursSpec, ...] = ()
    watched: tuple[HoursSpec, ...] = ()


class LineSpec(LinkModel):
    """A directed line: see `agent.core.analytics.lines.LineRules`."""

    name: str
    start: Point
    end: Point


class VisionSpec(LinkModel):
    """All that a camera process needs to know; the first line on the link, since it may hold a password."""

    camera: str
    source: str
    """`picamera2:0`, `v4l2:/dev/video0`, `rtsp://...` or `file:PATH`."""
    simulate: bool = False
    width: int | None = None
    height: int | None = None
    frames_per_second: float = 10.0
    """The highest rate at which frames are processed."""
    model: str
    model_directories: tuple[str, ...]
    state_models: str | None = None
    """Where the agent itself can write. A model there is reported, but never runs."""
    threads: int = 2
    delegate: str = "xnnpack"
    """`xnnpack`, `none`, or the library of an accelerator that runs the model instead of the processor."""
    delegate_options: dict[str, str] = {}
    score_threshold: float = 0.5
    inferences_per_second: float = 20.0
    """The model runs at most this often in any second."""
    smallest_person: float = 0.07
    """As a share of the picture's height."""
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
    """Polygons, in addition to those of the file."""
    tamper: tuple[TamperKind, ...] = tuple(TamperKind)
    """The kinds that are reported."""
    new_scene: bool = True
    """False: the camera must show what the process before this one has learned."""
