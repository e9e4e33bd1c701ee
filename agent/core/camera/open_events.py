"""What a camera process has told of that goes on: once the process has ended, nobody else can tell that it is over."""

from collections.abc import Iterator

from agent.contract.camera_events import EVENTS, CameraEventData, EventName

MOST = 10_000
"""The oldest of more are forgotten: a camera process that runs wild must not take all memory."""


class OpenEvents:
    """The events of one camera that have begun and not ended. One thread."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[EventName, CameraEventData]] = {}

    def told(self, event: EventName, data: CameraEventData) -> None:
        """Note an event as the camera process has told it."""
        if getattr(data, "phase", None) in {"began", "ongoing"} or EVENTS[event].ended_by is not None:
            self._open[data.event_id] = event, data
            if len(self._open) > MOST:
                del self._open[next(iter(self._open))]
        else:
            self._open.pop(data.event_id, None)

    def end_all(self) -> Iterator[tuple[EventName, CameraEventData]]:
        """Yield the end of each, which nobody has seen and which tells what its last message did, and forget it."""
        while self._open:
            event, last = self._open.pop(next(iter(self._open)))
            name = EVENTS[event].ended_by or event
            over = last.model_dump(exclude={"snapshot", "closed_by"})
            over |= {"phase": "ended", "persons": 0, "unseen": True}
            kind = EVENTS[name].data
            yield name, kind.model_validate({field: over[field] for field in kind.model_fields if field in over})
