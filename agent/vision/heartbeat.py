"""The heartbeat by which the core judges this process."""

import os
from collections.abc import Callable
from pathlib import Path

from agent.contract.vocabulary import Box
from agent.core.camera.link import Heartbeat
from agent.vision.capture import OPENING
from agent.vision.frame_slot import FrameSlot
from agent.vision.pace import Pace

PERIOD_S = 1.0
STALE_S = 3.0
STALE_PICTURES = 3
"""An open camera is degraded when its newest picture is older than `STALE_S` and than this many frame periods."""
OPENING_S = 5.0
"""For this long after the start, a camera that is still being opened is no fault."""
_STATM = Path("/proc/self/statm")


class HeartbeatSource:
    """Collects what the core wants to know. The heartbeat thread."""

    def __init__(
        self,
        slot: FrameSlot,
        pace: Pace,
        boottime_ns: Callable[[], int],
        camera_detail: Callable[[], str],
        persons: Callable[[], int],
        stated_frames_per_second: Callable[[], float | None] = lambda: None,
        masks: int = 0,
        frames_per_second: float = 10.0,
        never_moving: Callable[[], tuple[Box, ...]] = tuple,
    ) -> None:
        """`frames_per_second` is the rate asked of the camera."""
        self._slot = slot
        self._pace = pace
        self._boottime_ns = boottime_ns
        self._camera_detail = camera_detail
        self._persons = persons
        self._stated_frames_per_second = stated_frames_per_second
        self._masks = masks
        self._never_moving = never_moving
        self._stale_s = max(STALE_S, STALE_PICTURES / frames_per_second)
        self._first_ns: int | None = None

    def make(self) -> Heartbeat:
        """Return the current state, and the pace since the previous heartbeat."""
        now_ns = self._boottime_ns()
        if self._first_ns is None:
            self._first_ns = now_ns
        pace = self._pace.report(now_ns)
        newest = self._slot.newest()
        age_ns = None if newest is None else max(now_ns - newest.boottime_ns, 0)
        detail = self._camera_detail()
        if not detail and age_ns is not None and age_ns > self._stale_s * 1e9:
            detail = f"no new picture for {age_ns / 1e9:.0f} s"
        stated = self._stated_frames_per_second()
        starting = detail == OPENING and now_ns - self._first_ns < OPENING_S * 1e9
        return Heartbeat(
            state="degraded" if detail and not starting else "ok",
            detail=detail,
            frames=pace.frames_total,
            frames_per_second=round(pace.frames_per_second, 2),
            stated_frames_per_second=None if stated is None else round(stated, 2),
            inferences_per_second=round(pace.inferences_per_second, 2),
            inference_ms=round(pace.inference_ms, 2),
            frame_age_ms=None if age_ns is None else age_ns // 1_000_000,
            persons=self._persons(),
            masks=self._masks,
            never_moving=tuple(
                (round(x, 3), round(y, 3), round(w, 3), round(h, 3)) for x, y, w, h in self._never_moving()
            ),
            rss_bytes=resident_bytes(),
        )


def resident_bytes() -> int:
    """Return the memory that this process holds in RAM."""
    return int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
