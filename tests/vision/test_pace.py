from collections.abc import Sequence

import numpy as np
import pytest

from agent.core.errors import ModelError
from agent.ports import Detection
from agent.vision.pace import Pace, TimedDetector
from tests.support.vision_stand_ins import SECOND, ManualClock

SOMEBODY = Detection(1, 2, 3, 4, 0.9)
PIXELS = np.zeros((4, 4, 3), np.uint8)


class SlowDetector:
    """Each inference takes as long as it is told; None: it fails."""

    def __init__(self, clock: ManualClock, *took_ms: int | None) -> None:
        self._clock = clock
        self._took_ms = list(took_ms)

    def detect(self, pictures: Sequence[np.ndarray]) -> list[list[Detection]]:
        return [self._detect() for _ in pictures]

    def _detect(self) -> list[Detection]:
        took_ms = self._took_ms.pop(0)
        if took_ms is None:
            raise ModelError("the model fails")
        self._clock.now_ns += took_ms * 1_000_000
        return [SOMEBODY]


def test_a_look_of_several_inferences_tells_the_mean_of_one_and_how_many_there_were() -> None:
    clock, pace = ManualClock(), Pace()
    detector = TimedDetector(SlowDetector(clock, 10, 20, 60), pace, clock.boottime_ns)
    pace.report(0)
    for _ in range(3):
        assert detector.detect([PIXELS])[0] == [SOMEBODY]
    pace.processed()
    report = pace.report(SECOND // 2)

    assert (report.frames_total, report.frames_per_second) == (1, 2)
    assert (report.inferences_per_second, report.inference_ms) == (6, 30)


def test_looks_without_an_inference_count_and_have_no_time() -> None:
    pace = Pace()
    pace.report(0)
    for _ in range(4):
        pace.processed()
    report = pace.report(2 * SECOND)

    assert (report.frames_per_second, report.inferences_per_second, report.inference_ms) == (2, 0, 0)


def test_an_inference_that_failed_is_none() -> None:
    clock, pace = ManualClock(), Pace()
    detector = TimedDetector(SlowDetector(clock, None, 8), pace, clock.boottime_ns)
    pace.report(0)
    with pytest.raises(ModelError):
        detector.detect([PIXELS])
    detector.detect([PIXELS])
    report = pace.report(SECOND)

    assert (report.inferences_per_second, report.inference_ms) == (1, 8)


def test_every_report_begins_anew() -> None:
    pace = Pace()
    pace.report(0)
    pace.processed()
    pace.inferred(1, 5)
    pace.report(SECOND)
    report = pace.report(2 * SECOND)

    assert report.frames_total == 1
    assert (report.frames_per_second, report.inferences_per_second, report.inference_ms) == (0, 0, 0)
