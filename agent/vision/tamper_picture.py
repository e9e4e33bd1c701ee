"""A small grey picture of what a camera saw shortly before a tamper, and sees now: for whoever must judge it."""

import logging
from collections import deque

import numpy as np

from agent.core.errors import EdgeAgentError
from agent.ports import Frame
from agent.vision.scene import Grey, Scaled
from agent.vision.snapshot import Snapshots

_log = logging.getLogger(__name__)
WIDTH = 160
_EVERY_NS = 1_000_000_000
_KEPT = 8
"""So many pictures, a second apart, are in memory; a tamper is reported when it has lasted 4 s."""
_RIFT = 4
"""Width of the white line between the two."""


class TamperPictures:
    """Keeps small copies of masked frames in memory for seconds, and writes two when a tamper begins. One thread."""

    def __init__(self, snapshots: Snapshots, scaled: Scaled) -> None:
        self._snapshots = snapshots
        self._scaled = scaled
        self._before: deque[tuple[int, Grey]] = deque(maxlen=_KEPT)

    def see(self, frame: Frame) -> None:
        """Keep a copy of the frame, one a second; of none without its `grey`."""
        if frame.grey is None or (self._before and 0 <= frame.boottime_ns - self._before[-1][0] < _EVERY_NS):
            return
        self._before.append((frame.boottime_ns, self._small(frame.grey)))

    def write(self, event_id: str, began_ns: int, frame: Frame) -> bool:
        """Write one picture: on the left before `began_ns`, if known, then `frame`. Return whether it is there."""
        if frame.grey is None:
            return False
        now = self._small(frame.grey)
        before = [grey for at_ns, grey in self._before if at_ns < began_ns and grey.shape == now.shape][-1:]
        rift = np.full((now.shape[0], _RIFT), 255, np.uint8)
        try:
            self._snapshots.write(event_id, np.hstack([*before, rift, now]) if before else now)
        except EdgeAgentError as error:  # the event matters more than its picture
            _log.error("no picture of tamper %s: %s", event_id, error)
            return False
        return True

    def _small(self, grey: Grey) -> Grey:
        return self._scaled(grey, WIDTH, max(round(WIDTH * grey.shape[0] / grey.shape[1]), 1))
