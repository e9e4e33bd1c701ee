"""The Raspberry Pi camera, through picamera2 and libcamera."""

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from types import ModuleType
from typing import Any

from agent.core.errors import CameraError, CameraSilentError
from agent.ports import Frame

DEFAULT_SIZE = (1280, 720)
_CLOSE_LIMIT_S = 3.0
_BUFFERS = 3


class Picamera2Camera:
    """One CSI camera behind the Camera port; `index` is its number in `rpicam-hello --list-cameras`.

    `library` is the picamera2 module. libcamera can hang for good, in a capture as in a stop: a capture has
    its own limit, and a stop that does not return is left to a daemon thread.
    """

    def __init__(
        self,
        library: ModuleType,
        index: int,
        boottime_ns: Callable[[], int],
        size: tuple[int, int] | None = None,
        frames_per_second: float | None = None,
    ) -> None:
        self._library = library
        self._index = index
        self._boottime_ns = boottime_ns
        self._size = size or DEFAULT_SIZE
        self._frames_per_second = frames_per_second
        self._lock = threading.Lock()
        self._camera: Any = None
        self._number = 0

    def open(self) -> None:
        """Configure and start the sensor. Raises CameraError."""
        try:
            camera = self._library.Picamera2(self._index)
        except (RuntimeError, IndexError, OSError) as error:
            raise CameraError(
                f"camera {self._index} is not there or in use ({error}): "
                "check its ribbon cable and `rpicam-hello --list-cameras`"
            ) from error
        try:
            camera.configure(self._configuration(camera))
            camera.start()
        except (RuntimeError, ValueError, OSError) as error:
            _close_within(camera, _CLOSE_LIMIT_S)
            raise CameraError(f"camera {self._index} does not start ({error}): check its width and height") from error
        with self._lock:
            self._camera = camera
        self._number = 0

    def read(self, timeout_s: float) -> Frame:
        """The next frame, stamped by the sensor. Raises CameraError, CameraSilentError."""
        camera = self._camera
        if camera is None:
            raise CameraError(f"camera {self._index} is not open")
        try:
            request = camera.capture_request(wait=timeout_s)
        except TimeoutError as error:
            raise CameraSilentError(f"camera {self._index} gave no picture for {timeout_s:g} s") from error
        except CancelledError as error:
            raise CameraError(f"camera {self._index} was closed") from error
        except (RuntimeError, OSError) as error:
            raise CameraError(f"camera {self._index} has stopped ({error}): check its ribbon cable") from error
        try:
            pixels = request.make_array("main")  # a copy: the buffer goes back to the sensor below
            captured_ns = request.get_metadata().get("SensorTimestamp")
        finally:
            request.release()
        self._number += 1
        return Frame(pixels, self._boottime_ns() if captured_ns is None else captured_ns, self._number)

    def close(self) -> None:
        """Stop the sensor and release it, within a few seconds even if libcamera does not answer."""
        with self._lock:
            camera, self._camera = self._camera, None
        if camera is not None:
            _close_within(camera, _CLOSE_LIMIT_S)

    def _configuration(self, camera: Any) -> Any:
        # picamera2's "RGB888" is blue first in memory, which is what OpenCV calls BGR.
        controls = {} if self._frames_per_second is None else {"FrameRate": self._frames_per_second}
        return camera.create_video_configuration(
            main={"size": self._size, "format": "RGB888"}, controls=controls, buffer_count=_BUFFERS
        )


def _close_within(camera: Any, limit_s: float) -> None:
    def close() -> None:
        with contextlib.suppress(RuntimeError, OSError, AttributeError):  # picamera2 before mid-2024 lacks it
            camera.cancel_all_and_flush()  # a capture that still waits would hold up the stop
        with contextlib.suppress(RuntimeError, OSError):
            camera.stop()
        with contextlib.suppress(RuntimeError, OSError):
            camera.close()

    closing = threading.Thread(target=close, name="picamera2-close", daemon=True)
    closing.start()
    closing.join(limit_s)
