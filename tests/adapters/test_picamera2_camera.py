import threading
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest

from agent.adapters import picamera2_camera
from agent.adapters.picamera2_camera import Picamera2Camera
from agent.core.errors import CameraError, CameraSilentError
from tests.support.picamera2_stand_in import PADDING, SENSOR_DELAY_NS, make_library
from tests.support.vision_media import Open
from tests.support.vision_stand_ins import boottime_ns
from tests.support.wait import wait_for


@pytest.fixture
def release() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()
    wait_for(lambda: all(thread.name != "picamera2-close" for thread in threading.enumerate()), what="the end")


@pytest.fixture(params=["stand-in", *(["virtual"] if find_spec("libcamera") else [])])
def library(request: pytest.FixtureRequest) -> Any:
    """The stand-in, and the real picamera2 on a virtual camera where there is one."""
    if request.param == "stand-in":
        return make_library()
    from tests.support import virtual_picamera2  # noqa: PLC0415

    return virtual_picamera2.make_library()


def test_the_sensor_is_asked_for_the_size_and_the_rate_of_the_settings(opened: Open) -> None:
    library = make_library()
    opened(Picamera2Camera(library, 0, boottime_ns, (320, 240), 7.5))

    [device] = library.Picamera2.opened
    assert device.configuration["main"]["size"] == (320, 240)
    assert device.configuration["controls"] == {"FrameRate": 7.5}


def test_a_frame_carries_the_time_of_the_sensor_and_blue_first(opened: Open) -> None:
    camera = opened(Picamera2Camera(make_library(), 0, boottime_ns, (64, 48)))
    frame = camera.read(1)

    assert boottime_ns() - frame.boottime_ns >= SENSOR_DELAY_NS
    assert frame.pixels[0, 0, 0] == 200


@pytest.mark.parametrize(
    ("size", "small"),
    [
        ((1280, 720), (320, 180)),
        ((1920, 1080), (320, 180)),
        ((640, 480), (320, 240)),
        ((1296, 972), (320, 240)),
        ((200, 150), (200, 150)),
        ((100, 66), (100, 66)),
        ((2000, 4), (320, 2)),
    ],
)
def test_beside_the_picture_a_small_one_of_the_same_view_is_asked_for(
    opened: Open, size: tuple[int, int], small: tuple[int, int]
) -> None:
    library = make_library()
    camera = opened(Picamera2Camera(library, 0, boottime_ns, size))

    assert library.Picamera2.opened[0].configuration["lores"]["size"] == small
    assert camera.read(1).pixels.shape == (size[1], size[0], 3)


def test_the_grey_picture_is_the_brightness_of_the_small_stream_without_its_padding(opened: Open) -> None:
    camera = opened(Picamera2Camera(make_library(), 0, boottime_ns, (1296, 972)))
    first, second = camera.read(1).grey, camera.read(1).grey

    assert first is not None
    assert second is not None
    assert first.shape == (240, 320)
    assert first.flags.c_contiguous
    assert (first == 1).all()
    assert (second == 2).all()


def test_lines_of_the_small_stream_that_are_padded_are_cut_to_the_picture(opened: Open) -> None:
    camera = opened(Picamera2Camera(make_library(), 0, boottime_ns, (100, 66)))
    grey = camera.read(1).grey

    assert grey is not None
    assert grey.shape == (66, 100)
    assert not (grey == PADDING).any()


def test_a_camera_with_one_stream_alone_gives_no_grey_picture(opened: Open, library: Any) -> None:
    library.Picamera2.one_stream = True
    camera = opened(Picamera2Camera(library, 0, boottime_ns, (640, 360)))
    frame = camera.read(1)

    assert frame.pixels.shape == (360, 640, 3)
    assert frame.grey is None


def test_pictures_in_nv12_are_taken_as_pictures(opened: Open, library: Any) -> None:
    library.Picamera2.adjusted = {"format": "NV12"}  # the virtual camera has nothing else
    camera = opened(Picamera2Camera(library, 0, boottime_ns, (640, 360)))

    assert camera.read(1).pixels.shape == (360, 640, 3)


def test_a_format_that_is_no_picture_is_refused_by_name_and_the_camera_left_free() -> None:
    library = make_library(adjusted={"format": "YUYV"})

    with pytest.raises(CameraError, match=r"format YUYV, and not RGB888 .*v4l2:"):
        Picamera2Camera(library, 0, boottime_ns).open()
    assert library.Picamera2.in_use == set()


