import threading
import time
from collections.abc import Iterator

import pytest

from agent.adapters import picamera2_camera
from agent.adapters.picamera2_camera import Picamera2Camera
from agent.core.errors import CameraError, CameraSilentError
from tests.support.picamera2_stand_in import SENSOR_DELAY_NS, make_library
from tests.support.wait import wait_for


def boottime_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


@pytest.fixture
def release() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()
    wait_for(lambda: all(thread.name != "picamera2-close" for thread in threading.enumerate()), 5, "the end")


def test_the_sensor_is_asked_for_the_size_and_the_rate_of_the_settings() -> None:
    library = make_library()
    camera = Picamera2Camera(library, 0, boottime_ns, (320, 240), 7.5)
    camera.open()

    [device] = library.Picamera2.opened
    assert device.configuration["main"]["size"] == (320, 240)
    assert device.configuration["controls"] == {"FrameRate": 7.5}
    camera.close()


def test_a_frame_carries_the_time_of_the_sensor_and_blue_first() -> None:
    camera = Picamera2Camera(make_library(), 0, boottime_ns, (64, 48))
    camera.open()
    frame = camera.read(1)

    assert boottime_ns() - frame.boottime_ns >= SENSOR_DELAY_NS
    assert frame.pixels[0, 0, 0] == 200
    camera.close()


def test_without_a_sensor_timestamp_the_time_of_reading_serves() -> None:
    camera = Picamera2Camera(make_library(no_timestamp=True), 0, boottime_ns)
    before_ns = boottime_ns()
    camera.open()

    assert before_ns <= camera.read(1).boottime_ns <= boottime_ns()
    camera.close()


def test_every_buffer_goes_back_to_the_sensor() -> None:
    library = make_library()
    camera = Picamera2Camera(library, 0, boottime_ns, (64, 48))
    camera.open()
    for _ in range(20):
        camera.read(1)

    assert library.Picamera2.opened[0].held == 0
    camera.close()


def test_closing_releases_the_camera_for_the_next_one() -> None:
    library = make_library()
    for _ in range(3):
        camera = Picamera2Camera(library, 0, boottime_ns)
        camera.open()
        camera.read(1)
        camera.close()

    assert all(device.closed for device in library.Picamera2.opened)


def test_a_camera_in_use_by_another_program_is_named_with_what_to_do() -> None:
    library = make_library(in_use={0})

    with pytest.raises(CameraError, match=r"camera 0 .*busy.*rpicam-hello"):
        Picamera2Camera(library, 0, boottime_ns).open()


def test_a_size_that_the_sensor_refuses_leaves_the_camera_free() -> None:
    library = make_library()

    with pytest.raises(CameraError, match="width and height"):
        Picamera2Camera(library, 0, boottime_ns, (1, 1)).open()
    assert library.Picamera2.in_use == set()


def test_after_a_hung_capture_the_camera_can_be_closed_and_opened_again() -> None:
    library = make_library(hang_capture=True)
    camera = Picamera2Camera(library, 0, boottime_ns)
    camera.open()
    with pytest.raises(CameraSilentError):
        camera.read(0.1)
    camera.close()
    library.Picamera2.hang_capture = False
    camera.open()

    assert camera.read(1).number == 1
    camera.close()


def test_a_broken_frontend_is_a_camera_error() -> None:
    library = make_library()
    camera = Picamera2Camera(library, 0, boottime_ns)
    camera.open()
    library.Picamera2.broken = True

    with pytest.raises(CameraError, match="has stopped"):
        camera.read(1)
    camera.close()


def test_a_stop_that_hangs_in_libcamera_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch, release: threading.Event
) -> None:
    monkeypatch.setattr(picamera2_camera, "_CLOSE_LIMIT_S", 0.1)
    library = make_library(hang_stop=release)
    camera = Picamera2Camera(library, 0, boottime_ns)
    camera.open()
    closing = threading.Thread(target=camera.close, name="closer")
    closing.start()
    closing.join(10)

    assert not closing.is_alive()
    assert not library.Picamera2.opened[0].closed
