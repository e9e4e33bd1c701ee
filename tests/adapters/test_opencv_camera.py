import time
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from agent.adapters.opencv_camera import OpenCvCamera
from agent.adapters.opencv_device import OpenCvDevice
from agent.adapters.opencv_stream import OpenCvStream
from agent.core.errors import CameraError, CameraSilentError
from tests.support.mjpeg_server import MjpegServer
from tests.support.vision_media import read_in_background, read_until_error

PASSWORD = "geheim-7301"


def boottime_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


@pytest.fixture
def server() -> Iterator[MjpegServer]:
    with MjpegServer() as running:
        yield running


@pytest.fixture
def camera(server: MjpegServer) -> Iterator[OpenCvCamera]:
    url = f"http://user:{PASSWORD}@127.0.0.1:{server.port}/stream?token={PASSWORD}"
    camera = OpenCvCamera("the stream of camera yard", OpenCvStream(url, read_timeout_ms=1000), boottime_ns)
    yield camera
    camera.close()


def test_a_network_stream_gives_numbered_frames(camera: OpenCvCamera) -> None:
    camera.open()
    frames = [camera.read(5) for _ in range(3)]

    assert [frame.number for frame in frames] == [1, 2, 3]
    assert frames[0].pixels.shape == (48, 64, 3)
    assert frames[0].boottime_ns < frames[-1].boottime_ns <= boottime_ns()


def test_a_stream_that_falls_silent_is_noticed(server: MjpegServer, camera: OpenCvCamera) -> None:
    camera.open()
    camera.read(5)
    server.silent.set()

    with pytest.raises(CameraSilentError, match="gave no picture"):
        read_until_error(camera)


def test_a_stream_that_hangs_up_is_lost_and_can_be_opened_again(server: MjpegServer, camera: OpenCvCamera) -> None:
    camera.open()
    camera.read(5)
    server.hang_up.set()
    with pytest.raises(CameraError, match=r"has stopped: check .* network"):
        read_until_error(camera)
    camera.close()
    server.hang_up.clear()
    camera.open()

    assert camera.read(5).number == 1


def test_closing_while_another_thread_reads_is_safe(camera: OpenCvCamera) -> None:
    camera.open()
    wait_until_it_fails = read_in_background(camera)
    camera.close()
    wait_until_it_fails()


@pytest.mark.parametrize("address", ["127.0.0.1:1/x", "127.0.0.1:1/x?token=" + PASSWORD])
def test_an_address_with_a_password_reaches_neither_the_error_nor_any_output(
    address: str, capfd: pytest.CaptureFixture[str]
) -> None:
    stream = OpenCvStream(f"rtsp://user:{PASSWORD}@{address}")
    camera = OpenCvCamera("the stream of camera yard", stream, boottime_ns)

    with pytest.raises(CameraError) as caught:
        camera.open()
    chain = f"{caught.value} {caught.value.__cause__} {caught.value.__context__}"
    output = capfd.readouterr()
    assert "camera yard" in chain
    assert PASSWORD not in chain + output.out + output.err


def test_a_missing_device_is_named_with_what_to_do() -> None:
    with pytest.raises(CameraError, match=r"/dev/video99 can.t be opened: it is not there: check cable"):
        OpenCvCamera("/dev/video99", OpenCvDevice("/dev/video99"), boottime_ns).open()


class RepeatingStream:
    """A network stream, as OpenCV hands it out, whose clock moves for a while and then repeats its last moment."""

    def __init__(self, *_: object) -> None:
        self._grabs = 0

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def grab(self) -> bool:
        self._grabs += 1
        return True

    def get(self, property_id: int) -> float:
        return 25.0 if property_id == cv2.CAP_PROP_FPS else min(self._grabs, 10) * 40.0

    def retrieve(self) -> tuple[bool, np.ndarray]:
        return True, np.zeros((48, 64, 3), np.uint8)

    def release(self) -> None:
        return


def test_a_stream_that_repeats_its_last_moment_gives_frames_that_get_no_younger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cv2.VideoCapture", RepeatingStream)
    now_ns = 10**12

    def clock() -> int:
        nonlocal now_ns
        now_ns += 40_000_000
        return now_ns

    camera = OpenCvCamera("the stream of camera yard", OpenCvStream("rtsp://127.0.0.1/yard"), clock)
    camera.open()
    stamps = [camera.read(1).boottime_ns for _ in range(100)]

    assert stamps[9] == 10**12 + 10 * 40_000_000
    assert stamps == sorted(set(stamps))
    assert stamps[99] - stamps[9] < 1_000_000
