"""A V4L2 device, by a stand-in for OpenCV's capture of one."""

import errno
import time
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import pytest

from agent.adapters.opencv_camera import OpenCvCamera
from agent.adapters.opencv_device import OpenCvDevice
from agent.core.errors import CameraError
from tests.support.v4l2_stand_in import DELAY_NS, StandInDevice, make_device
from tests.support.vision_stand_ins import boottime_ns

Make = Callable[..., tuple[OpenCvCamera, type[StandInDevice]]]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    cameras: list[OpenCvCamera] = []

    def make(size: tuple[int, int] | None = None, asked: float | None = None, **state: Any) -> Any:
        device = make_device(**state)
        monkeypatch.setattr("cv2.VideoCapture", device)
        cameras.append(OpenCvCamera("/dev/video7", OpenCvDevice("/dev/video7", size, asked), boottime_ns))
        return cameras[-1], device

    yield make
    for camera in cameras:
        camera.close()


def test_the_device_is_asked_for_the_size_and_the_rate_of_the_settings(make: Make) -> None:
    camera, device = make((640, 480), 7.5)
    camera.open()

    assert device.opened[0].wanted == {
        cv2.CAP_PROP_FRAME_WIDTH: 640,
        cv2.CAP_PROP_FRAME_HEIGHT: 480,
        cv2.CAP_PROP_FPS: 7.5,
    }


def test_for_large_pictures_the_device_is_asked_to_compress(make: Make) -> None:
    camera, device = make((1280, 720))
    camera.open()

    assert device.opened[0].wanted[cv2.CAP_PROP_FOURCC] == cv2.VideoWriter.fourcc(*"MJPG")


def test_a_frame_carries_the_time_at_which_the_kernel_filled_its_buffer(make: Make) -> None:
    camera, _ = make()
    camera.open()
    frame = camera.read(1)

    assert boottime_ns() - frame.boottime_ns >= DELAY_NS


@pytest.mark.parametrize(
    "position_ms",
    [0.0, -1.0, 1e15, time.time() * 1000],
    ids=["none", "unknown", "the future", "the wall clock"],
)
def test_a_driver_whose_stamps_are_of_another_clock_has_frames_stamped_at_arrival(
    make: Make, position_ms: float
) -> None:
    camera, _ = make(position_ms=position_ms)
    camera.open()
    before_ns = boottime_ns()
    frames = [camera.read(1) for _ in range(3)]

    stamps = [frame.boottime_ns for frame in frames]
    assert before_ns < stamps[0] < stamps[1] < stamps[2] <= boottime_ns()


def test_a_driver_that_repeats_its_stamp_does_not_make_time_stand_still(make: Make) -> None:
    camera, _ = make(position_ms=time.monotonic_ns() / 1e6 - 10)
    camera.open()
    stamps = [camera.read(1).boottime_ns for _ in range(3)]

    assert stamps[0] < stamps[1] < stamps[2]


def test_an_infrared_camera_gives_blue_green_red_all_the_same(make: Make) -> None:
    camera, _ = make(picture=np.full((48, 64), 9 << 8, np.uint16))
    camera.open()
    pixels = camera.read(1).pixels

    assert pixels.shape == (48, 64, 3)
    assert pixels.dtype == np.uint8
    assert (pixels == 9).all()


def test_what_keeps_the_process_from_the_device_is_told(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, flags: int) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    camera, _ = make(gone=True)
    with pytest.raises(CameraError, match="/dev/video7 can't be opened: it is not there: check cable and power"):
        camera.open()
    monkeypatch.setattr("os.open", refuse)
    with pytest.raises(CameraError, match=r"user \S+ may not use /dev/video7") as caught:
        camera.open()
    assert "\n" not in str(caught.value)


def test_a_picture_that_opencv_hands_out_as_one_row_of_bytes_is_a_picture(make: Make) -> None:
    picture = np.arange(48 * 64 * 3, dtype=np.uint32).astype(np.uint8)
    camera, _ = make(picture=picture.reshape(1, -1))
    camera.open()

    assert (camera.read(1).pixels == picture.reshape(48, 64, 3)).all()


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (np.zeros((1, 48 * 64 * 2), np.uint8), r"shape \(1, 6144\)"),
        (np.zeros((48, 64, 3), np.float32), "float32"),
    ],
    ids=["one row", "float"],
)
def test_what_is_no_picture_is_a_camera_error(make: Make, picture: np.ndarray, reason: str) -> None:
    camera, _ = make(picture=picture)
    camera.open()

    with pytest.raises(CameraError, match=rf"^/dev/video7 .*{reason}"):
        camera.read(1)


def test_a_few_pictures_that_were_cut_off_are_passed_over(make: Make) -> None:
    camera, _ = make(cut_off=3)
    camera.open()

    assert camera.read(1).number == 4


def test_an_error_of_opencv_in_the_middle_is_a_camera_error(make: Make) -> None:
    def broken(self: StandInDevice) -> tuple[bool, Any]:
        raise cv2.error("assertion failed")

    camera, _ = make(retrieve=broken)
    camera.open()

    with pytest.raises(CameraError, match="has stopped"):
        camera.read(1)


def test_a_size_that_changes_in_the_middle_is_passed_on(make: Make) -> None:
    camera, device = make()
    camera.open()
    assert camera.read(1).pixels.shape == (48, 64, 3)
    device.size = (32, 24)

    assert camera.read(1).pixels.shape == (24, 32, 3)


def test_a_device_that_states_nonsense_states_no_rate(make: Make) -> None:
    camera, _ = make(rate=-1.0)
    camera.open()

    assert camera.frames_per_second is None


def test_a_missing_device_is_named_with_what_to_do() -> None:
    with pytest.raises(CameraError, match=r"/dev/video99 can.t be opened: it is not there: check cable"):
        OpenCvCamera("/dev/video99", OpenCvDevice("/dev/video99"), boottime_ns).open()
