"""Keeps one camera open and its newest frame at hand, through losses and hangs."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from agent.core.errors import CameraEndedError, CameraError, CameraSilentError
from agent.ports import Camera
from agent.vision.frame_slot import FrameSlot

_log = logging.getLogger(__name__)
OPENING = "opening the camera"
_MOST_STUCK = 2
"""At most this many threads are left stuck in a driver: each holds memory, and maybe the device."""
_MOST_REASONS = 3
"""At most this many different reasons are logged until pictures return: a missing camera may turn out forbidden."""


@dataclass(frozen=True, slots=True)
class CaptureLimits:
    """How long to wait, in seconds."""

    silence_s: float = 10.0
    """An open camera that gives no frame for this long is reopened once, then given up."""
    grace_s: float = 3.0
    """How much longer a call into a vendor library may take before its thread is abandoned."""
    first_retry_s: float = 1.0
    last_retry_s: float = 30.0
    stop_s: float = 1.0
    open_s: float | None = None
    """An open that takes longer is stuck; None: as with frames."""


class CaptureGivenUpError(CameraError):
    """The camera hangs and reopening it did not help; only a new process frees what its driver holds."""


class CaptureLoop:
    """One thread that opens one camera and reads it into the slot until it is stopped or ends.

    The owner reads `detail`, `waiting_since_ns` and `given_up` from its own thread.
    """

    def __init__(
        self,
        name: str,
        camera: Camera,
        slot: FrameSlot,
        boottime_ns: Callable[[], int],
        limits: CaptureLimits,
        *,
        last_chance: bool = False,
    ) -> None:
        self._name = name
        self._camera = camera
        self._slot = slot
        self._boottime_ns = boottime_ns
        self._limits = limits
        self._stop = threading.Event()
        self.is_open = False
        self._silent_before = last_chance
        self._retry_s = limits.first_retry_s
        self._reported: set[str] = set()
        self.thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self.last_chance = last_chance
        """The previous thread got stuck, so a loss or a silence before the first frame is final."""
        self.detail = OPENING
        """Why no frames come, in plain words; empty while they do."""
        self.waiting_since_ns: int | None = None
        """When the current call into the camera began; None between calls."""
        self.given_up: str | None = None
        """Why this thread gave up for good; None if it has not."""

    @property
    def stated_frames_per_second(self) -> float | None:
        """The rate that the camera states; None when it states none. Any thread."""
        return self._camera.frames_per_second

    def abandon(self) -> None:
        """Ask the thread to end, without waiting: it may be stuck in the driver."""
        self._stop.set()
        self._camera.close()

    def run_once(self) -> None:
        """Open the camera or read one frame; after a loss, wait until the next try. The capture thread."""
        self.waiting_since_ns = self._boottime_ns()
        try:
            if self.is_open:
                self._read()
            else:
                self._camera.open()
                self.is_open = True
        except CameraEndedError as error:
            self._failed(f"ended: {error}")
            self._stop.set()
        except CameraSilentError as error:
            self._silent(str(error))
        except CameraError as error:
            self._lost(str(error))
        finally:
            self.waiting_since_ns = None

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self.run_once()
        except Exception as error:  # noqa: BLE001 - it must end the process, and not only this thread
            _log.exception("capture of camera %s failed", self._name)
            self.given_up = f"capture failed: {type(error).__name__}: {error}"
        finally:
            self._camera.close()

    def _read(self) -> None:
        frame = self._camera.read(self._limits.silence_s)
        if self._stop.is_set():  # an abandoned thread that came back must not add frames
            return
        self._slot.put(frame)
        if self.detail:
            _log.info("camera %s delivers pictures", self._name)
            self.detail = ""
            self._reported.clear()
        self.last_chance = self._silent_before = False
        self._retry_s = self._limits.first_retry_s

    def _silent(self, reason: str) -> None:
        self._failed(reason)
        if self._silent_before:
            self._give_up(reason)
        self._silent_before = True

    def _lost(self, reason: str) -> None:
        self._failed(reason)
        if self.last_chance:
            self._give_up(reason)
            return
        self._silent_before = False  # a camera that can't be opened is missing; its driver does not hang
        self.waiting_since_ns = None
        self._stop.wait(self._retry_s)
        self._retry_s = min(self._retry_s * 2, self._limits.last_retry_s)

    def _failed(self, reason: str) -> None:
        if self._stop.is_set():  # failures during the stop are not worth reporting
            return
        news = reason not in self._reported and len(self._reported) < _MOST_REASONS
        _log.log(logging.ERROR if news else logging.DEBUG, "camera %s: %s", self._name, reason)
        if news:
            self._reported.add(reason)
        self.detail = reason
        self.is_open = False
        self._camera.close()

    def _give_up(self, reason: str) -> None:
        self.given_up = f"{reason}, and opening it again did not help"
        self._stop.set()


class Capture:
    """Owns the capture thread of one camera: starts it, notices when it is stuck, and replaces it."""

    def __init__(
        self,
        name: str,
        make_camera: Callable[[], Camera],
        slot: FrameSlot,
        boottime_ns: Callable[[], int],
        limits: CaptureLimits | None = None,
    ) -> None:
        self._name = name
        self._make_camera = make_camera
        self._slot = slot
        self._boottime_ns = boottime_ns
        self._limits = limits or CaptureLimits()
        self._loop = self._new_loop(last_chance=False)
        self._abandoned: list[threading.Thread] = []

    @property
    def detail(self) -> str:
        """Why no frames come, in plain words; empty while they do."""
        return self._loop.detail

    @property
    def stated_frames_per_second(self) -> float | None:
        """The rate that the camera states of itself; None when it states none. Any thread."""
        return self._loop.stated_frames_per_second

    def start(self) -> None:
        """Begin to capture."""
        self._loop.thread.start()

    def check(self) -> None:
        """Replace a stuck capture thread. The main thread, several times a second.

        Raises CaptureGivenUpError when the thread has given up, when a replacement is stuck as well, or when too many
        threads are stuck by now.
        """
        loop = self._loop
        if loop.given_up is not None:
            raise CaptureGivenUpError(f"camera {self._name}: {loop.given_up}")
        since_ns = loop.waiting_since_ns
        if since_ns is None:
            return
        waited_s = (self._boottime_ns() - since_ns) / 1e9
        open_s = self._limits.silence_s if self._limits.open_s is None else self._limits.open_s
        if waited_s <= (self._limits.silence_s if loop.is_open else open_s) + self._limits.grace_s:
            return
        reason = f"its driver has not answered for {waited_s:.0f} s"
        if loop.last_chance:
            raise CaptureGivenUpError(f"camera {self._name}: {reason}, and opening it again did not help")
        self._abandoned = [thread for thread in self._abandoned if thread.is_alive()]
        if len(self._abandoned) >= _MOST_STUCK:
            raise CaptureGivenUpError(f"camera {self._name}: {reason}, as before: it hangs again and again")
        self._abandoned.append(loop.thread)
        _log.error("camera %s: %s; opening it again", self._name, reason)
        loop.abandon()
        self._loop = self._new_loop(last_chance=True)
        self._loop.detail = reason
        self._loop.thread.start()

    def stop(self) -> None:
        """End the thread and wait for it briefly; a stuck one is left behind."""
        self._loop.abandon()
        if self._loop.thread.is_alive():
            self._loop.thread.join(self._limits.stop_s)

    def _new_loop(self, *, last_chance: bool) -> CaptureLoop:
        return CaptureLoop(
            self._name,
            self._make_camera(),
            self._slot,
            self._boottime_ns,
            self._limits,
            last_chance=last_chance,
        )
