"""`data` of the events in which a camera reports people."""

from typing import ClassVar

from agent.contract.messages import Payload
from agent.contract.vocabulary import Box, ClosedBy, Direction, Phase


class _Event(Payload):
    event: ClassVar[str]
    """Last level of the topic; together with `version` it makes the type."""
    version: ClassVar[int] = 1

    event_id: str
    """The same for the beginning, the updates and the end of one event."""
    camera: str
    frame_monoms: int
    """Capture time, as `monoms`, of the frame that made the event true; at an end, of the last frame that showed it."""
    persons: int
    """People in the zone now; for a line, people in view."""
    snapshot: str | None = None
    """Identifier of the picture under `up/snapshot/{id}`; only at a beginning, and only if the settings allow one."""


class _InZone(_Event):
    zone: str | None = None
    """None means the whole picture."""
    duration_ms: int
    """Time from the first frame that showed it to `frame_monoms`."""


class _OfPerson(_Event):
    track: str
    """Identifies the person for as long as this camera can follow them; this device never gives it to anybody else."""
    score: float
    box: Box
    """Left, top, width and height as fractions of the picture, taken from the clearest view of the person."""


class PersonEnteredData(_InZone, _OfPerson):
    """`up/event/person-entered`: somebody is in a zone."""

    event = "person-entered"
    version = 2


class PersonLeftData(_InZone):
    """`up/event/person-left`, which ends the person-entered with the same `event_id`."""

    event = "person-left"
    version = 2
    track: str


class LoiteringData(_InZone, _OfPerson):
    """`up/event/loitering`: somebody has been in a zone for long."""

    event = "loitering"
    phase: Phase


class LineCrossedData(_OfPerson):
    """`up/event/line-crossed`: somebody has crossed a line."""

    event = "line-crossed"
    line: str
    direction: Direction


class CrowdData(_InZone):
    """`up/event/crowd`: many people are in a zone."""

    event = "crowd"
    phase: Phase


class AfterHoursData(_InZone):
    """`up/event/after-hours`: somebody is in a zone while it is closed."""

    event = "after-hours"
    phase: Phase
    closed_by: ClosedBy | None = None
    """None at an end that came because the zone has opened."""


CameraEventData = PersonEnteredData | PersonLeftData | LoiteringData | LineCrossedData | CrowdData | AfterHoursData
