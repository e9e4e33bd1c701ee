"""Every event in which a camera reports people, one row each, from which all that carries or tells it is derived."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from pydantic import ConfigDict

from agent.contract.messages import Payload
from agent.contract.vocabulary import Box, ClosedBy, Count, Direction, Judge, Level, Phase

EventName = Literal[
    "person-entered", "person-left", "loitering", "line-crossed", "crowd", "after-hours", "person-down", "running"
]


class CameraEventData(Payload):
    """What every event of a camera says."""

    model_config = ConfigDict(defer_build=True)

    event_id: Level
    """The same for the beginning, the updates and the end of one event; a person-left ends the person-entered."""
    camera: Level
    """Its name."""
    frame_monoms: Count
    """Capture time, as `monoms`, of the frame that made the event true; at an end, of the last frame that showed it."""
    persons: Count
    """People in the zone now; for a line, people in view."""
    snapshot: Level | None = None
    """Identifier of the picture under `up/snapshot/{id}`: the `event_id`. Only at a beginning, and only if the settings
    allow one."""


class _InZone(CameraEventData):
    zone: Level | None = None
    """Left out for the whole picture."""
    duration_ms: Count
    """Time from the first frame that showed it to `frame_monoms`."""


class _Ends(_InZone):
    unseen: bool | None = None
    """True at an end that nobody has seen, as the camera process has ended: it may go on. `persons` is 0, `phase`,
    where there is one, is `ended`, and `snapshot` and `closed_by` are left out. Every other field is as in the event's
    last message."""


class _OfPerson(CameraEventData):
    track: Level
    """Whom it is about: eight hexadecimal digits, new at each start of the camera process, and a number. The same
    person has the same in all messages until the camera loses them; found again they are another. It is never given
    twice."""
    score: float
    """Of their clearest view in the zone so far; of a line, of a person down and of one who runs, the view that showed
    it last: how sure the model is that it is a person, from 0 to 1."""
    box: Box
    """Of the same view: left, top, width and height as fractions of the picture."""


class PersonEnteredData(_InZone, _OfPerson):
    """`up/event/person-entered`: somebody is in a zone."""


class PersonLeftData(_Ends):
    """`up/event/person-left`, which ends the person-entered with the same `event_id`."""

    track: Level
    """As in the person-entered."""


class LoiteringData(_Ends, _OfPerson):
    """`up/event/loitering`: somebody has been in a zone for long."""

    phase: Phase
    """`ongoing` is an update."""


class LineCrossedData(_OfPerson):
    """`up/event/line-crossed`: somebody has crossed a line."""

    line: Level
    """Its name."""
    direction: Direction
    """For whoever walks along it from its first point to its second."""


class CrowdData(_Ends):
    """`up/event/crowd`: many people are in a zone."""

    phase: Phase
    """`ongoing` is an update."""


class AfterHoursData(_Ends):
    """`up/event/after-hours`: somebody is in a zone while it is closed."""

    phase: Phase
    """`ongoing` is an update."""
    closed_by: ClosedBy | None = None
    """`schedule`: the hours say that it is closed; `unknown-clock`: nobody knows, as the clock is not set. Left out at
    an end that came because it has opened or is no longer watched, and at one that is `unseen`."""


class _ForJudgement(_Ends, _OfPerson):
    phase: Phase
    """`ongoing` is an update."""
    judge: Judge = "a-person"
    """Who has to judge what it is: somebody who looks. The device has only measured boxes and joints; no decision about
    anybody may follow from that alone (POPIA, section 71)."""


class PersonDownData(_ForJudgement):
    """`up/event/person-down`: somebody who was upright lies where they stood, as far as their box tells."""


class RunningData(_ForJudgement):
    """`up/event/running`: somebody moves as fast as one who runs, as far as their box tells."""


class CameraEvent(NamedTuple):
    """One event of a camera."""

    data: type[CameraEventData]
    when: str
    """When it is told."""
    sentence: str
    """For people: a format string of the fields of `data`, and of `lasted`. Camera and zone are put before it."""
    version: int = 1
    ended_by: EventName | None = None
    """Which event reports its end, if that is another one."""


EVENTS: Mapping[EventName, CameraEvent] = {
    "person-entered": CameraEvent(
        PersonEnteredData,
        "somebody is in view, or in a zone",
        "{track} is here, {persons} in all, score {score:.2f}",
        version=2,
        ended_by="person-left",
    ),
    "person-left": CameraEvent(
        PersonLeftData, "they are not any more", "{track} has left after {lasted}, {persons} in all", version=2
    ),
    "loitering": CameraEvent(
        LoiteringData, "somebody has been in a zone for long", "{track} loitering {phase}, {lasted}"
    ),
    "line-crossed": CameraEvent(
        LineCrossedData, "somebody has crossed a line", "{track} has crossed {line}, {direction}"
    ),
    "crowd": CameraEvent(CrowdData, "many people are in a zone", "crowd {phase}, {persons} people, {lasted}"),
    "after-hours": CameraEvent(
        AfterHoursData,
        "somebody is in a zone while it is closed",
        "presence after hours {phase}, {persons} people, {lasted}",
    ),
    "person-down": CameraEvent(
        PersonDownData,
        "somebody who was upright lies on the ground, it seems: a person judges",
        "{track} down, it seems, {phase}, {lasted}: look and judge",
    ),
    "running": CameraEvent(
        RunningData,
        "somebody runs, it seems: a person judges",
        "{track} running, it seems, {phase}, {lasted}: look and judge",
    ),
}
