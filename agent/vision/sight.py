"""One look at one frame: where people are, and which of them was there before."""

from dataclasses import dataclass

from agent.core.tracks import TrackedPerson
from agent.ports import Detection, Detector, Frame
from agent.vision.tracker import Tracker


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at one frame gave."""

    people: tuple[TrackedPerson, ...]
    """Those who are believed to be real, whether or not this frame shows them."""
    detections: tuple[Detection, ...]
    """All boxes of this frame, overlapping ones merged; pixels, best score first."""
    regions: tuple[tuple[int, int, int, int], ...]
    """Where the model looked: left, top, width, height in pixels. One inference each."""


class Sight:
    """Looks at the frames of one camera, in their order. One thread."""

    def __init__(self, detector: Detector, tracker: Tracker) -> None:
        self._detector = detector
        self._tracker = tracker

    def look(self, frame: Frame) -> Seen:
        """Raises ModelError."""
        height, width = frame.pixels.shape[:2]
        detections = self._detector.detect(frame.pixels)
        people = self._tracker.update(frame.boottime_ns, detections, width, height)
        return Seen(tuple(people), tuple(detections), ((0, 0, width, height),))
