"""The real picamera2 on libcamera's virtual camera, where both are to be had: Debian 13's own Python.

libcamera 0.4 reads what its virtual camera is from one place below /usr/share alone: a mount that only this process
sees puts it there. What a machine without a camera lacks is filled in: dma-bufs, a raw stream, a rate, and the
screens of a Pi. Nothing here touches how a camera is opened, configured, read and closed.
"""

import mmap
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

SIZE, SMALL = (640, 360), (320, 180)
FRAME_DURATION_US = 33_333
_SHARED = Path("/usr/share/libcamera")
_VIRTUAL = """\
"Virtual0":
  supported_formats:
{formats}
  test_pattern: "bars"
  location: "CameraLocationFront"
  model: "Virtual Video Device"
"""
_FORMAT = "  - {{width: {0}, height: {1}, frame_rates: [30, 30]}}"


def _put_camera_in_place() -> None:
    """As root, of a user namespace at least: `unshare -rm`. A pytest worker each has its own mounts."""
    os.unshare(os.CLONE_NEWNS)  # type: ignore[attr-defined] # from Python 3.12 on
    with tempfile.TemporaryDirectory() as directory:
        camera = Path(directory) / "pipeline" / "virtual" / "virtual.yaml"
        camera.parent.mkdir(parents=True)
        formats = "\n".join(_FORMAT.format(*size) for size in (SIZE, SMALL))
        camera.write_text(_VIRTUAL.format(formats=formats))
        for command in (
            "mount --make-rprivate /",
            f"cp -r {_SHARED}/ipa {directory}",
            f"mount -t tmpfs none {_SHARED}",
        ):
            subprocess.run(command.split(), check=True)
        subprocess.run(["cp", "-r", *map(str, Path(directory).iterdir()), _SHARED], check=True)


_put_camera_in_place()
os.environ["LIBCAMERA_LOG_LEVELS"] = "*:ERROR"
# Screens of a Pi, and raw pictures: Debian has no package of the one, and the other wants a compiler.
sys.modules.update({name: MagicMock() for name in ("pykms", "pidng", "pidng.camdefs", "pidng.core")})

import libcamera  # noqa: E402
from picamera2 import picamera2 as implementation  # noqa: E402
from picamera2.allocators import DmaAllocator  # noqa: E402
from picamera2.allocators.allocator import Sync  # noqa: E402

# The virtual camera of 0.4 leaves a frame's status as the memory was.
libcamera.FrameMetadata.status = property(lambda _: libcamera.FrameMetadata.Status.Success)
_generate_configuration = libcamera.Camera.generate_configuration


class _NoSync(Sync):  # type: ignore[misc] # for both: the library has no types here
    """Memory that no device shares."""

    def __init__(self, allocator: Any, buffer: Any, write: bool) -> None:
        self._memory = allocator.mapped_buffers[buffer]

    def __enter__(self) -> Any:
        return self._memory

    def __exit__(self, *_: object) -> None:
        pass

    get_buffer = __enter__


class _MemoryAllocator(DmaAllocator):  # type: ignore[misc]
    """Anonymous memory instead of dma-bufs, and a plane each for Y and UV: with one the virtual camera aborts."""

    def __init__(self) -> None:
        super(DmaAllocator, self).__init__()
        self.dmaHeap = None
        self.mapped_buffers: dict[Any, Any] = {}
        self.mapped_buffers_used: dict[int, bool] = {}
        self.frame_buffers: dict[Any, list[Any]] = {}
        self.open_fds: list[int] = []
        self.libcamera_fds: list[int] = []
        self.sync = _NoSync

    def allocate(self, libcamera_config: Any, _: Any) -> None:
        self.close()
        for stream in libcamera_config:
            self.frame_buffers[stream.stream] = [self._buffer(stream) for _ in range(stream.buffer_count)]

    def _buffer(self, stream: Any) -> Any:
        luma = stream.stride * stream.size.height
        descriptor = os.memfd_create("frame")
        os.ftruncate(descriptor, stream.frame_size)
        self.open_fds.append(descriptor)
        planes = [libcamera.FrameBuffer.Plane(), libcamera.FrameBuffer.Plane()]
        for plane, (start, end) in zip(planes, [(0, luma), (luma, stream.frame_size)], strict=True):
            plane.fd, plane.offset, plane.length = descriptor, start, end - start
        buffer = libcamera.FrameBuffer(planes)
        self.libcamera_fds.append(buffer.planes[0].fd)
        self.mapped_buffers_used[buffer.planes[0].fd] = False
        self.mapped_buffers[buffer] = mmap.mmap(descriptor, stream.frame_size)
        return buffer


class _Request(implementation.CompletedRequest):  # type: ignore[misc]
    def get_metadata(self) -> dict[str, Any]:  # the virtual camera gives SensorTimestamp alone
        return {"FrameDuration": FRAME_DURATION_US, **super().get_metadata(), **type(self.picam2).more()}


implementation.DmaAllocator = _MemoryAllocator
implementation.CompletedRequest = _Request


class VirtualPicamera2(implementation.Picamera2):  # type: ignore[misc]
    """The real class. Attributes of it are the faults, as of the stand-in."""

    cameras = 1
    hang_capture = False
    stuck: threading.Event | None = None
    one_stream = False
    more: Callable[[], dict[str, Any]] = staticmethod(dict)
    during_start: Callable[[], object] = staticmethod(lambda: None)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._due_s = 0.0
        self._withheld: list[Any] = []
        super().__init__(*arguments, **named)

    @classmethod
    def global_camera_info(cls) -> list[dict[str, Any]]:
        return list(implementation.Picamera2.global_camera_info())[: cls.cameras]

    def configure_(self, camera_config: Any) -> Any:
        def generate(camera: Any, roles: Any) -> Any:
            return None if type(self).one_stream and len(roles) > 1 else _generate_configuration(camera, roles)

        libcamera.Camera.generate_configuration = generate
        return super().configure_(camera_config)

    def start(self, *arguments: Any, **named: Any) -> None:
        super().start(*arguments, **named)
        type(self).during_start()

    def capture_request(self, *arguments: Any, **named: Any) -> Any:
        if (stuck := type(self).stuck) is not None:
            stuck.wait()
        return super().capture_request(*arguments, **named)

    def _get_raw_modes(self) -> Any:  # without a raw stream libcamera 0.4 gives None, and picamera2 goes on with it
        formats = self.camera.generate_configuration([libcamera.StreamRole.Viewfinder]).at(0).formats
        return [
            {"format": "NV12", "size": (size.width, size.height)}
            for size in formats.sizes(libcamera.PixelFormat("NV12"))
        ]

    def process_requests(self, display: Any) -> None:  # the virtual camera of 0.4 has each frame at once
        time.sleep(max(0.0, self._due_s - time.monotonic()))
        self._due_s = time.monotonic() + FRAME_DURATION_US / 1e6
        if type(self).hang_capture:
            with self._requestslock:
                self._withheld += self._requests  # else they go back to the camera
                self._requests: list[Any] = []
        super().process_requests(display)


def make_library() -> ModuleType:
    """A module `picamera2` of its own."""
    library = ModuleType("picamera2")
    library.Picamera2 = type("Picamera2", (VirtualPicamera2,), {})  # type: ignore[attr-defined]
    return library
