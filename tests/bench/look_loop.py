"""The camera process's look loop with frames at hand, as a process, and the bare loop on the same frames.

Run as `python -m tests.bench.look_loop VIDEO THREADS`; a request is `{"loop": "agent" | "bare", "seconds": S}`.
"""

import itertools
import sys
import threading
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from agent.adapters.opencv_imaging import blobs, limit_threads, small_grey
from agent.adapters.system_clock import SystemClock
from agent.core.rules import Rules
from agent.core.zones import Limits
from agent.models.store import ModelStore
from agent.ports import Frame
from agent.settings.tree import DEFAULT_MODEL
from agent.vision.app import load_model
from agent.vision.frame_slot import FrameSlot
from agent.vision.lookout import Lookout
from agent.vision.reports import Reports
from agent.vision.sight import FLOOR, Sight
from tests.bench.bare_look import BareLook
from tests.bench.child import serve
from tests.support.vision_media import model_directories

_FRAMES = 60
_NEVER_WAITS = 100_000.0


class _ReadySlot(FrameSlot):
    """A slot that has always got the next frame."""

    def __init__(self, pictures: list[Any]) -> None:
        super().__init__()
        self._pictures = itertools.cycle(pictures)
        self._number = itertools.count(1)

    def wait_newer(self, than: Frame | None, timeout_s: float) -> Frame | None:
        frame = Frame(next(self._pictures), time.clock_gettime_ns(time.CLOCK_BOOTTIME), next(self._number))
        self.put(frame)
        return frame


def main() -> None:
    """Answer until the input ends."""
    video, threads = sys.argv[1], int(sys.argv[2])
    limit_threads(1)
    pictures = _read(video)
    directories = model_directories()
    _, path = ModelStore([Path(directory) for directory in directories]).load(DEFAULT_MODEL)
    bare = BareLook(str(path), threads)
    bare_pictures = itertools.cycle(pictures)
    reports = Reports(SystemClock())
    lookout = Lookout(
        _ReadySlot(pictures),
        Sight(
            load_model(DEFAULT_MODEL, directories, threads, FLOOR).detector,
            small_grey,
            blobs,
            score_threshold=0.5,
            inferences_per_second=_NEVER_WAITS,
        ),
        Rules(Limits()),
        reports,
        SystemClock(),
        lambda message: None,
        _NEVER_WAITS,
        threading.Event(),
    )

    def run(request: dict[str, Any]) -> dict[str, Any]:
        step = lookout.run_once if request["loop"] == "agent" else lambda: bare.look(next(bare_pictures))
        frames, began = 0, time.perf_counter()
        while time.perf_counter() - began < request["seconds"]:
            step()
            frames += 1
        return {"frames": frames, "seconds": time.perf_counter() - began, "persons": reports.in_view.persons}

    serve(run)


def _read(video: str) -> list[Any]:
    capture = cv2.VideoCapture(video, cv2.CAP_FFMPEG)
    pictures = [np.asarray(pixels, np.uint8) for good, pixels in (capture.read() for _ in range(_FRAMES)) if good]
    capture.release()
    return pictures


if __name__ == "__main__":
    main()
