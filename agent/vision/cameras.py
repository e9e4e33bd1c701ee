"""Builds every kind of camera that a source can name."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from agent.adapters import opencv_imaging as imaging
from agent.adapters.opencv_camera import OpenCvCamera
from agent.adapters.opencv_device import OpenCvDevice
from agent.adapters.opencv_file_camera import OpenCvFileCamera
from agent.adapters.opencv_stream import OpenCvStream
from agent.adapters.picamera2_camera import Picamera2Camera
from agent.core.camera.vision_spec import VisionSpec
from agent.core.errors import CameraError
from agent.ports import Camera
from agent.sim.camera import PictureFolder, SimCamera
from agent.sim.camera_faults import CameraFaultFile, FaultyCamera
from agent.sim.spoil import SPOILS
from agent.vision.source import parse_source


def make_camera(spec: VisionSpec, boottime_ns: Callable[[], int]) -> Camera:
    """Return the camera that the spec names, or a simulated one in its place, not yet open. Raises CameraError."""
    camera = _camera(spec, boottime_ns)
    if not spec.simulate:
        return camera
    return FaultyCamera(camera, CameraFaultFile(Path(spec.snapshot_directory) / f"{spec.name}.fault"), SPOILS)


def _camera(spec: VisionSpec, boottime_ns: Callable[[], int]) -> Camera:
    source = parse_source(spec.source)
    size = (spec.width, spec.height) if spec.width and spec.height else None
    rate = spec.frames_per_second
    if source.kind == "file":
        path = Path(source.target)
        if path.is_dir():
            return SimCamera(boottime_ns, size, rate, PictureFolder(path, imaging.read_picture))
        return OpenCvFileCamera(path, boottime_ns, loop=source.loop)
    if source.kind == "stream":
        return OpenCvCamera(f"the stream of camera {spec.name}", OpenCvStream(source.target), boottime_ns)
    if spec.simulate:
        return SimCamera(boottime_ns, size, rate)
    if source.kind == "v4l2":
        return OpenCvCamera(source.target, OpenCvDevice(source.target, size, rate), boottime_ns)
    try:
        library = import_module("picamera2")
    except ImportError as error:
        raise CameraError(
            "picamera2 can't be imported: run `sudo apt-get install --no-install-recommends python3-picamera2`"
        ) from error
    return Picamera2Camera(library, int(source.target), boottime_ns, size, rate)
