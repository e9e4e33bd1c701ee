"""RTSP, against a real server: GStreamer's."""

import os
from collections.abc import Iterator
from itertools import pairwise

import cv2
import numpy as np
import pytest

from agent.adapters.opencv_camera import OpenCvCamera
from agent.adapters.opencv_stream import OpenCvStream
from agent.core.errors import CameraError, CameraSilentError
from tests.support.rtsp_server import SIZE, RtspServer
from tests.support.vision_media import read_in_background, read_until_error
from tests.support.vision_stand_ins import SECOND, boottime_ns
from tests.support.wait import wait_for

OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
PASSWORD = "geheim-7301"


@pytest.fixture(autouse=True)
def no_options_of_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OPTIONS, "")  # so that it is as it was after the test, whatever is set in it
    monkeypatch.delenv(OPTIONS)


@pytest.fixture
def server() -> Iterator[RtspServer]:
    with RtspServer() as running:
        yield running


def camera_of(url: str) -> OpenCvCamera:
    return OpenCvCamera("the stream of camera yard", OpenCvStream(url, 5000, 1000), boottime_ns)


@pytest.fixture
def camera(server: RtspServer) -> Iterator[OpenCvCamera]:
    camera = camera_of(server.url())
    yield camera
    camera.close()


def test_it_plays_with_the_size_and_the_rate_of_the_camera(camera: OpenCvCamera) -> None:
    camera.open()
    frames = [camera.read(5) for _ in range(5)]

    assert [frame.number for frame in frames] == [1, 2, 3, 4, 5]
    assert {frame.pixels.shape for frame in frames} == {(SIZE[1], SIZE[0], 3)}
    assert camera.frames_per_second == 20


def test_of_a_camera_with_a_microphone_the_video_alone_is_set_up(server: RtspServer, camera: OpenCvCamera) -> None:
    camera.open()
    camera.read(5)

    assert server.set_up == [f"{server.url()}/stream=0"]


@pytest.mark.parametrize("chosen", ["rtsp_transport;tcp|max_delay;100000", ""])
def test_what_a_person_has_set_stays_and_audio_is_still_not_opened(
    server: RtspServer, camera: OpenCvCamera, monkeypatch: pytest.MonkeyPatch, chosen: str
) -> None:
    monkeypatch.setenv(OPTIONS, chosen)
    camera.open()
    camera.read(5)

    assert os.environ[OPTIONS].removesuffix("allowed_media_types;video") == (f"{chosen}|" if chosen else "")
    assert server.set_up == [f"{server.url()}/stream=0"]


def test_stamps_go_by_the_clock_of_the_camera_and_are_never_from_the_future(camera: OpenCvCamera) -> None:
    camera.open()
    for _ in range(30):  # past what had waited since the stream was opened
        camera.read(5)
    stamps = []
    for _ in range(20):
        stamps.append(camera.read(5).boottime_ns)
        assert stamps[-1] <= boottime_ns()

    steps = [later - earlier for earlier, later in pairwise(stamps)]
    assert min(steps) > 0
    assert sorted(steps)[len(steps) // 2] == pytest.approx(SECOND / 20, abs=SECOND / 200)


def test_a_stream_may_change_its_size_in_the_middle(server: RtspServer, camera: OpenCvCamera) -> None:
    camera.open()
    assert camera.read(5).pixels.shape == (240, 320, 3)
    server.resize(480, 360)
    wait_for(lambda: camera.read(5) and server.sizes[-1] == (480, 360), what="the new size")
    frames = [camera.read(5) for _ in range(60)]

    # OpenCV scales to the size that the stream had when it was opened; some versions hand on the new one.
    assert frames[-1].pixels.shape in {(240, 320, 3), (360, 480, 3)}
    assert frames[-1].boottime_ns - frames[0].boottime_ns > SECOND


def test_a_camera_that_stalls_is_silent_within_the_limit(server: RtspServer, camera: OpenCvCamera) -> None:
    camera.open()
    camera.read(5)
    server.freeze()
    began_ns = boottime_ns()

    with pytest.raises(CameraSilentError, match="gave no picture"):
        read_until_error(camera)
    assert boottime_ns() - began_ns < 10 * SECOND


def test_a_camera_that_loses_its_power_says_what_to_check(server: RtspServer, camera: OpenCvCamera) -> None:
    camera.open()
    camera.read(5)
    server.kill()

    with pytest.raises(CameraError, match="has stopped: check the camera's power"):
        read_until_error(camera)


def test_a_wrong_path_is_an_error_in_one_line_without_the_password(
    server: RtspServer, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CameraError) as caught:
        camera_of(server.url("garden", f"user:{PASSWORD}")).open()
    output = capfd.readouterr()
    chain = f"{caught.value} {caught.value.__cause__} {caught.value.__context__}"

    assert str(caught.value).startswith("the stream of camera yard can't be opened: check")
    assert "\n" not in str(caught.value)
    assert PASSWORD not in chain + output.out + output.err


def test_a_server_that_does_not_answer_holds_up_the_opening_for_the_limit_alone(server: RtspServer) -> None:
    server.freeze()
    began_ns = boottime_ns()

    with pytest.raises(CameraError, match="can't be opened"):
        OpenCvCamera("yard", OpenCvStream(server.url(), 500, 500), boottime_ns).open()
    assert boottime_ns() - began_ns < 10 * SECOND


def test_closing_while_a_frozen_camera_is_read_returns_at_once_and_ends_the_read(server: RtspServer) -> None:
    camera = OpenCvCamera("the stream of camera yard", OpenCvStream(server.url(), 5000, 6000), boottime_ns)
    camera.open()
    camera.read(5)
    server.freeze()
    wait_until_it_fails = read_in_background(camera)
    began_ns = boottime_ns()
    camera.close()

    assert boottime_ns() - began_ns < 4 * SECOND
    wait_until_it_fails()


@pytest.mark.parametrize("address", ["127.0.0.1:1/x", "127.0.0.1:1/x?token=" + PASSWORD])
def test_an_address_with_a_password_reaches_neither_the_error_nor_any_output(
    address: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CameraError) as caught:
        camera_of(f"rtsp://user:{PASSWORD}@{address}").open()
    chain = f"{caught.value} {caught.value.__cause__} {caught.value.__context__}"
    output = capfd.readouterr()
    assert "camera yard" in chain
    assert PASSWORD not in chain + output.out + output.err


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
