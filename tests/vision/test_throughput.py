import numpy as np
import pytest

from agent.ports import Detection
from agent.vision.throughput import Throughput, measure
from tests.support.vision_stand_ins import ScriptedDetector


def test_frames_are_divided_by_the_time_that_they_took() -> None:
    ticks = iter([0, 4_000_000_000])
    detector = ScriptedDetector([Detection(0, 0, 1, 1, 0.9)])
    result = measure([np.zeros((2, 2, 3), np.uint8)] * 10, detector, lambda: next(ticks))

    assert result == Throughput(10, 4.0, 10)
    assert result.frames_per_second == pytest.approx(2.5)


def test_no_frames_have_no_rate() -> None:
    assert measure([], ScriptedDetector([]), lambda: 0).frames_per_second == 0
