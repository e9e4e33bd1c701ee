"""A module with picamera2's face that insists on the order in which the real one must be called.

What it raises is what picamera2 0.3.38 raises on libcamera's virtual camera: the same tests run on both.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import numpy as np

SENSOR_DELAY_NS = 5_000_000
FRAME_DURATION_US = 33_333
PADDING = 255
_ALIGNMENT = 64


class StandInRequest:
    """A completed frame; its buffer belongs to the sensor until it is released, and is overwritten after."""

    def __init__(self, camera: "StandInPicamera2", number: int) -> None:
        self._camera = camera
        self._number = number
        self._released = False

    def make_array(self, name: str) -> Any:
        assert not self._released, "make_array after release"
        width, height = self._camera.configuration[name]["size"]
        if name == "lores":  # the three planes below each other, each line padded to the stride
            planes = np.full((height * 3 // 2, self._camera.configuration[name]["stride"]), PADDING, np.uint8)
            planes[:height, :width] = self._number % 256
            planes[height:, :width] = 128
            return planes
        if self._camera.configuration[name]["format"] == "NV12":
            return np.full((height * 3 // 2, width), 128, np.uint8)
        pixels = np.zeros((height, width, 3), np.uint8)
        pixels[..., 0] = 200  # blue is first in memory in the format RGB888
        pixels[..., 2] = self._number % 256
        return pixels

    def get_metadata(self) -> dict[str, Any]:
        assert not self._released, "get_metadata after release"
        return {**self._camera.metadata(), **type(self._camera).more()}

    def release(self) -> None:
        assert not self._released, "released twice"
        self._released = True
        self._camera.held -= 1


class StandInPicamera2:
    """One camera of the stand-in. Class attributes are the faults; `make_library` gives a fresh class."""

    opened: "list[StandInPicamera2]"
    in_use: set[int]
    cameras = 1
    hang_capture = False
    stuck: threading.Event | None = None
    """Captures and stops wait for it, whatever their limit."""
    hang_stop: threading.Event | None = None
    broken = False
    no_timestamp = False
    no_encoder = False
    one_stream = False
    adjusted: ClassVar[dict[str, Any]] = {}
    """What libcamera gives instead of what it is asked for."""
    frame_duration_us = FRAME_DURATION_US
    model = "imx708"
    more: Callable[[], dict[str, Any]] = staticmethod(dict)
    """What the metadata of the next frame has besides."""
    during_start: Callable[[], object] = staticmethod(lambda: None)

    @classmethod
    def global_camera_info(cls) -> list[dict[str, Any]]:
        return [
            {"Num": number, "Model": cls.model, "Id": f"/base/{cls.model}@{number}"} for number in range(cls.cameras)
        ]

    def __init__(self, camera_num: int = 0) -> None:
        if camera_num >= type(self).cameras:
            raise RuntimeError(f"No camera number {camera_num} found")
        if camera_num in type(self).in_use:
            busy = RuntimeError("Failed to acquire camera: Device or resource busy")
            raise RuntimeError("Camera __init__ sequence did not complete.") from busy
        type(self).in_use.add(camera_num)
        type(self).opened.append(self)
        self.camera_num = camera_num
        self.configuration: dict[str, Any] = {}
        self.started = self.ever_started = False
        self.closed = False
        self.held = 0
        self.pending = False
        self.encoders: list[StandInEncoder] = []
        self._number = 0

    def create_video_configuration(
        self, main: dict[str, Any], lores: dict[str, Any] | None, controls: dict[str, Any], buffer_count: int
    ) -> dict[str, Any]:
        assert main["format"] == "RGB888"
        assert lores is None or lores["format"] == "YUV420", "the only format of a second stream before the Pi 5"
        return {"main": main, "lores": lores, "controls": controls, "buffer_count": buffer_count}

    def configure(self, configuration: dict[str, Any]) -> None:
        if self.started:
            raise RuntimeError("Camera must be stopped before configuring")
        if min(configuration["main"]["size"]) < 2:
            raise RuntimeError("Invalid camera configuration")
        main, lores = configuration["main"], configuration["lores"]
        if any(side % 2 for stream in (main, lores) if stream is not None for side in stream["size"]):
            raise RuntimeError("width and height should be even")
        if lores is not None:
            if type(self).one_stream:
                raise AttributeError("'NoneType' object has no attribute 'orientation'")
            if any(small > large for small, large in zip(lores["size"], main["size"], strict=True)):
                raise RuntimeError("lores stream dimensions may not exceed main stream")
            lores = {**lores, "stride": -(-lores["size"][0] // _ALIGNMENT) * _ALIGNMENT}
        self.configuration = {**configuration, "main": {**main, **type(self).adjusted}, "lores": lores}

    def camera_configuration(self) -> dict[str, Any]:
        return self.configuration

    def start_encoder(self, encoder: "StandInEncoder", name: str) -> None:
        if type(self).no_encoder:
            raise RuntimeError("Failed to start the encoder")
        assert self.configuration
        assert name == "main"
        self.encoders.append(encoder)

    def stop_encoder(self) -> None:
        self.encoders.clear()

    def start(self) -> None:
        if not self.configuration:
            raise RuntimeError("Camera has not been configured")
        self.started = self.ever_started = True
        type(self).during_start()

    def capture_request(self, wait: float) -> StandInRequest:
        assert self.ever_started, "capture before start"
        assert not isinstance(wait, bool), "a capture without a limit can hang for good"
        if type(self).broken:
            raise RuntimeError("Camera frontend has timed out")
        assert self.held < self.configuration["buffer_count"], "every buffer is held: requests are not released"
        stuck = type(self).stuck
        if stuck is not None:
            stuck.wait()
        deadline = time.monotonic() + wait
        self.pending = True
        while type(self).hang_capture or not self.started:  # the real one waits for a frame that never comes
            if not self.pending:
                raise CancelledError
            if time.monotonic() > deadline:
                raise TimeoutError
            threading.Event().wait(0.005)
        self.pending = False
        self._number += 1
        self.held += 1
        return StandInRequest(self, self._number)

    def metadata(self) -> dict[str, Any]:
        if type(self).no_timestamp:
            return {}
        return {
            "FrameDuration": type(self).frame_duration_us,
            "SensorTimestamp": time.clock_gettime_ns(time.CLOCK_BOOTTIME) - SENSOR_DELAY_NS,
        }

    def cancel_all_and_flush(self) -> None:
        self.pending = False

    def stop(self) -> None:
        if type(self).hang_capture:
            assert not self.pending, "a stop behind a job that never ends would hang"
        hang = type(self).hang_stop or type(self).stuck
        if hang is not None:
            hang.wait()
        assert not self.encoders, "an encoder is still at work"
        self.started = False

    def close(self) -> None:
        assert not self.started, "close before stop"
        self.closed = True
        type(self).in_use.discard(self.camera_num)


class StandInEncoder:
    """`picamera2.encoders.H264Encoder`: calls its `outputframe` as the real one does."""

    def __init__(self, bitrate: int, repeat: bool, iperiod: int, profile: str) -> None:
        assert repeat, "parameter sets must come again"
        self.iperiod = iperiod
        self.firsttimestamp: int | None = None

    def gives(self, unit: bytes, key: bool, at_us: int) -> None:
        """Encode a picture that the sensor has made at this time."""
        if self.firsttimestamp is None:
            self.firsttimestamp = at_us
        self.outputframe(unit, key, at_us - self.firsttimestamp)

    def outputframe(
        self, frame: Any, keyframe: bool = True, timestamp: int | None = None, packet: Any = None, audio: bool = False
    ) -> None:
        raise AssertionError("nobody takes what was encoded")


def make_library(**faults: Any) -> Any:
    """A module `picamera2` of its own."""
    library = ModuleType("picamera2")
    attributes = {"opened": [], "in_use": set(), **faults}
    library.encoders = SimpleNamespace(H264Encoder=StandInEncoder)  # type: ignore[attr-defined]
    library.Picamera2 = type("Picamera2", (StandInPicamera2,), attributes)  # type: ignore[attr-defined]
    return library
