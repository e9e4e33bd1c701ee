"""The Raspberry Pi camera, through picamera2 and libcamera."""

import contextlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from types import ModuleType
from typing import Any

from agent.adapters.imx500 import Imx500
from agent.adapters.opencv_imaging import bgr, bgr_of_nv12
from agent.adapters.picamera2_encoder import Picamera2Encoder
from agent.core.errors import CameraError, CameraSilentError
from agent.ports import Frame

DEFAULT_SIZE = (1280, 720)
_CLOSE_LIMIT_S = 3.0
_BUFFERS = 3
_BUFFERS_TO_ENCODE = 6
"""As picamera2 has it for video: the encoder holds some."""
_USUAL_RATE = 30.0
_LORES_WIDTH = 320
_LUMA_FIRST = {"YUV420", "YVU420", "NV12", "NV21"}
"""Formats whose first plane is the picture in grey levels."""

log = logging.getLogger(__name__)


class Picamera2Camera:
    """One CSI camera behind the Camera port; `index` is its number in `rpicam-hello --list-cameras`.

    `library` is the picamera2 module. libcamera can hang for good, in a capture and in a stop: a capture has its own
    limit, and a stop that does not return is left to a daemon thread. Besides the pictures of the set size, the image
    signal processor makes small ones (`lores`) at no cost to the CPU: a frame has both. A camera of another make may
    have one stream only: its frames have no `grey`, so the caller must make it from the picture. libcamera may also
    change what it is asked for: another size is accepted, and so is NV12; a camera with any other format is refused.
    """

    def __init__(
        self,
        library: ModuleType,
        index: int,
        boottime_ns: Callable[[], int],
        size: tuple[int, int] | None = None,
        frames_per_second: float | None = None,
        encoder: Picamera2Encoder | None = None,
        sensor: Imx500 | None = None,
    ) -> None:
        """`encoder` makes H.264 of the same pictures while the camera is open. `sensor` has a network, whose results
        go with the frames."""
        self._library = library
        self._encoder = encoder
        self._sensor = sensor
        self._index = index
        self._boottime_ns = boottime_ns
        self._size = size or DEFAULT_SIZE
        self._frames_per_second = frames_per_second
        self._lock = threading.Lock()
        self._camera: Any = None
        self._closings = 0
        self._lores_size: tuple[int, int] | None = None
        self._is_nv12 = False
        self._number = 0
        self._stated: float | None = None

    @property
    def frames_per_second(self) -> float | None:
        """The rate at which the sensor runs, as it says with each frame; None before the first. Any thread."""
        return self._stated

    def open(self) -> None:
        """Configure and start the sensor. Raises CameraError."""
        closings = self._closings
        try:
            camera = self._library.Picamera2(self._index)
        except (RuntimeError, IndexError, OSError) as error:
            # picamera2 hides libcamera's reason behind a text that says nothing.
            raise CameraError(
                f"camera {self._index} is not there or in use ({error.__cause__ or error}): "
                "check its ribbon cable and `rpicam-hello --list-cameras`"
            ) from error
        try:
            self._configure(camera)
            if self._sensor is None:
                camera.start()
            else:
                self._sensor.start(camera.start)
        except CameraError:
            _close_within(camera, _CLOSE_LIMIT_S)
            raise
        except (RuntimeError, ValueError, OSError, AttributeError) as error:
            _close_within(camera, _CLOSE_LIMIT_S)
            raise CameraError(f"camera {self._index} does not start ({error}): check its width and height") from error
        self._number = 0
        self._stated = None
        with self._lock:
            if closings == self._closings:
                self._camera = camera
                return
        _close_within(camera, _CLOSE_LIMIT_S)
        raise CameraError(f"camera {self._index} was closed while it was opened")

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame, stamped by the sensor. Raises CameraError, CameraSilentError."""
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
            grey = self._grey(request)
            metadata = request.get_metadata()
        except (RuntimeError, ValueError, OSError) as error:
            raise CameraError(f"camera {self._index} gave a picture that can't be used ({error})") from error
        finally:
            request.release()
        self._number += 1
        duration_us = metadata.get("FrameDuration", 0)
        self._stated = 1e6 / duration_us if duration_us > 0 else None
        captured_ns = metadata.get("SensorTimestamp")
        return Frame(
            bgr_of_nv12(pixels) if self._is_nv12 else bgr(pixels, f"camera {self._index}"),
            self._boottime_ns() if captured_ns is None else captured_ns,
            self._number,
            grey,
            None if self._sensor is None else self._sensor.result(metadata),
        )

    def close(self) -> None:
        """Stop the sensor and release it, within a few seconds even if libcamera does not answer."""
        with self._lock:
            self._closings += 1
            camera, self._camera = self._camera, None
        if camera is not None:
            _close_within(camera, _CLOSE_LIMIT_S)

    def _configure(self, camera: Any) -> None:
        try:
            camera.configure(self._configuration(camera, {"size": _lores_size(self._size), "format": "YUV420"}))
        except (RuntimeError, ValueError, IndexError, AttributeError):
            # AttributeError: libcamera returns None if it can't do two streams, and picamera2 goes on with that.
            camera.configure(self._configuration(camera, None))
        given = camera.camera_configuration()
        main, lores = given["main"], given.get("lores")
        if main["format"] not in {"RGB888", "NV12"}:
            raise CameraError(
                f"camera {self._index} gives pictures of the format {main['format']}, and not RGB888 or NV12: "
                "use it as v4l2:/dev/videoN, if `v4l2-ctl --list-devices` shows it there"
            )
        self._is_nv12 = main["format"] == "NV12"
        if tuple(main["size"]) != self._size:
            sizes = (*main["size"], *self._size)
            log.warning("camera %d gives pictures of %dx%d, and not of %dx%d as set", self._index, *sizes)
        self._lores_size = lores["size"] if lores and _is_grey_of(lores, main) else None
        if self._encoder is not None:
            self._encoder.start(self._library, camera, self._frames_per_second or _USUAL_RATE)

    def _configuration(self, camera: Any, lores: dict[str, Any] | None) -> Any:
        # picamera2's "RGB888" is blue first in memory, which is what OpenCV calls BGR.
        controls = {} if self._frames_per_second is None else {"FrameRate": self._frames_per_second}
        return camera.create_video_configuration(
            main={"size": self._size, "format": "RGB888"},
            lores=lores,
            controls=controls,
            buffer_count=_BUFFERS if self._encoder is None else _BUFFERS_TO_ENCODE,
        )

    def _grey(self, request: Any) -> Any:
        """Return the Y plane: the upper two thirds, without the padding at the end of each line."""
        if self._lores_size is None:
            return None
        width, height = self._lores_size
        return request.make_array("lores")[:height, :width].copy()


def _lores_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return a size with the same view, about 320 wide and no larger than `size`; libcamera wants even numbers."""
    width = min(_LORES_WIDTH, size[0])
    height = round(size[1] * width / size[0])
    return width - width % 2, max(height - height % 2, 2)


def _is_grey_of(lores: dict[str, Any], main: dict[str, Any]) -> bool:
    (small_width, small_height), (width, height) = lores["size"], main["size"]
    same_view = 0.9 < small_width * height / (small_height * width) < 1.1
    return same_view and lores["format"] in _LUMA_FIRST


def _close_within(camera: Any, limit_s: float) -> None:
    def close() -> None:
        with contextlib.suppress(RuntimeError, OSError, AttributeError):  # picamera2 before mid-2024 lacks it
            camera.cancel_all_and_flush()  # a capture that still waits would hold up the stop
        with contextlib.suppress(RuntimeError, OSError):
            camera.stop_encoder()
        with contextlib.suppress(RuntimeError, OSError):
            camera.stop()
        with contextlib.suppress(RuntimeError, OSError):
            camera.close()

    closing = threading.Thread(target=close, name="picamera2-close", daemon=True)
    closing.start()
    closing.join(limit_s)
