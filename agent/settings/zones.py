"""Where and when a camera watches: zones, lines, weekly hours and the time zone."""

from datetime import time
from typing import Annotated, Literal, Self, TypeVar, get_args

from pydantic import AfterValidator, Field, model_validator

from agent.core.polygon import Point, Polygon
from agent.core.spelling import nearest
from agent.settings.section import Section, TopicLevel

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)
"""In the order of the week."""


def _time_zone(name: str) -> str:
    from zoneinfo import ZoneInfo, available_timezones  # noqa: PLC0415 - most settings leave it at its default

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        by_place = {known.rpartition("/")[2].lower(): known for known in available_timezones()}
        close = nearest(name.rpartition("/")[2].lower(), by_place)
        hint = f"did you mean {by_place[close]}?" if close else "it is a name such as Africa/Johannesburg"
        raise ValueError(f"there is no such time zone; {hint}") from error
    return name


TimeZone = Annotated[str, AfterValidator(_time_zone)]


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
