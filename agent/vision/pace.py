"""Measures how often frames are looked at and the model runs, and how long an inference takes."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.ports import Detection, Detector


@dataclass(frozen=True, slots=True)
class PaceReport:
    """The pace since the previous report. `inference_ms` is the mean of one inference, 0 when there was none."""

    frames_total: int
    frames_per_second: float
    inferences_per_second: float
    inference_ms: float


class Pace:
    """Counts frames looked at, and inferences: a frame takes none, one or several. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._total = 0
        self._frames = 0
        self._inferences = 0
        self._spent_ns = 0
        self._reported_ns: int | None = None

    def processed(self) -> None:
        """Count one frame."""
        with self._lock:
            self._total += 1
            self._frames += 1

    def inferred(self, times: int, spent_ns: int) -> None:
        """Count `times` inferences, which took `spent_ns` together."""
        with self._lock:
            self._inferences += times
            self._spent_ns += spent_ns

    def report(self, now_ns: int) -> PaceReport:
        """Return the pace since the last report; the first one has no span, and rates of 0."""
        with self._lock:
            span_s = 0.0 if self._reported_ns is None else (now_ns - self._reported_ns) / 1e9
            frames_per_s, inferences_per_s = (
                count / span_s if span_s > 0 else 0.0 for count in (self._frames, self._inferences)
            )
            mean_ms = self._spent_ns / self._inferences / 1e6 if self._inferences else 0.0
            self._frames = self._inferences = self._spent_ns = 0
            self._reported_ns = now_ns
            return PaceReport(self._total, frames_per_s, inferences_per_s, mean_ms)


class TimedDetector:
    """Wraps a detector, and counts and times its inferences for the pace."""

    def __init__(self, detector: Detector, pace: Pace, boottime_ns: Callable[[], int]) -> None:
        self._detector = detector
        self._pace = pace
        self._boottime_ns = boottime_ns

    def detect(self, pictures: Sequence[npt.NDArray[np.uint8]]) -> list[list[Detection]]:
        """Detect with the wrapped detector. Raises ModelError."""
        began_ns = self._boottime_ns()
        found = self._detector.detect(pictures)
        self._pace.inferred(len(pictures), self._boottime_ns() - began_ns)
        return found
