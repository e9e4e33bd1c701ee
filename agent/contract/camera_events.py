"""Every event in which a camera reports people, one row each, from which all that carries or tells it is derived."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from agent.contract.messages import Payload
from agent.contract.vocabulary import Box, ClosedBy, Direction, Level, Phase

EventName = Literal["person-entered", "person-left", "loitering", "line-crossed", "crowd", "after-hours"]


class CameraEventData(Payload):
    """What every event of a camera says."""

    event_id: Level
    """The same for the beginning, the updates and the end of one event."""
    camera: str
    frame_monoms: int
    """Capture time, as `monoms`, of the frame that made the event true; at an end, of the last frame that showed it."""
    persons: int
    """People in the zone now; for a line, people in view."""
    snapshot: Level | None = None
    """Identifier of the picture under `up/snapshot/{id}`; only at a beginning, and only if the settings allow one."""


class _InZone(CameraEventData):
    zone: Level | None = None
    """None means the whole picture."""
    duration_ms: int
    """Time from the first frame that showed it to `frame_monoms`."""


class _OfPerson(CameraEventData):
    track: Level
    """Identifies the person for as long as this camera can follow them; this device never gives it to anybody else."""
    score: float
    box: Box
    """Left, top, width and height as fractions of the picture, taken from the clearest view of the person."""


class PersonEnteredData(_InZone, _OfPerson):
    """`up/event/person-entered`: somebody is in a zone."""


class PersonLeftData(_InZone):
    """`up/event/person-left`, which ends the person-entered with the same `event_id`."""

    track: Level


class LoiteringData(_InZone, _OfPerson):
    """`up/event/loitering`: somebody has been in a zone for long."""

    phase: Phase


class LineCrossedData(_OfPerson):
    """`up/event/line-crossed`: somebody has crossed a line."""

    line: Level
    direction: Direction


class CrowdData(_InZone):
    """`up/event/crowd`: many people are in a zone."""

    phase: Phase


class AfterHoursData(_InZone):
    """`up/event/after-hours`: somebody is in a zone while it is closed."""

    phase: Phase
    closed_by: ClosedBy | None = None
    """None at an end that came because the zone has opened."""


class CameraEvent(NamedTuple):
    """One event of a camera."""

    data: type[CameraEventData]
    sentence: str
    """For people: a format string of the fields of `data`, and of `lasted`. Camera and zone are put before it."""
    version: int = 1
    ended_by: EventName | None = None
    """Which event reports its end, if that is another one."""


EVENTS: Mapping[EventName, CameraEvent] = {
    "person-entered": CameraEvent(
        PersonEnteredData, "{track} is here, {persons} in all, score {score:.2f}", version=2, ended_by="person-left"
    ),
    "person-left": CameraEvent(PersonLeftData, "{track} has left after {lasted}, {persons} in all", version=2),
    "loitering": CameraEvent(LoiteringData, "{track} loitering {phase}, {lasted}"),
    "line-crossed": CameraEvent(LineCrossedData, "{track} has crossed {line}, {direction}"),
    "crowd": CameraEvent(CrowdData, "crowd {phase}, {persons} people, {lasted}"),
    "after-hours": CameraEvent(AfterHoursData, "presence after hours {phase}, {persons} people, {lasted}"),
}
