"""`data` of the events that a camera tells of people."""

from typing import ClassVar

from agent.contract.messages import Payload
from agent.contract.vocabulary import Box, ClosedBy, Direction, Phase


class _Event(Payload):
    event: ClassVar[str]
    """Last level of the topic; with `version` it makes the type."""
    version: ClassVar[int] = 1

    event_id: str
    """The same for the beginning, the updates and the end of one event."""
    camera: str
    frame_monoms: int
    """Capture time of the frame that made it true, as `monoms`; of an end, of the last frame in which it was."""
    persons: int
    """In the zone now; of a line, in view."""
    snapshot: str | None = None
    """Identifier of the picture under `up/snapshot/{id}`; only at a beginning, and where the settings allow one."""


class _InZone(_Event):
    zone: str | None = None
    """None for the whole picture."""
    duration_ms: int
    """From the first frame that showed it until `frame_monoms`."""


class _OfPerson(_Event):
    track: str
    """The person, for as long as this camera does not lose them; no other person of this device ever has the same."""
    score: float
    box: Box
    """Left, top, width, height as fractions of the picture: their clearest view."""


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
    """None at an end, when it has opened."""


CameraEventData = PersonEnteredData | PersonLeftData | LoiteringData | LineCrossedData | CrowdData | AfterHoursData
