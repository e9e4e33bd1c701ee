"""What every Camera promises, fake or real."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.adapters.opencv_file_camera import OpenCvFileCamera
from agent.adapters.opencv_imaging import read_picture
from agent.adapters.picamera2_camera import Picamera2Camera
from agent.core.errors import CameraError, CameraSilentError
from agent.ports import Camera
from agent.sim.camera import SimCamera, pictures_in
from agent.sim.camera_faults import CameraFault, FaultyCamera
from tests.support.picamera2_stand_in import make_library
from tests.support.vision_media import read_until_error, write_video
from tests.support.wait import wait_for


def boottime_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


@dataclass
class Rig:
    """One kind of camera, and how to break it."""

    make: Callable[[], Camera]
    size: tuple[int, int]
    silence: Callable[[], None] | None
    lose: Callable[[], None]


def sim_rig(tmp_path: Path) -> Rig:
    return faulty(lambda: SimCamera(boottime_ns, (96, 64), 100.0), (96, 64))


def folder_rig(tmp_path: Path) -> Rig:
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((48, 64, 3), number * 50, np.uint8))
    return faulty(lambda: SimCamera(boottime_ns, None, 100.0, pictures_in(tmp_path, read_picture)), (64, 48))


def faulty(make: Callable[[], Camera], size: tuple[int, int]) -> Rig:
    faults = [CameraFault.NONE]
    return Rig(
        lambda: FaultyCamera(make(), lambda: faults[-1], {}),
        size,
        lambda: faults.append(CameraFault.SILENT),
        lambda: faults.append(CameraFault.LOST),
    )


def file_rig(tmp_path: Path) -> Rig:
    path = tmp_path / "video.avi"
    write_video(path, frames=20, fps=100)
    return Rig(lambda: OpenCvFileCamera(path, boottime_ns, loop=True), (64, 48), None, path.unlink)


def picamera2_rig(tmp_path: Path) -> Rig:
    library = make_library()

    def fault(name: str, value: object) -> Callable[[], None]:
        return lambda: setattr(library.Picamera2, name, value)

    return Rig(
        lambda: Picamera2Camera(library, 0, boottime_ns, (64, 48), 100.0),
        (64, 48),
        fault("hang_capture", True),
        fault("cameras", 0),
    )


@pytest.fixture(params=[sim_rig, folder_rig, file_rig, picamera2_rig], ids=["sim", "folder", "file", "picamera2"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    made: Rig = request.param(tmp_path)
    return made


@pytest.fixture
def camera(rig: Rig) -> Iterator[Camera]:
    camera = rig.make()
    yield camera
    camera.close()


def test_frames_are_blue_green_red_pictures_of_the_set_size(rig: Rig, camera: Camera) -> None:
    camera.open()
    pixels = camera.read(5).pixels

    assert pixels.dtype == np.uint8
    assert pixels.shape == (rig.size[1], rig.size[0], 3)


def test_frames_are_numbered_from_one_and_stamped_with_the_time_of_capture(camera: Camera) -> None:
    camera.open()
    before_ns = boottime_ns()
    frames = [camera.read(5) for _ in range(5)]

    numbers = [frame.number for frame in frames]
    stamps = [frame.boottime_ns for frame in frames]
    assert numbers[0] >= 1
    assert numbers == sorted(set(numbers))
    assert stamps == sorted(stamps)
    assert before_ns - 1_000_000_000 < stamps[0]
    assert stamps[-1] <= boottime_ns()


def test_a_frame_that_is_kept_is_not_overwritten_by_later_ones(camera: Camera) -> None:
    camera.open()
    kept = camera.read(5).pixels
    copy = kept.copy()
    for _ in range(5):
        camera.read(5)

    assert np.array_equal(kept, copy)


def test_reading_a_camera_that_is_not_open_fails(camera: Camera) -> None:
    with pytest.raises(CameraError):
        camera.read(1)


def test_reading_a_closed_camera_fails_and_closing_twice_is_allowed(camera: Camera) -> None:
    camera.open()
    camera.read(5)
    camera.close()
    camera.close()

    with pytest.raises(CameraError):
        camera.read(1)


def test_a_closed_camera_can_be_opened_again_and_counts_afresh(camera: Camera) -> None:
    camera.open()
    first = camera.read(5).number
    for _ in range(5):
        camera.read(5)
    camera.close()
    camera.open()

    assert camera.read(5).number < first + 5


def test_closing_from_another_thread_ends_a_read_under_way(camera: Camera) -> None:
    ended = threading.Event()

    def read_on() -> None:
        with pytest.raises(CameraError):
            read_until_error(camera)
        ended.set()

    camera.open()
    camera.read(5)
    reader = threading.Thread(target=read_on, name="reader")
    reader.start()
    camera.close()
    wait_for(ended.is_set, 10, "the end of the read")
    reader.join()


def test_a_camera_that_falls_silent_is_noticed_within_the_limit(rig: Rig, camera: Camera) -> None:
    if rig.silence is None:
        return  # a file that is open has its frames
    camera.open()
    camera.read(5)
    rig.silence()
    began = time.monotonic()

    with pytest.raises(CameraSilentError):
        camera.read(0.2)
    assert time.monotonic() - began < 5


def test_a_camera_that_is_gone_can_not_be_opened_and_the_error_says_so_in_one_line(rig: Rig) -> None:
    rig.lose()
    camera = rig.make()

    with pytest.raises(CameraError) as caught:
        camera.open()
    assert "\n" not in str(caught.value)
    assert str(caught.value)
