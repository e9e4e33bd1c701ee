"""What every Camera promises when its source is lost, silent or hung, alone and in the hands of the capture loop."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.core.errors import CameraError, CameraSilentError
from agent.ports import Camera
from agent.vision.capture import Capture, CaptureLimits
from agent.vision.frame_slot import FrameSlot
from tests.support.camera_rigs import RIGS, Rig, file, name_of, rtsp
from tests.support.vision_media import read_in_background, read_until_error
from tests.support.vision_stand_ins import boottime_ns, given_up
from tests.support.wait import wait_for

LIMITS = CaptureLimits(silence_s=1, grace_s=3, first_retry_s=0.05, last_retry_s=0.2, stop_s=5)
HUNG = CaptureLimits(silence_s=0.5, grace_s=0.5, first_retry_s=0.05, last_retry_s=0.2, stop_s=0.1)


@pytest.fixture
def free() -> Iterator[threading.Event]:
    """Ends every hang, at the end."""
    event = threading.Event()
    yield event
    event.set()
    names = {"capture", "picamera2-close", "reader"}
    wait_for(lambda: not names & {thread.name for thread in threading.enumerate()}, what="the end of threads")


@contextmanager
def capturing(make: Callable[[], Camera], limits: CaptureLimits) -> Iterator[tuple[Capture, FrameSlot]]:
    """A capture loop that runs, and where it puts its frames."""
    slot = FrameSlot()
    capture = Capture("yard", make, slot, boottime_ns, limits)
    capture.start()
    try:
        yield capture, slot
    finally:
        capture.stop()


@pytest.mark.parametrize("rig", [make for make in RIGS if make is not file], ids=name_of, indirect=True)
def test_a_camera_that_falls_silent_is_noticed_within_the_limit(rig: Rig, camera: Camera) -> None:
    assert rig.silence is not None, "but a file that is open has its frames"
    camera.open()
    camera.read(5)
    rig.silence()
    began = time.monotonic()

    with pytest.raises(CameraSilentError):
        read_until_error(camera, timeout_s=0.2)
    assert time.monotonic() - began < 10


def test_a_camera_that_is_gone_can_not_be_opened_and_the_error_says_so_in_one_line(rig: Rig, camera: Camera) -> None:
    rig.lose()

    with pytest.raises(CameraError) as caught:
        camera.open()
    assert "\n" not in str(caught.value)
    assert str(caught.value)


def test_a_camera_that_is_lost_and_comes_back_is_opened_again(rig: Rig, camera: Camera) -> None:
    camera.open()
    camera.read(5)
    rig.lose()
    with pytest.raises(CameraError):
        read_until_error(camera, timeout_s=1)
    camera.close()
    with pytest.raises(CameraError):
        camera.open()
    rig.mend()
    camera.open()

    assert camera.read(5).boottime_ns <= boottime_ns()


def test_the_capture_loop_opens_a_lost_camera_again_by_itself(rig: Rig) -> None:
    with capturing(rig.make, LIMITS) as (capture, slot):
        wait_for(lambda: slot.newest() is not None and not capture.detail, what="a frame")
        assert capture.stated_frames_per_second == pytest.approx(rig.rate, rel=0.01)
        rig.lose()
        wait_for(lambda: capture.detail, what="the loss")
        lost = slot.newest()
        rig.mend()
        wait_for(lambda: slot.newest() is not lost and not capture.detail, what="frames again")
        capture.check()


def test_closing_a_camera_that_hangs_returns_and_the_read_fails_when_it_comes_back(
    rig: Rig, camera: Camera, free: threading.Event
) -> None:
    camera.open()
    camera.read(5)
    rig.hang(free)
    wait_until_it_fails = read_in_background(camera)
    closer = threading.Thread(target=camera.close, name="closer")
    closer.start()
    closer.join(10)

    assert not closer.is_alive(), "close waits for a driver that hangs"
    free.set()
    wait_until_it_fails()


def test_a_camera_that_hangs_is_opened_again_and_then_given_up(rig: Rig, free: threading.Event) -> None:
    with capturing(rig.make, HUNG) as (capture, slot):
        wait_for(slot.newest, what="a frame")
        rig.hang(free)

        assert "opening it again did not help" in given_up(capture)
        free.set()


def test_a_camera_that_hangs_while_it_opens_is_given_up_as_well(rig: Rig, free: threading.Event) -> None:
    rig.during_open(free.wait)
    with capturing(rig.make, HUNG) as (capture, slot):
        assert "opening it again did not help" in given_up(capture)
        assert slot.newest() is None
        free.set()


@pytest.mark.parametrize("rig", [make for make in RIGS if make not in {file, rtsp}], ids=name_of, indirect=True)
def test_a_camera_that_stays_silent_is_opened_again_and_then_given_up(rig: Rig) -> None:
    assert rig.silence is not None
    with capturing(rig.make, HUNG) as (capture, slot):
        wait_for(slot.newest, what="a frame")
        rig.silence()

        assert "opening it again did not help" in given_up(capture)


def test_a_stream_that_stalls_is_told_and_tried_for_ever_as_its_camera_no_longer_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with rtsp(tmp_path, monkeypatch) as rig:
        assert rig.silence is not None
        with capturing(rig.make, LIMITS) as (capture, slot):
            wait_for(lambda: slot.newest() is not None and not capture.detail, what="a frame")
            rig.silence()
            wait_for(lambda: "can't be opened" in capture.detail, what="the reason")
            capture.check()
