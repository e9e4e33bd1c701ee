"""The frame loop: takes the newest frame at the camera's pace through its steps."""

import threading
from collections.abc import Callable

from agent.ports import Clock, Frame
from agent.vision.frame_slot import FrameSlot
from agent.vision.pace import Pace

_WAIT_S = 0.5


class FrameLoop:
    """Processes the newest frame, at most `frames_per_second` times a second. One thread."""

    def __init__(
        self,
        slot: FrameSlot,
        process: Callable[[Frame], object],
        pace: Pace,
        clock: Clock,
        frames_per_second: float,
        stop: threading.Event,
    ) -> None:
        self._slot = slot
        self._process = process
        self._pace = pace
        self._clock = clock
        self._period_ns = round(1e9 / frames_per_second)
        self._stop = stop
        self._frame: Frame | None = None
        self._due_ns = 0

    def run_once(self) -> bool:
        """Wait until the next frame is due and there, then process it. Return False if none came within a second.

        Raises ModelError, CoreGoneError.
        """
        now_ns = self._clock.boottime_ns()
        if self._stop.wait(min(max(self._due_ns - now_ns, 0) / 1e9, _WAIT_S)):
            return False
        began_ns = self._clock.boottime_ns()
        if began_ns < self._due_ns:
            return False
        frame = self._slot.wait_newer(self._frame, _WAIT_S)
        if frame is None:
            return False
        # Keep the beat, so that no frame of a source with the same rate is missed; don't catch up on lost time.
        self._due_ns = max(self._due_ns + self._period_ns, self._clock.boottime_ns() - self._period_ns)
        self._frame = frame
        self._process(frame)
        self._pace.processed()
        return True
