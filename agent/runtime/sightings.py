"""What a camera process reports, as a message to the centre."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.core.camera_events import (
    AfterHoursData,
    CameraEventData,
    CrowdData,
    LineCrossedData,
    LoiteringData,
    PersonEnteredData,
    PersonLeftData,
)
from agent.core.link import AfterHours, Crowd, Happened, LineCrossed, Loitering, PersonEntered, PersonLeft, ToCore
from agent.core.messages import Draft
from agent.core.wire import Drafts


@dataclass(frozen=True, slots=True)
class CameraSaid:
    """A camera process reports."""

    camera: str
    message: ToCore


_DATA: Mapping[type[ToCore], type[CameraEventData]] = {
    PersonEntered: PersonEnteredData,
    PersonLeft: PersonLeftData,
    Loitering: LoiteringData,
    LineCrossed: LineCrossedData,
    Crowd: CrowdData,
    AfterHours: AfterHoursData,
}


def sighting(said: CameraSaid, drafts: Drafts) -> Draft | None:
    """The event of a report; None for one that is nobody's news."""
    if not isinstance(said.message, Happened):
        return None
    happened = said.message
    data = {
        **happened.model_dump(exclude={"t", "boottime_ns"}),  # the fields of an event have the names of the report's
        "camera": said.camera,
        "frame_monoms": happened.boottime_ns // 1_000_000,
        "snapshot": happened.event_id if happened.snapshot else None,
    }
    return drafts.camera_event(_DATA[type(happened)](**data))
