"""Every kind of camera that the agent has, and how to break and mend it: what the contract's suites run on."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from agent.adapters.opencv_camera import OpenCvCamera
from agent.adapters.opencv_device import OpenCvDevice
from agent.adapters.opencv_file_camera import OpenCvFileCamera
from agent.adapters.opencv_imaging import read_picture
from agent.adapters.opencv_stream import OpenCvStream
from agent.adapters.picamera2_camera import Picamera2Camera
from agent.ports import Camera
from agent.sim.camera import PictureFolder, SimCamera
from agent.sim.camera_faults import CameraFault, FaultyCamera
from tests.support.hindered_capture import Hindrance
from tests.support.picamera2_stand_in import make_library
from tests.support.rtsp_server import SIZE, RtspServer
from tests.support.v4l2_stand_in import make_device
from tests.support.vision_media import write_video
from tests.support.vision_stand_ins import boottime_ns

Clock = Callable[[], int]


@dataclass
class Rig:
    """One kind of camera. `silence` is None for one that has its frames once it is open."""

    make: Callable[[], Camera]
    size: tuple[int, int]
    rate: float
    lose: Callable[[], object]
    mend: Callable[[], object]
    """After `lose`."""
    silence: Callable[[], object] | None
    hang: Callable[[threading.Event], object]
    """Every read of cameras that are open now waits for the event, whatever its limit."""
    during_open: Callable[[Callable[[], object]], object]
    """What happens in the middle of each opening from now on."""
    has_grey: bool = False


@dataclass
class _Faults:
    """The faults of the simulated camera, and a clock that it looks at while it opens."""

    now: CameraFault = CameraFault.NONE
    hang: threading.Event = field(default_factory=threading.Event)
    look: Callable[[], object] = lambda: None

    def set(self, fault: CameraFault) -> None:
        self.now = fault

    def boottime_ns(self) -> int:
        self.look()
        return boottime_ns()

    def hang_until(self, free: threading.Event) -> None:
        self.hang, self.now = free, CameraFault.HANG

    def __call__(self) -> CameraFault:
        return CameraFault.NONE if self.now is CameraFault.HANG and self.hang.is_set() else self.now

    def rig(self, make: Callable[[], Camera], size: tuple[int, int]) -> Rig:
        return Rig(
            make=lambda: FaultyCamera(make(), self, {}),
            size=size,
            rate=100,
            lose=lambda: self.set(CameraFault.LOST),
            mend=lambda: self.set(CameraFault.NONE),
            silence=lambda: self.set(CameraFault.SILENT),
            hang=self.hang_until,
            during_open=lambda act: setattr(self, "look", act),
        )


@contextmanager
def sim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    faults = _Faults()
    yield faults.rig(lambda: SimCamera(faults.boottime_ns, (96, 64), 100.0), (96, 64))


@contextmanager
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((48, 64, 3), number * 50, np.uint8))
    faults = _Faults()
    yield faults.rig(
        lambda: SimCamera(faults.boottime_ns, None, 100.0, PictureFolder(tmp_path, read_picture)), (64, 48)
    )


@contextmanager
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    path, away = tmp_path / "video.avi", tmp_path / "away.avi"
    write_video(path, frames=20, fps=100)
    hindrance = Hindrance(monkeypatch, cv2.VideoCapture)
    yield Rig(
        make=lambda: OpenCvFileCamera(path, boottime_ns, loop=True),
        size=(64, 48),
        rate=100,
        lose=lambda: path.rename(away),
        mend=lambda: away.rename(path),
        silence=None,
        hang=lambda free: setattr(hindrance, "hang", free),
        during_open=lambda act: setattr(hindrance, "during_open", act),
    )


@contextmanager
def picamera2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    yield _picamera2(make_library(), (64, 48))


@contextmanager
def virtual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    from tests.support import virtual_picamera2  # noqa: PLC0415 - loads libcamera, which few machines have

    yield _picamera2(virtual_picamera2.make_library(), virtual_picamera2.SIZE)


def _picamera2(library: Any, size: tuple[int, int]) -> Rig:
    def put(**state: Any) -> None:
        for name, value in state.items():
            setattr(library.Picamera2, name, value)

    return Rig(
        make=lambda: Picamera2Camera(library, 0, boottime_ns, size, 100.0),
        size=size,
        rate=30,
        lose=lambda: put(cameras=0, broken=True, hang_capture=True),
        mend=lambda: put(cameras=1, broken=False, hang_capture=False),
        silence=lambda: put(hang_capture=True),
        hang=lambda free: put(stuck=free),
        during_open=lambda act: put(during_start=staticmethod(act)),
        has_grey=True,
    )


@contextmanager
def v4l2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    device = make_device()
    hindrance = Hindrance(monkeypatch, device)
    yield Rig(
        make=lambda: OpenCvCamera("/dev/video7", OpenCvDevice("/dev/video7", (64, 48), 100), boottime_ns),
        size=(64, 48),
        rate=100,
        lose=lambda: setattr(device, "gone", True),
        mend=lambda: setattr(device, "gone", False),
        silence=device.silent.set,
        hang=lambda free: setattr(hindrance, "hang", free),
        during_open=lambda act: setattr(hindrance, "during_open", act),
    )


@contextmanager
def rtsp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.delenv("OPENCV_FFMPEG_CAPTURE_OPTIONS", raising=False)
    hindrance = Hindrance(monkeypatch, cv2.VideoCapture)
    with RtspServer(frames_per_second=50) as server:
        yield Rig(
            make=lambda: OpenCvCamera("the stream of camera yard", OpenCvStream(server.url(), 2000, 1000), boottime_ns),
            size=SIZE,
            rate=50,
            lose=server.kill,
            mend=server.start,
            silence=server.freeze,
            hang=lambda free: setattr(hindrance, "hang", free),
            during_open=lambda act: setattr(hindrance, "during_open", act),
        )


def name_of(make: Callable[..., object]) -> str:
    """By which a test names the rig that it runs on."""
    return make.__name__


RIGS: list[Callable[[Path, pytest.MonkeyPatch], AbstractContextManager[Rig]]] = [
    sim,
    folder,
    file,
    picamera2,
    v4l2,
    rtsp,
    *([virtual] if find_spec("libcamera") else []),
]
"""`virtual`, the real picamera2, is run by `make test-picamera2` in an environment that has it."""
