"""Gives the camera's pictures to its recorder, a few a second."""

import logging
import os
import socket
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from agent.core.camera.units import Kind, StreamHeader, head
from agent.ports import Frame
from agent.vision.frame_slot import FrameSlot

_SEND_LIMIT_S = 2.0
_RETRY_S = 1.0
_log = logging.getLogger(__name__)
Pixels = npt.NDArray[np.uint8]


class RecorderFeed:
    """Sends the newest frame of the slot, where every frame is masked already. One thread calls `run_once`.

    A recorder that is not there is tried again every second. One that does not read misses pictures, and nobody waits
    for it.
    """

    def __init__(self, path: str, camera: str, masked: bool, slot: FrameSlot, i420: Callable[[Pixels], Pixels]) -> None:
        """`path` is the recorder's socket, `masked` whether the slot has masks to draw."""
        self._path = path
        self._camera = camera
        self._masked = masked
        self._slot = slot
        self._i420 = i420
        self._connection: socket.socket | None = None
        self._size = (0, 0)
        self._sent: Frame | None = None
        self._due_s = 0.0
        self._complained = False

    def run_once(self, period_s: float) -> bool:
        """Wait until the next frame is due, and send it. Return False if none was sent within about a second."""
        now_s = time.monotonic()
        if now_s < self._due_s:
            time.sleep(min(self._due_s - now_s, 0.5))
            return False
        if self._connection is None and not self._connect():
            self._due_s = now_s + _RETRY_S
            return False
        frame = self._slot.wait_newer(self._sent, 0.5)
        if frame is None:
            return False
        self._due_s = max(self._due_s + period_s, time.monotonic() - period_s)
        self._sent = frame
        try:
            self._send(frame)
        except OSError as error:
            _log.warning("the recorder of camera %s takes no pictures: %s", self._camera, error)
            self.close()
            return False
        return True

    def close(self) -> None:
        """Let the recorder go."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connect(self) -> bool:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(_SEND_LIMIT_S)
        try:
            connection.connect(self._path)
        except OSError as error:
            connection.close()
            if not self._complained:
                _log.warning("camera %s has no recorder: %s", self._camera, os.strerror(error.errno or 0))
                self._complained = True
            return False
        self._connection, self._size, self._complained = connection, (0, 0), False
        return True

    def _send(self, frame: Frame) -> None:
        assert self._connection is not None
        planes = self._i420(frame.pixels)
        height, width = planes.shape[0] * 2 // 3, planes.shape[1]
        if (width, height) != self._size:
            header = StreamHeader(codec="i420", camera=self._camera, width=width, height=height, masked=self._masked)
            self._connection.sendall(header.record())
            self._size = (width, height)
        self._connection.sendall(head(Kind.PICTURE, planes.nbytes, frame.boottime_ns))
        self._connection.sendall(planes.data.cast("B"))
