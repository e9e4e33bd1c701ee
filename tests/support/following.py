"""A tracker that is shown boxes, frame by frame."""

from agent.ports import Detection
from agent.vision.flow import Shift
from agent.vision.track import Track
from agent.vision.tracker import Tracker

W, H = 2000, 1000
SECOND = 1_000_000_000
START_NS = 1000 * SECOND
THRESHOLD = 0.5


def person(x: float, y: float, height: float = 100, score: float = 0.9, body: float = 1.0) -> Detection:
    """A box of somebody who stands at this point."""
    return Detection(x - 0.2 * height, y - height, 0.4 * height, height, score, body)


class Following:
    """A tracker, and the time of its frames."""

    def __init__(self, per_s: float = 10) -> None:
        self.per_s = per_s
        self.tracker = Tracker(THRESHOLD)
        self.step_ns = round(SECOND / per_s)
        self.now_ns = START_NS

    def show(self, *found: Detection, looked: bool = True, frames: int = 1) -> list[Track]:
        """Those who are followed after so many frames that show this."""
        for _ in range(frames):
            self.tracker.expect(self.now_ns)
            self.tracker.update(found, lambda _: looked, W, H)
            self.now_ns += self.step_ns
        return self.tracker.tracks

    def follow(self, across: float, down: float) -> None:
        """Show a frame that nobody looks at, in which everybody has moved by so many pixels."""
        self.tracker.expect(self.now_ns, lambda tracks: [Shift(across, down, 1.0)] * len(tracks))
        self.tracker.update([], lambda _: False, W, H)
        self.now_ns += self.step_ns

    def real(self) -> list[Track]:
        return [track for track in self.tracker.tracks if track.real]
