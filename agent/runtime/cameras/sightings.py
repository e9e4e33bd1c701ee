"""Turns what a camera process reports into messages to the centre."""

from collections.abc import Mapping

from agent.contract.camera_events import (
    AfterHoursData,
    CameraEventData,
    CrowdData,
    LineCrossedData,
    LoiteringData,
    PersonEnteredData,
    PersonLeftData,
)
from agent.contract.envelope import MessageFactory
from agent.contract.messages import Draft
from agent.core.camera.link import (
    AfterHours,
    Crowd,
    Happened,
    LineCrossed,
    Loitering,
    PersonEntered,
    PersonLeft,
    ToCore,
)

_DATA: Mapping[type[ToCore], type[CameraEventData]] = {
    PersonEntered: PersonEnteredData,
    PersonLeft: PersonLeftData,
    Loitering: LoiteringData,
    LineCrossed: LineCrossedData,
    Crowd: CrowdData,
    AfterHours: AfterHoursData,
}


def sighting(camera: str, happened: ToCore, factory: MessageFactory) -> Draft | None:
    """Return the event for a report of the process of `camera`; None for a report that is not an event."""
    if not isinstance(happened, Happened):
        return None
    data = {
        **happened.model_dump(exclude={"t", "boottime_ns"}),  # an event's fields are named like the report's
        "camera": camera,
        "frame_monoms": happened.boottime_ns // 1_000_000,
        "snapshot": happened.event_id if happened.snapshot else None,
    }
    return factory.camera_event(_DATA[type(happened)](**data))
