"""The settings of one camera. They are declared here, in the core, because the camera process gets them as they are."""

from datetime import time
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar, get_args

from pydantic import AfterValidator, Field, model_validator

from agent.contract.vocabulary import TamperKind
from agent.core.camera.camera_kinds import KINDS
from agent.core.camera.masks import Outline
from agent.core.polygon import Point, Polygon
from agent.core.section import Section, TopicLevel

DEFAULT_MODEL = "movenet-person-int8"
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)
"""In the order of the week."""


def _is_an_area(points: tuple[Point, ...]) -> tuple[Point, ...]:
    Polygon(points)
    return points


def _in_picture(point: Point) -> Point:
    if not all(0 <= part <= 1 for part in point):  # also false for NaN
        raise ValueError(f"({point[0]:g}, {point[1]:g}) lies outside of the picture: use fractions, 0 to 1")
    return point


def _local(moment: time) -> time:
    if moment.tzinfo is not None:
        raise ValueError("give the local time of day without an offset; [device] time_zone says where")
    return moment


LocalTime = Annotated[time, AfterValidator(_local)]
PointInPicture = Annotated[Point, AfterValidator(_in_picture)]


class HoursSettings(Section):
    """On each of these days from one time of day to another; when `to` is not later, it is that of the next day."""

    days: tuple[Day, ...] = Field(default=DAYS, min_length=1)
    start: LocalTime = Field(alias="from")
    end: LocalTime = Field(alias="to")


class ZoneSettings(Section):
    """A part of the picture that has a name. A person is in it while their feet are."""

    name: TopicLevel
    polygon: Annotated[tuple[Point, ...], Field(max_length=32), AfterValidator(_is_an_area)]
    """Its corners in order, each [x, y] as fractions of the picture, from the upper left corner of the picture."""
    loitering_after_s: float | None = Field(default=None, gt=0, le=86400)
    """A person who has been in the zone for this long loiters."""
    crowd_from: int | None = Field(default=None, ge=2, le=200)
    """This many people are a crowd."""
    crowd_after_s: float = Field(default=5.0, ge=0, le=3600)
    """How long they must have been there."""
    person_down_after_s: float | None = Field(default=None, ge=1, le=3600)
    """Somebody who was upright and has lain where they stood for this long is reported as down."""
    running_from: float | None = Field(default=None, ge=1, le=10)
    """From this pace on, in their own body heights a second, somebody runs: 1.8 on most cameras."""
    running_after_s: float = Field(default=1.0, ge=0, le=60)
    """How long they must have run."""
    open: tuple[HoursSettings, ...] = Field(default=(), max_length=14)
    """Nobody should be here outside these hours. If empty, there is no such rule."""
    watched: tuple[HoursSettings, ...] = Field(default=(), max_length=14)
    """The zone reports nothing outside these hours. If empty, it is always watched."""


class LineSettings(Section):
    """A line on the ground that has a direction: from its first point to its second."""

    name: TopicLevel
    start: PointInPicture = Field(alias="from")
    end: PointInPicture = Field(alias="to")

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if self.start == self.end:
            raise ValueError("from and to are the same point: a line needs two")
        return self


Items = TypeVar("Items", tuple[ZoneSettings, ...], tuple[LineSettings, ...])


def _named_apart(items: Items) -> Items:
    names = [item.name for item in items]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two are named {twice[0]!r}; give each its own name")
    return items


Zones = Annotated[tuple[ZoneSettings, ...], Field(max_length=16), AfterValidator(_named_apart)]
Lines = Annotated[tuple[LineSettings, ...], Field(max_length=16), AfterValidator(_named_apart)]


class CameraSettings(Section):
    """One camera and how it is watched."""

    name: TopicLevel
    source: str = Field(pattern=f"^({'|'.join(kind.pattern for kind in KINDS)})$")
    model: str = DEFAULT_MODEL
    width: int | None = Field(default=None, ge=64, le=7680)
    height: int | None = Field(default=None, ge=64, le=4320)
    frames_per_second: float = Field(default=10.0, ge=0.2, le=120)
    threads: int = Field(default=2, ge=1, le=16)
    """Processor threads for the model."""
    delegate: str = Field(default="xnnpack", pattern=r"^(xnnpack|none|hailo|imx500|\S+\.so(\.\d+)*)$")
    """What runs the model: `xnnpack`, which is part of the runtime; `none`, its plain code; `hailo` or `imx500`, for a
    model that is compiled for that accelerator; or the shared library of another one. An `imx500` is the camera's own
    sensor. Without the accelerator the processor does the work, if need be with the built model, and the part
    `delegate-NAME` is degraded."""
    delegate_options: dict[str, str] = Field(default_factory=dict)
    """Options for the library, as its documentation describes them; `hailo` has `nms_score_threshold`."""
    score_threshold: float = Field(default=0.5, gt=0, lt=1)
    inferences_per_second: float = Field(default=20.0, ge=0.2, le=1000)
    """The model runs at most this often in any second; a frame is searched in several places."""
    smallest_person: float = Field(default=0.07, ge=0, lt=1)
    """As a share of the picture's height: people who appear smaller are too far away to report. EN 62676-4 assumes 0.1
    to detect somebody, and 0.05 to see that somebody moves."""
    enter_after_s: float = Field(default=0.5, ge=0, le=60)
    """Seconds of evidence before somebody is reported in a zone; they must also have travelled, or shown life."""
    leave_after_s: float = Field(default=3.0, gt=0, le=3600)
    min_travel: float = Field(default=0.3, ge=0, le=10)
    """Minimum travel, in body heights, before a person is reported, unless they have shown a sign of life."""
    cool_down_s: float = Field(default=10.0, ge=0, le=3600)
    """The shortest time between two events of the same person and zone, or the same person and line."""
    update_every_s: float = Field(default=60.0, ge=10, le=86400)
    """How often an event that lasts is reported again."""
    converging_from: int = Field(default=3, ge=0, le=200)
    """So many people who close in on one before a press are told with the alarm, and never without; 0: not then either.
    """
    zones: Zones = ()
    lines: Lines = ()
    event_snapshots: bool = False
    """Whether routine events carry a picture; the site must ask for it (POPIA)."""
    mask_file: Path | None = None
    """A separate file of privacy masks. While it can't be read, the camera stays off; nothing else is affected."""
    masks: tuple[Outline, ...] = Field(default=(), max_length=10)
    """Polygons that nobody may see into, in fractions of the picture; in addition to those of the file."""
    tamper: tuple[TamperKind, ...] = tuple(TamperKind)
    """The kinds of tamper that are reported: all of them, unless you name some here. A camera that pans can't be
    watched for `turned`."""
    evidence: bool = True
    """Whether the camera is recorded, where [evidence] has a recipient."""
    stream: str | None = Field(default=None, pattern=r"^rtsps?://\S+$")
    """The stream that is recorded as it comes, if it is another than the source: most network cameras have a small one
    to be looked at and a large one to be kept. It shows no masks: with masks it counts only if `masked_by_camera`."""
    masked_by_camera: bool = False
    """Whether the site attests that the camera itself covers, in what is recorded, all that the masks cover."""