def test_a_size_that_is_not_to_be_had_is_told_and_the_nearest_one_is_taken(
    opened: Open, library: Any, caplog: pytest.LogCaptureFixture
) -> None:
    library.Picamera2.adjusted = {"size": (640, 360)}
    camera = opened(Picamera2Camera(library, 0, boottime_ns, (400, 400)))
    frame = camera.read(1)

    assert frame.pixels.shape == (360, 640, 3)
    assert frame.grey is None or frame.grey.shape[1] / frame.grey.shape[0] == pytest.approx(16 / 9), "another view"
    assert "camera 0 gives pictures of 640x360, and not of 400x400 as set" in caplog.text


def test_the_rate_is_the_one_that_the_sensor_runs_at(opened: Open) -> None:
    library = make_library()
    camera = opened(Picamera2Camera(library, 0, boottime_ns, (64, 48), 100))
    camera.read(1)
    assert camera.frames_per_second == pytest.approx(30, abs=0.01)
    library.Picamera2.frame_duration_us = 100_000  # a dark night: longer exposure
    camera.read(1)

    assert camera.frames_per_second == 10


@pytest.mark.parametrize("duration_us", [0, -1])
def test_a_sensor_that_states_nonsense_states_no_rate(opened: Open, duration_us: int) -> None:
    camera = opened(Picamera2Camera(make_library(frame_duration_us=duration_us), 0, boottime_ns, (64, 48)))
    camera.read(1)

    assert camera.frames_per_second is None


def test_a_camera_that_is_closed_while_it_starts_is_left_free() -> None:
    library = make_library()
    camera = Picamera2Camera(library, 0, boottime_ns)
    library.Picamera2.during_start = staticmethod(camera.close)

    with pytest.raises(CameraError, match="closed while it was opened"):
        camera.open()
    assert library.Picamera2.opened[0].closed


def test_without_a_sensor_timestamp_the_time_of_reading_serves(opened: Open) -> None:
    before_ns = boottime_ns()
    camera = opened(Picamera2Camera(make_library(no_timestamp=True), 0, boottime_ns))

    assert before_ns <= camera.read(1).boottime_ns <= boottime_ns()


def test_every_buffer_goes_back_to_the_sensor(opened: Open) -> None:
    library = make_library()
    camera = opened(Picamera2Camera(library, 0, boottime_ns, (64, 48)))
    for _ in range(20):
        camera.read(1)

    assert library.Picamera2.opened[0].held == 0


def test_a_camera_in_use_by_another_program_is_named_with_what_to_do(library: Any) -> None:
    other = Picamera2Camera(library, 0, boottime_ns)
    other.open()

    with pytest.raises(CameraError, match=r"camera 0 .*busy.*rpicam-hello"):
        Picamera2Camera(library, 0, boottime_ns).open()
    other.close()


def test_a_camera_that_is_not_there_is_named_with_what_to_do(library: Any) -> None:
    with pytest.raises(CameraError, match=r"camera 5 is not there .*No camera number 5.*rpicam-hello"):
        Picamera2Camera(library, 5, boottime_ns).open()


def test_a_size_that_the_sensor_refuses_leaves_the_camera_free() -> None:
    library = make_library()

    with pytest.raises(CameraError, match="width and height"):
        Picamera2Camera(library, 0, boottime_ns, (1, 1)).open()
    assert library.Picamera2.in_use == set()


def test_after_a_hung_capture_the_camera_can_be_closed_and_opened_again(opened: Open) -> None:
    library = make_library(hang_capture=True)
    camera = opened(Picamera2Camera(library, 0, boottime_ns))
    with pytest.raises(CameraSilentError):
        camera.read(0.1)
    camera.close()
    library.Picamera2.hang_capture = False
    camera.open()

    assert camera.read(1).number == 1


def test_a_broken_frontend_is_a_camera_error(opened: Open) -> None:
    library = make_library()
    camera = opened(Picamera2Camera(library, 0, boottime_ns))
    library.Picamera2.broken = True

    with pytest.raises(CameraError, match="has stopped"):
        camera.read(1)


def test_a_stop_that_hangs_in_libcamera_holds_up_nobody(
    opened: Open, monkeypatch: pytest.MonkeyPatch, release: threading.Event
) -> None:
    monkeypatch.setattr(picamera2_camera, "_CLOSE_LIMIT_S", 0.1)
    library = make_library(hang_stop=release)
    camera = opened(Picamera2Camera(library, 0, boottime_ns))
    closing = threading.Thread(target=camera.close, name="closer")
    closing.start()
    closing.join(10)

    assert not closing.is_alive()
    assert not library.Picamera2.opened[0].closed
