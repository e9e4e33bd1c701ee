"""Sources that are not what the settings promise: the camera process says what is wrong, stays, and tries again."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.vision.camera_factory import make_camera
from agent.vision.capture import Capture, CaptureLimits
from agent.vision.frame_slot import FrameSlot
from tests.support.vision_media import cut_off, write_video
from tests.support.vision_process import vision_spec
from tests.support.vision_stand_ins import boottime_ns
from tests.support.wait import wait_for

LIMITS = CaptureLimits(silence_s=5, grace_s=5, first_retry_s=0.02, last_retry_s=0.1, stop_s=5)
Start = Callable[[str], Capture]


@pytest.fixture
def slot() -> FrameSlot:
    return FrameSlot()


@pytest.fixture
def start(tmp_path: Path, slot: FrameSlot) -> Iterator[Start]:
    running: list[Capture] = []

    def start(source: str) -> Capture:
        spec = vision_spec(tmp_path, source=source, simulate=False, frames_per_second=100)
        running.append(Capture("front", lambda: make_camera(spec, boottime_ns), slot, boottime_ns, LIMITS))
        running[-1].start()
        return running[-1]

    yield start
    for capture in running:
        capture.stop()


def no_file(path: Path) -> None:
    """There is nothing."""


def empty_file(path: Path) -> None:
    path.touch()


def a_text(path: Path) -> None:
    path.write_text("no video\n" * 1000)


def a_head_without_pictures(path: Path) -> None:
    write_video(path, frames=20, fps=50)
    cut_off(path, 0.0)


@pytest.mark.parametrize("spoil", [no_file, empty_file, a_text, a_head_without_pictures])
def test_a_video_file_that_is_none_is_named_until_there_is_one(
    tmp_path: Path, start: Start, slot: FrameSlot, spoil: Callable[[Path], None]
) -> None:
    path = tmp_path / "v.avi"
    spoil(path)
    capture = start(f"file:{path}?loop=1")
    wait_for(lambda: "v.avi" in capture.detail, what="the reason")
    capture.check()
    write_video(path, frames=20, fps=50)

    wait_for(lambda: slot.newest() is not None and not capture.detail, what="a picture")


def test_a_video_that_was_cut_off_goes_round_what_is_left_of_it(tmp_path: Path, start: Start, slot: FrameSlot) -> None:
    path = tmp_path / "v.avi"
    write_video(path, frames=20, fps=100)
    cut_off(path, 0.5)
    capture = start(f"file:{path}?loop=1")

    wait_for(lambda: getattr(slot.newest(), "number", 0) > 40, what="more pictures than the file ever had")
    assert capture.detail == ""


def test_an_empty_folder_is_named_until_it_has_a_picture(tmp_path: Path, start: Start, slot: FrameSlot) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    capture = start(f"file:{folder}")
    wait_for(lambda: "holds no JPEG or PNG" in capture.detail, what="the reason")
    cv2.imwrite(str(folder / "1.png"), np.zeros((48, 64, 3), np.uint8))

    wait_for(lambda: slot.newest() is not None and not capture.detail, what="a picture")


def test_a_picture_of_a_folder_that_can_not_be_read_is_named_and_the_others_are_shown(
    tmp_path: Path, start: Start, slot: FrameSlot, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    cv2.imwrite(str(folder / "1.png"), np.zeros((48, 64, 3), np.uint8))
    (folder / "2.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more of it")
    cv2.imwrite(str(folder / "3.png"), np.zeros((24, 32), np.uint8))
    capture = start(f"file:{folder}")

    wait_for(lambda: getattr(slot.newest(), "pixels", np.zeros(0)).shape == (24, 32, 3), what="the third picture")
    assert "2.jpg is not a readable picture" in caplog.text
    capture.check()


def test_a_stream_that_is_not_there_is_told_without_its_password_and_tried_again(start: Start) -> None:
    capture = start("rtsp://user:geheim-7301@127.0.0.1:1/yard")
    wait_for(lambda: "can't be opened" in capture.detail, what="the reason")

    capture.check()
    assert "geheim" not in capture.detail
    assert "127.0.0.1" not in capture.detail
