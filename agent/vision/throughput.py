"""Measures how many pictures a second a detector takes when nothing else holds it up."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.ports import Detector


@dataclass(frozen=True, slots=True)
class Throughput:
    """The outcome of one run."""

    frames: int
    seconds: float
    persons: int
    """Boxes found in all frames together; if a run finds none, its figures mean little."""

    @property
    def frames_per_second(self) -> float:
        """Frames divided by seconds; 0 for an empty run."""
        return self.frames / self.seconds if self.seconds > 0 else 0.0


def measure(
    frames: Iterable[npt.NDArray[np.uint8]],
    detector: Detector,
    clock_ns: Callable[[], int] = time.perf_counter_ns,
) -> Throughput:
    """Run the detector once on every frame, one after the other. Time to fetch the frames counts too."""
    count = persons = 0
    began_ns = clock_ns()
    for pixels in frames:
        persons += len(detector.detect([pixels])[0])
        count += 1
    return Throughput(count, (clock_ns() - began_ns) / 1e9, persons)
