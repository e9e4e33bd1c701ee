"""The newest frame, and only that one: frames have no queue."""

import threading
from collections.abc import Callable

from agent.ports import Frame


class FrameSlot:
    """Holds the newest frame; a slow reader misses the ones between. Any thread.

    `cover` hides what nobody may see. It is applied here because every picture passes here, and nowhere else.
    """

    def __init__(self, cover: Callable[[Frame], Frame] | None = None) -> None:
        self._cover = cover
        self._changed = threading.Condition()
        self._frame: Frame | None = None

    def put(self, frame: Frame) -> None:
        """Cover the frame, replace the previous one, and wake all waiters. Raises what `cover` raises."""
        if self._cover is not None:
            frame = self._cover(frame)
        with self._changed:
            self._frame = frame
            self._changed.notify_all()

    def newest(self) -> Frame | None:
        """Return the newest frame, or None before the first."""
        with self._changed:
            return self._frame

    def wait_newer(self, than: Frame | None, timeout_s: float) -> Frame | None:
        """Wait for a frame other than `than` and return it; None when `timeout_s` passes first."""
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not than, timeout_s)
            return None if self._frame is than else self._frame
