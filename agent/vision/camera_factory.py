"""Builds every kind of camera that a source can name."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import assert_never

from agent.adapters import opencv_imaging as imaging
from agent.adapters.imx500 import Imx500
from agent.adapters.opencv_camera import OpenCvCamera
from agent.adapters.opencv_device import OpenCvDevice
from agent.adapters.opencv_file_camera import OpenCvFileCamera
from agent.adapters.opencv_stream import OpenCvStream
from agent.adapters.picamera2_camera import Picamera2Camera
from agent.adapters.picamera2_encoder import OnUnit, Picamera2Encoder
from agent.core.camera.camera_kinds import kind_of
from agent.core.camera.vision_spec import VisionSpec
from agent.core.errors import CameraError
from agent.ports import Camera
from agent.sim.camera import PictureFolder, SimCamera
from agent.sim.camera_faults import CameraFaultFile, FaultyCamera
from agent.sim.spoil import SPOILS

_LOOP = "?loop=1"


def make_camera(
    spec: VisionSpec,
    boottime_ns: Callable[[], int],
    on_unit: OnUnit | None = None,
    sensor: Imx500 | None = None,
) -> Camera:
    """Return the camera that the spec names, or a simulated one in its place, not yet open. Raises CameraError.

    `on_unit` gets the H.264 of a camera whose hardware makes it. `sensor` has a network of its own.
    """
    kind = kind_of(spec.source)
    target = spec.source.partition(":")[2]
    size = (spec.width, spec.height) if spec.width and spec.height else None
    rate = spec.captured_frames_per_second
    camera: Camera
    match kind.name:
        case _ if spec.simulate and kind.is_device:
            camera = SimCamera(boottime_ns, size, rate)
        case "picamera2":
            encoder = None if on_unit is None else Picamera2Encoder(on_unit, spec.recorded_bit_rate)
            camera = Picamera2Camera(_picamera2(), int(target), boottime_ns, size, rate, encoder, sensor)
        case "v4l2":
            camera = OpenCvCamera(target, OpenCvDevice(target, size, rate), boottime_ns)
        case "stream":
            camera = OpenCvCamera(f"the stream of camera {spec.name}", OpenCvStream(spec.source), boottime_ns)
        case "file":
            name = target.removesuffix(_LOOP)
            if not name:
                raise CameraError("the camera's source names no file: use file:PATH")
            if Path(name).is_dir():
                camera = SimCamera(boottime_ns, size, rate, PictureFolder(Path(name), imaging.read_picture))
            else:
                camera = OpenCvFileCamera(Path(name), boottime_ns, loop=target.endswith(_LOOP))
        case _:
            assert_never(kind.name)
    if not spec.simulate:
        return camera
    return FaultyCamera(camera, CameraFaultFile(Path(spec.snapshot_directory), spec.name), SPOILS)


def _picamera2() -> ModuleType:
    try:
        return import_module("picamera2")
    except ImportError as error:
        advice = "run `sudo apt-get install --no-install-recommends python3-picamera2`"
        raise CameraError(f"picamera2 can't be imported: {advice}") from error
