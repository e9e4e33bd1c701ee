"""The results of a replay: sums, and the lines of its detections file."""

from collections import Counter, deque
from typing import Any

from agent.core.camera.link import CameraTamper, Happened, HardlyAbleToSee
from deploy.lab.replay import FrameResult

_SECOND_NS = 1_000_000_000


class Tally:
    """Adds up the results of frames, which come in order."""

    def __init__(self) -> None:
        self.frames = 0
        self.inferences = 0
        self.people: set[int] = set()
        """The tracks that were believed to be real."""
        self.most_people = 0
        self.most_inferences_in_a_second = 0
        self._wall_s = self._inference_s = self._inference_processor_s = self._other_processor_s = 0.0
        self._last_second: deque[tuple[int, int]] = deque()
        self._events: list[dict[str, Any]] = []

    def add(self, result: FrameResult) -> None:
        """Add one frame."""
        self.frames += 1
        inferences = len(result.seen.regions)
        self.inferences += inferences
        self._wall_s += result.wall_s
        self._inference_s += result.inference_s
        self._inference_processor_s += result.inference_processor_s
        self._other_processor_s += result.other_processor_s
        self.people.update(person.id for person in result.seen.people)
        self.most_people = max(self.most_people, len(result.seen.people))
        now_ns = result.frame.boottime_ns
        self._last_second.append((now_ns, inferences))
        while self._last_second[0][0] <= now_ns - _SECOND_NS:
            self._last_second.popleft()
        self.most_inferences_in_a_second = max(
            self.most_inferences_in_a_second, sum(count for _, count in self._last_second)
        )
        self._events += [{"frame": result.frame.number, "event": name_of(event)} for event in result.events]

    @property
    def inferences_per_frame(self) -> float:
        """The mean number of inferences per frame."""
        return self.inferences / max(self.frames, 1)

    def summary(self) -> dict[str, Any]:
        """Return everything as one JSON object; times are means, in ms."""
        frames, inferences = max(self.frames, 1), max(self.inferences, 1)
        processor_s = self._inference_processor_s + self._other_processor_s
        return {
            "frames": self.frames,
            "wall_ms_per_frame": self._wall_s / frames * 1000,
            "processor_ms_per_frame": processor_s / frames * 1000,
            "other_processor_ms_per_frame": self._other_processor_s / frames * 1000,
            "inferences": self.inferences,
            "inferences_per_frame": self.inferences_per_frame,
            "most_inferences_in_a_second": self.most_inferences_in_a_second,
            "wall_ms_per_inference": self._inference_s / inferences * 1000,
            "processor_ms_per_inference": self._inference_processor_s / inferences * 1000,
            "inference_share_of_processor": self._inference_processor_s / processor_s if processor_s else 0.0,
            "people": len(self.people),
            "most_people_at_a_time": self.most_people,
            "event_counts": dict(Counter(event["event"] for event in self._events)),
            "events": self._events,
        }


def name_of(event: Happened | CameraTamper | HardlyAbleToSee) -> str:
    """Return the kind of an event, and its phase if it has several: `person-entered`, `loitering began`."""
    if isinstance(event, CameraTamper):
        return f"{event.t} {event.kind} {'began' if event.active else 'ended'}"
    if isinstance(event, HardlyAbleToSee):
        return f"{event.t} {event.reason} {'began' if event.active else 'ended'}"
    phase = getattr(event.data, "phase", "")
    return f"{event.t} {phase}" if phase else event.t


def detections_line(result: FrameResult) -> dict[str, Any]:
    """Return one frame in the form that scoring programs read; boxes are left, top, width, height in pixels."""
    height, width = result.frame.pixels.shape[:2]
    return {
        "frame": result.frame.number,
        "inferences": len(result.seen.regions),
        "detections": [
            {
                "box": [round(part, 2) for part in (box.left, box.top, box.width, box.height)],
                "score": round(box.score, 4),
            }
            for box in result.seen.detections
        ],
        "tracks": [
            {
                "id": person.id,
                "box": [
                    round(part * size, 2) for part, size in zip(person.box, (width, height, width, height), strict=True)
                ],
            }
            for person in result.seen.people
            if person.seen
        ],
    }
