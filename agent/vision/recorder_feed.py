"""Gives the camera's pictures to its recorder: a few a second, or the H.264 that its hardware makes."""

import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from agent.core.camera.units import Kind, StreamHeader, head
from agent.core.socket_address import socket_address
from agent.ports import Frame
from agent.vision.frame_slot import FrameSlot

_SEND_LIMIT_S = 2.0
_RETRY_S = 1.0
_WAIT_S = 0.5
_FRESH_S = 3.0
"""Hardware that has encoded nothing for this long has stopped, and pictures are sent instead."""
_MOST_UNIT_BYTES = 4 * 1024 * 1024
"""Of H.264 that waits for the recorder."""
_log = logging.getLogger(__name__)
Pixels = npt.NDArray[np.uint8]
_Unit = tuple[bytes, int, bool, tuple[int, int]]


class RecorderFeed:
    """Sends the newest frame of the slot, where every frame is masked already, or else what `put_unit` gets.

    One thread calls `run_once`. A recorder that is not there is tried again every second. One that does not read misses
    pictures, and nobody waits for it.
    """

    def __init__(
        self,
        path: str,
        camera: str,
        masked: bool,
        slot: FrameSlot,
        i420: Callable[[Pixels], Pixels],
        period_s: float,
    ) -> None:
        """`path` is the recorder's socket, `masked` whether the slot has masks to draw."""
        self._path = path
        self._camera = camera
        self._masked = masked
        self._slot = slot
        self._i420 = i420
        self._period_s = period_s
        self._connection: socket.socket | None = None
        self._form: tuple[str, int, int] | None = None
        """What the last header said: codec and size."""
        self._sent: Frame | None = None
        self._is_late = False
        """Whether handing over the last picture took longer than a picture may."""
        self._due_s = 0.0
        self._complained = False
        self._connected_s = 0.0
        self._changed = threading.Condition()
        self._units: deque[_Unit] = deque()
        self._needs_key = True
        self._encoded_s = -_FRESH_S
        """When hardware has encoded last (monotonic)."""

    def put_unit(self, unit: bytes, boottime_ns: int, key: bool, size: tuple[int, int]) -> None:
        """Take an access unit (Annex B) that has no masks. Any thread; never waits for the recorder."""
        with self._changed:
            self._encoded_s = time.monotonic()
            if sum(len(each[0]) for each in self._units) + len(unit) > _MOST_UNIT_BYTES:
                self._units.clear()
                self._needs_key = True
            if key or not self._needs_key:
                self._needs_key = False
                self._units.append((unit, boottime_ns, key, size))
                self._changed.notify()

    def run_once(self) -> bool:
        """Wait until the next picture is due, and send it. Return False if none was sent within about a second."""
        now_s = time.monotonic()
        if self._connection is None and not self._connect(now_s):
            return False
        try:
            is_given = self._send_units() if now_s - self._encoded_s < _FRESH_S else self._send_newest(now_s)
        except OSError as error:
            self._complain("the recorder of camera %s takes no pictures: %s", error)
            self.close()
            self._due_s = time.monotonic() + _RETRY_S
            return False
        if now_s - self._connected_s > _FRESH_S:
            self._complained = False
        return is_given

    def close(self) -> None:
        """Let the recorder go."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connect(self, now_s: float) -> bool:
        if now_s < self._due_s:
            time.sleep(min(self._due_s - now_s, _WAIT_S))
            return False
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(_SEND_LIMIT_S)
        try:
            with socket_address(Path(self._path)) as address:
                connection.connect(address)
        except OSError as error:
            connection.close()
            self._due_s = now_s + _RETRY_S
            self._complain("camera %s has no recorder: %s", os.strerror(error.errno or 0))
            return False
        self._connection, self._form, self._connected_s, self._is_late = connection, None, now_s, False
        with self._changed:
            self._units.clear()
            self._needs_key = True
        return True

    def _complain(self, text: str, error: object) -> None:
        """Once, until a connection has lasted."""
        if not self._complained:
            _log.warning(text, self._camera, error)
            self._complained = True

    def _send_units(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._units, _WAIT_S)
            units = list(self._units)
            self._units.clear()
        for unit, boottime_ns, _, size in units:
            self._send("h264", size, Kind.UNIT, boottime_ns, unit)
        return bool(units)

    def _send_newest(self, now_s: float) -> bool:
        if now_s < self._due_s:
            time.sleep(min(self._due_s - now_s, _WAIT_S))
            return False
        frame = self._slot.wait_newer(self._sent, _WAIT_S)
        if frame is None:
            return False
        began_s = time.monotonic()
        self._due_s = max(self._due_s + self._period_s, began_s - self._period_s)
        self._sent = frame
        planes = self._i420(frame.pixels)
        size = (planes.shape[1], planes.shape[0] * 2 // 3)
        self._send("i420", size, Kind.PICTURE, frame.boottime_ns, planes.data.cast("B"))
        self._is_late = time.monotonic() - began_s > self._period_s
        return True

    def _send(
        self,
        codec: Literal["h264", "i420"],
        size: tuple[int, int],
        kind: Kind,
        boottime_ns: int,
        content: bytes | memoryview,
    ) -> None:
        assert self._connection is not None
        if self._form != (codec, *size):
            masked = self._masked and codec == "i420"
            header = StreamHeader(codec=codec, camera=self._camera, width=size[0], height=size[1], masked=masked)
            self._connection.sendall(header.record())
            self._form = (codec, *size)
        self._connection.sendall(head(kind, len(content), boottime_ns, late=self._is_late and codec == "i420"))
        self._connection.sendall(content)
