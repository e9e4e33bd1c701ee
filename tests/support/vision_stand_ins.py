"""Small stand-ins for what the camera process is wired to."""

import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np

from agent.contract.vocabulary import TimeQuality
from agent.core.camera.model_manifest import ModelManifest
from agent.core.errors import CameraError
from agent.ports import Frame
from agent.vision.capture import Capture, CaptureGivenUpError
from tests.support.wait import wait_for

SECOND = 1_000_000_000
SHA256 = "0" * 64


class ManualClock:
    """The port Clock, moved by hand."""

    boot_id = "boot"

    def __init__(self) -> None:
        self.now_ns = 1000 * SECOND
        self.quality_now = TimeQuality.SYNCED

    def boottime_ns(self) -> int:
        return self.now_ns

    def wall(self) -> datetime:
        return datetime(2026, 1, 2, tzinfo=UTC)

    def quality(self) -> TimeQuality:
        return self.quality_now


def boottime_ns() -> int:
    """The real one."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def frame(number: int, at_ns: int, size: tuple[int, int] = (100, 50)) -> Frame:
    """A grey frame of width x height."""
    return Frame(np.full((size[1], size[0], 3), 99, np.uint8), at_ns, number)


def manifest(**changes: Any) -> ModelManifest:
    """Of a 300 pixel uint8 model."""
    values: dict[str, Any] = {
        "name": "stand-in",
        "file": "stand-in.tflite",
        "sha256": SHA256,
        "size_bytes": 1,
        "input": {"width": 300, "height": 300, "dtype": "uint8"},
        "decoder": "ssd-raw",
        "labels": ("background", "person"),
        "source": {},
        "licence": "none",
        "made_at": "2026-01-02T00:00:00Z",
    }
    return ModelManifest.model_validate({**values, **changes})


class ScriptedCamera:
    """The port Camera: each open and each read does what the script says next, then waits to be closed.

    A step is `open`, `frame`, `hang`, or an exception to raise.
    """

    def __init__(self, steps: Iterable[object], unhang: threading.Event | None = None) -> None:
        self._steps = list(steps)
        self._closed = threading.Event()
        self._unhang = unhang or threading.Event()
        self.opens = 0
        self.closes = 0
        self._number = 0

    @property
    def frames_per_second(self) -> float | None:
        return 12.5

    def open(self) -> None:
        self.opens += 1
        self._closed.clear()
        self._do("open")

    def read(self, timeout_s: float) -> Frame:
        if not self._steps:
            self._closed.wait()
            raise CameraError("closed")
        self._do("frame")
        self._number += 1
        return frame(self._number, boottime_ns())

    def close(self) -> None:
        self.closes += 1
        self._closed.set()

    def _do(self, expected: str) -> None:
        step = self._steps.pop(0) if self._steps else expected
        if isinstance(step, Exception):
            raise step
        if step == "hang":
            self._unhang.wait()
            raise CameraError("came back late")
        assert step == expected, f"the test's script says {step} at a call of {expected}"


def made_in_turn(cameras: Iterable[ScriptedCamera]) -> Callable[[], ScriptedCamera]:
    """A factory that gives these cameras one after the other."""
    waiting = list(cameras)
    return lambda: waiting.pop(0)


def given_up(capture: Capture) -> str:
    """Check it, as the camera process does, until it is given up; the reason."""

    def reason() -> str:
        try:
            capture.check()
        except CaptureGivenUpError as error:
            return str(error)
        return ""

    return wait_for(reason, what="giving up")
