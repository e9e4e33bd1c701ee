from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.adapters.opencv_file_camera import OpenCvFileCamera
from agent.adapters.opencv_imaging import jpeg
from agent.core.errors import CameraEndedError, CameraError, CameraSilentError
from tests.support.vision_media import Open, cut_off, number_of, read_until_error, write_video
from tests.support.vision_stand_ins import SECOND, ManualClock, boottime_ns


def test_frames_come_at_the_pace_of_the_file(tmp_path: Path, opened: Open) -> None:
    write_video(tmp_path / "v.avi", frames=25, fps=50)  # with room for what a busy machine skips
    began_ns = boottime_ns()
    camera = opened(OpenCvFileCamera(tmp_path / "v.avi", boottime_ns))
    frames = [camera.read(1) for _ in range(8)]

    assert boottime_ns() - began_ns >= 8 * SECOND // 50
    assert [frame.boottime_ns - frames[0].boottime_ns for frame in frames] == [
        (frame.number - frames[0].number) * SECOND // 50 for frame in frames
    ]
    assert [number_of(frame.pixels) for frame in frames] == [frame.number for frame in frames]


def test_frames_that_are_late_are_skipped_and_still_counted(tmp_path: Path, opened: Open) -> None:
    write_video(tmp_path / "v.avi", frames=20, fps=10)
    fake = ManualClock()
    camera = opened(OpenCvFileCamera(tmp_path / "v.avi", fake.boottime_ns))
    fake.now_ns += 105 * SECOND // 100
    frame = camera.read(1)

    assert frame.number == 10
    assert number_of(frame.pixels) == 10
    assert fake.now_ns - frame.boottime_ns == 5 * SECOND // 100


def test_without_loop_the_end_of_the_file_is_the_end(tmp_path: Path, opened: Open) -> None:
    write_video(tmp_path / "v.avi", frames=3, fps=200)
    camera = opened(OpenCvFileCamera(tmp_path / "v.avi", boottime_ns))

    with pytest.raises(CameraEndedError, match="ended after 3 frames"):
        read_until_error(camera)


def test_with_loop_the_file_begins_again_and_its_numbers_go_on(tmp_path: Path, opened: Open) -> None:
    write_video(tmp_path / "v.avi", frames=5, fps=10)
    fake = ManualClock()
    camera = opened(OpenCvFileCamera(tmp_path / "v.avi", fake.boottime_ns, loop=True))
    seen = []
    for _ in range(12):
        fake.now_ns += SECOND // 10
        frame = camera.read(1)
        seen.append((frame.number, number_of(frame.pixels)))

    assert seen == [(number, (number - 1) % 5 + 1) for number in range(1, 13)]


def test_a_frame_that_is_not_due_within_the_limit_is_silence(tmp_path: Path, opened: Open) -> None:
    write_video(tmp_path / "v.avi", frames=3, fps=1)
    camera = opened(OpenCvFileCamera(tmp_path / "v.avi", boottime_ns))

    with pytest.raises(CameraSilentError):
        camera.read(0.01)


def test_a_missing_file_and_one_that_is_no_video_are_named(tmp_path: Path) -> None:
    (tmp_path / "text.avi").write_text("no video\n" * 100)
    for name, says in [("none.avi", "is not there: check the path"), ("text.avi", "is not a readable video")]:
        with pytest.raises(CameraError, match=f"{name} {says}"):
            OpenCvFileCamera(tmp_path / name, boottime_ns).open()


def test_of_a_file_that_was_cut_off_what_is_left_is_played(tmp_path: Path, opened: Open) -> None:
    write_video(tmp_path / "v.avi", frames=20, fps=200)
    cut_off(tmp_path / "v.avi", 0.5)
    camera = opened(OpenCvFileCamera(tmp_path / "v.avi", boottime_ns))

    with pytest.raises(CameraEndedError, match=r"ended after \d+ frames"):
        read_until_error(camera)


def test_a_file_that_was_cut_off_is_looped_all_the_same(tmp_path: Path, opened: Open) -> None:
    write_video(tmp_path / "v.avi", frames=20, fps=10)
    cut_off(tmp_path / "v.avi", 0.5)
    fake = ManualClock()
    camera = opened(OpenCvFileCamera(tmp_path / "v.avi", fake.boottime_ns, loop=True))
    seen = []
    for _ in range(30):
        fake.now_ns += SECOND // 10
        seen.append(number_of(camera.read(1).pixels))

    assert 5 <= max(seen) < 20
    assert seen.count(1) > 1


def test_a_file_with_damage_in_the_middle_is_played_or_ends_with_an_error_and_nothing_else(
    tmp_path: Path, opened: Open
) -> None:
    write_video(tmp_path / "v.avi", frames=20, fps=200)
    content = bytearray((tmp_path / "v.avi").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = bytes(range(250)) * 8
    (tmp_path / "v.avi").write_bytes(content)
    camera = opened(OpenCvFileCamera(tmp_path / "v.avi", boottime_ns))

    with pytest.raises(CameraError):
        read_until_error(camera)


def test_a_file_whose_pictures_change_their_size_is_played_to_its_end(tmp_path: Path, opened: Open) -> None:
    pictures = [np.full((side, side, 3), 90, np.uint8) for side in [32] * 10 + [64] * 10]
    (tmp_path / "v.mjpeg").write_bytes(b"".join(jpeg(picture, 90) for picture in pictures))
    fake = ManualClock()
    camera = opened(OpenCvFileCamera(tmp_path / "v.mjpeg", fake.boottime_ns))
    for _ in range(20):
        fake.now_ns += SECOND // 25
        assert camera.read(1).pixels.shape in {(32, 32, 3), (64, 64, 3)}

    with pytest.raises(CameraEndedError):
        camera.read(1)


@pytest.mark.parametrize("stated", [0, 5000])
def test_a_file_that_states_no_sensible_rate_is_played_at_25(
    tmp_path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch, stated: float
) -> None:
    class Stating:
        def __init__(self, path: str, backend: int) -> None:
            self._real = capture_class(path, backend)

        def get(self, property_id: int) -> float:
            return stated

        def __getattr__(self, name: str) -> object:
            return getattr(self._real, name)

    capture_class = cv2.VideoCapture
    write_video(tmp_path / "v.avi", frames=5, fps=10)
    monkeypatch.setattr("cv2.VideoCapture", Stating)
    camera = opened(OpenCvFileCamera(tmp_path / "v.avi", boottime_ns, loop=True))
    first, second = camera.read(1), camera.read(1)

    assert camera.frames_per_second is None
    assert second.boottime_ns - first.boottime_ns == (second.number - first.number) * SECOND // 25
