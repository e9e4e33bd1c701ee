"""What a replay of many frames has given, in the form that rows want."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.contract.camera_events import PersonEnteredData
from agent.core.camera.link import Happened
from deploy.lab.replay import FrameResult, Replay
from deploy.lab.tally import Tally, detections_line, name_of

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Entered:
    """Somebody was announced."""

    frame: int
    track: int


@dataclass(slots=True)
class Watched:
    """Grows frame by frame."""

    tally: Tally = field(default_factory=Tally)
    lines: list[dict[str, Any]] = field(default_factory=list)
    """As `python -m deploy.lab bench vision --detections` writes them."""
    inferences: list[int] = field(default_factory=list)
    """By frame, as are the times."""
    inference_ms: list[float] = field(default_factory=list)
    other_ms: list[float] = field(default_factory=list)
    """Of the processor."""
    persons: list[int] = field(default_factory=list)
    """How many people an alarm would name, by frame."""
    entered: list[Entered] = field(default_factory=list)
    alerts: list[tuple[int, str]] = field(default_factory=list)
    """Frame and name of every event."""

    def add(self, look: FrameResult) -> None:
        """One more frame."""
        self.tally.add(look)
        self.lines.append(detections_line(look))
        self.inferences.append(len(look.seen.regions))
        self.persons.append(look.in_view)
        self.inference_ms.append(look.inference_processor_s * 1000)
        self.other_ms.append(look.other_processor_s * 1000)
        self.alerts += [(look.frame.number, name_of(event)) for event in look.events]
        self.entered += [
            Entered(look.frame.number, int(data.track.rpartition("-")[2]))
            for data in (event.data for event in look.events if isinstance(event, Happened))
            if isinstance(data, PersonEnteredData) and data.zone is None
        ]

    def moved(self, frames: int) -> "Watched":
        """The same, of a video of which so many frames were skipped."""
        return replace(
            self,
            lines=[{**line, "frame": line["frame"] + frames} for line in self.lines],
            entered=[Entered(event.frame + frames, event.track) for event in self.entered],
            alerts=[(frame + frames, name) for frame, name in self.alerts],
        )


def watch(replay: Replay, pictures: Iterable[Pixels], tell: Callable[[int], object]) -> Watched:
    """Look at all of these; `tell` is called with each one's number, from 1."""
    watched = Watched()
    for number, pixels in enumerate(pictures, start=1):
        watched.add(replay.process(pixels))
        tell(number)
    return watched
