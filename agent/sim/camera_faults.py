"""Gives any camera, on demand, the faults that real cameras have.

The core imports this module for the names of the faults, so it imports no numpy.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from agent.core.errors import CameraError, CameraSilentError
from agent.ports import Camera, Frame

_POLL_S = 0.05


class CameraFault(StrEnum):
    """What is wrong with the camera."""

    NONE = "none"
    HANG = "hang"
    """`read` never returns, whatever its limit: a wedged driver."""
    SILENT = "silent"
    """The camera is open but gives no pictures."""
    LOST = "lost"
    """The camera is gone: `read` and `open` fail at once."""
    BLACK = "black"
    """A lens cap: no light at all."""
    COVERED = "covered"
    SPRAYED = "sprayed"
    DEFOCUSED = "defocused"
    BLINDED = "blinded"
    TURNED = "turned"
    DARK = "dark"
    FROZEN = "frozen"
    """The camera gives the same picture again and again, each time as a new one."""


class CameraFaultFile:
    """A fault that another process sets: the first word of a file. No file or an unknown word means no fault."""

    def __init__(self, directory: Path, camera: str) -> None:
        self._path = directory / f"{camera}.fault"

    def set(self, fault: CameraFault) -> None:
        """Set the fault. In the other process."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(fault.value, encoding="utf-8")

    def __call__(self) -> CameraFault:
        """Return the current fault."""
        try:
            return CameraFault(self._path.read_text(encoding="utf-8").split()[0])
        except (OSError, ValueError, IndexError):
            return CameraFault.NONE


def camera_faults(
    files: Sequence[CameraFaultFile], pids: Callable[[], Iterable[int | None]]
) -> dict[str, Callable[[], None]]:
    """Return each fault of the cameras, as `camera-FAULT`, and what ends their processes, as `vision-crash`."""
    faults: dict[str, Callable[[], None]] = {
        f"camera-{fault.value}": partial(_set_each, files, fault) for fault in CameraFault
    }
    return {"vision-crash": lambda: _kill(pids()), **faults}


def _set_each(files: Sequence[CameraFaultFile], fault: CameraFault) -> None:
    for file in files:
        file.set(fault)


def _kill(pids: Iterable[int | None]) -> None:
    """Kill every camera process as the kernel's out-of-memory killer would."""
    for pid in pids:
        if pid is not None:
            os.kill(pid, signal.SIGKILL)


class FaultyCamera:
    """Wraps another camera behind the Camera port, with the fault that `fault` returns at each call.

    `spoils` maps the names of some faults to what they do to a picture.
    """

    def __init__(
        self, camera: Camera, fault: Callable[[], CameraFault], spoils: Mapping[str, Callable[[Any], Any]]
    ) -> None:
        self._camera = camera
        self._fault = fault
        self._spoils = spoils
        self._frozen: Frame | None = None
        self._closed = threading.Event()
        self._never = threading.Event()

    @property
    def frames_per_second(self) -> float | None:
        """What the wrapped camera states. Any thread."""
        return self._camera.frames_per_second

    def open(self) -> None:
        """Open the wrapped camera. Raises CameraError."""
        if self._fault() is CameraFault.LOST:
            raise CameraError("the camera is not there: end its simulated fault")
        self._closed.clear()
        self._camera.open()

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame, unless the fault prevents it. Raises CameraError, CameraSilentError."""
        while self._fault() is CameraFault.HANG:
            self._never.wait(_POLL_S)
        fault = self._fault()
        if fault is CameraFault.LOST:
            raise CameraError("the camera was unplugged: end its simulated fault")
        if fault is CameraFault.SILENT:
            self._closed.wait(timeout_s)
            raise CameraSilentError(f"the camera gave no picture for {timeout_s:g} s: end its simulated fault")
        frame = self._camera.read(timeout_s)
        if fault is CameraFault.FROZEN:
            self._frozen = self._frozen or _read_only(frame)
            return replace(self._frozen, boottime_ns=frame.boottime_ns, number=frame.number)
        self._frozen = None
        if fault is CameraFault.BLACK:
            return replace(frame, pixels=frame.pixels * 0, grey=None if frame.grey is None else frame.grey * 0)
        if (spoil := self._spoils.get(fault)) is not None:
            return replace(frame, pixels=spoil(frame.pixels), grey=None)  # spoiling the grey one would not match
        return frame

    def close(self) -> None:
        """Close the wrapped camera."""
        self._closed.set()
        self._camera.close()


def _read_only(frame: Frame) -> Frame:
    """Make the frame read-only: it is given again, so nobody may draw on it."""
    pixels, grey = frame.pixels.view(), None if frame.grey is None else frame.grey.view()
    for picture in (pixels, grey):
        if picture is not None:
            picture.flags.writeable = False
    return replace(frame, pixels=pixels, grey=grey)
