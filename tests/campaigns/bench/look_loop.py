"""The camera process's look loop with frames at hand, as a process, and the bare loop on the same frames.

The bare loop is told where to look: where one pass of the agent over these frames has looked.

Run as `python -m tests.campaigns.bench.look_loop VIDEO THREADS`; a request is
`{"loop": "agent" | "bare", "seconds": S}`, or `{"loop": "places"}`, which is answered with the regions, frame by frame.
A loop runs for whole passes over the frames until the seconds are over: there are more people in one part of the video
than in another, and in parts of a pass the two would not do equal work.
"""

import itertools
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from agent.adapters.opencv_imaging import blobs, follow_points, limit_threads, small_grey
from agent.adapters.system_clock import SystemClock
from agent.core.analytics.rules import Rules
from agent.core.analytics.zones import Limits
from agent.core.camera.settings import DEFAULT_MODEL, CameraSettings
from agent.models.store import ModelStore
from agent.ports import Detector, Frame
from agent.vision.frame_loop import FrameLoop
from agent.vision.frame_slot import FrameSlot
from agent.vision.frame_steps import FrameSteps
from agent.vision.loaded_model import load_model
from agent.vision.pace import Pace, TimedDetector
from agent.vision.regions import Region
from agent.vision.reports import Reports
from agent.vision.sight import FLOOR, Sight
from tests.campaigns.bench.bare_look import BareLook
from tests.campaigns.bench.child import serve
from tests.support.vision_media import model_directories

_FRAMES = 60
_PERIOD_NS = 100_000_000
"""Of the demo video."""
_NEVER_WAITS = 100_000.0


class _ReadySlot(FrameSlot):
    """A slot that has always got the next frame."""

    def __init__(self, pictures: list[Any]) -> None:
        super().__init__()
        self._pictures = itertools.cycle(pictures)
        self._number = itertools.count(1)

    def wait_newer(self, than: Frame | None, timeout_s: float) -> Frame | None:
        frame = _frame(next(self._pictures), next(self._number))
        self.put(frame)
        return frame


def main() -> None:
    """Answer until the input ends."""
    video, threads = sys.argv[1], int(sys.argv[2])
    limit_threads(1)
    pictures = _read(video)
    directories = model_directories()
    path = ModelStore([Path(directory) for directory in directories]).load(DEFAULT_MODEL).path
    bare = BareLook(str(path), threads)
    pace = Pace()
    detector = load_model(DEFAULT_MODEL, directories, threads, FLOOR).detector
    places = where_to_look(pictures, _sight(detector))
    bare_turns = itertools.cycle(places)
    reports = Reports(SystemClock(), "front")
    steps = FrameSteps(
        _sight(TimedDetector(detector, pace, time.perf_counter_ns)),
        Rules(Limits()),
        reports,
        SystemClock().wall,
        lambda message: None,
    )
    lookout = FrameLoop(_ReadySlot(pictures), steps.process, pace, SystemClock(), _NEVER_WAITS, threading.Event())

    def run(request: dict[str, Any]) -> Any:
        if request["loop"] == "places":
            return [region for _, regions in places for region in regions]
        agent = request["loop"] == "agent"
        frames = inferences = 0
        pace.report(0)
        began = time.perf_counter()
        while time.perf_counter() - began < request["seconds"] or frames % len(pictures):
            if agent:
                lookout.run_once()
            else:
                picture, regions = next(bare_turns)
                bare.look_at(picture, regions)
                inferences += len(regions)
            frames += 1
        seconds = time.perf_counter() - began
        if agent:
            inferences = round(pace.report(1_000_000_000).inferences_per_second)
        return {"frames": frames, "inferences": inferences, "seconds": seconds, "persons": reports.in_view.persons}

    serve(run)


def where_to_look(pictures: Sequence[Any], sight: Sight) -> list[tuple[Any, tuple[Region, ...]]]:
    """Each picture with the regions that the agent looks at, once it knows the place."""
    frames = [_frame(picture, number) for number, picture in enumerate([*pictures, *pictures], start=1)]
    return [(frame.pixels, sight.process(frame).regions) for frame in frames][len(pictures) :]


def _frame(picture: Any, number: int) -> Frame:
    """At the rate of the video, however fast it is looked at: so the same is looked at in each run."""
    return Frame(picture, number * _PERIOD_NS, number)


def _sight(detector: Detector) -> Sight:
    rate = CameraSettings.model_fields["inferences_per_second"].default
    return Sight(detector, small_grey, blobs, follow_points, score_threshold=0.5, inferences_per_second=rate)


def _read(video: str) -> list[Any]:
    capture = cv2.VideoCapture(video, cv2.CAP_FFMPEG)
    pictures = [np.asarray(pixels, np.uint8) for good, pixels in (capture.read() for _ in range(_FRAMES)) if good]
    capture.release()
    return pictures


if __name__ == "__main__":
    main()
