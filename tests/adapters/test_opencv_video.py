from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.core.errors import CameraError
from deploy.lab.opencv_video import VideoFile, VideoWriter
from tests.support.vision_media import cut_off, demo_video, grey_of, number_of, write_video


def test_every_frame_comes_once_in_order_and_without_waiting_for_its_time(tmp_path: Path) -> None:
    write_video(tmp_path / "v.avi", frames=20, fps=0.01)
    video = VideoFile(tmp_path / "v.avi")

    for _ in range(2):
        frames = list(video)  # each the caller's own
        assert [number_of(pixels) for pixels in frames] == list(range(1, 21))


def test_a_file_states_its_rate_its_length_and_its_size() -> None:
    video = VideoFile(demo_video())

    assert video.frames_per_second == 10
    assert video.frame_count == 795
    assert video.size == (768, 576)


def test_an_iteration_that_is_left_early_holds_no_file_open(tmp_path: Path) -> None:
    write_video(tmp_path / "v.avi", frames=3, fps=10)
    frames = iter(VideoFile(tmp_path / "v.avi"))
    next(frames)
    frames.close()  # type: ignore[attr-defined]

    open_files = [link.resolve() for link in Path("/proc/self/fd").iterdir()]
    assert tmp_path / "v.avi" not in open_files


@pytest.mark.parametrize("kept", [0.9, 0.5])
def test_a_file_that_was_cut_off_gives_what_is_left_of_it(tmp_path: Path, kept: float) -> None:
    write_video(tmp_path / "v.avi", frames=20, fps=10)
    cut_off(tmp_path / "v.avi", kept)
    frames = list(VideoFile(tmp_path / "v.avi"))

    assert 5 <= len(frames) < 20
    assert [number_of(pixels) for pixels in frames[:5]] == [1, 2, 3, 4, 5]


def test_a_file_of_which_only_the_head_is_left_is_an_error(tmp_path: Path) -> None:
    write_video(tmp_path / "v.avi", frames=20, fps=10)
    cut_off(tmp_path / "v.avi", 0.0)

    with pytest.raises(CameraError, match=r"v\.avi"):
        list(VideoFile(tmp_path / "v.avi"))


def test_a_missing_file_and_one_that_is_no_video_are_named(tmp_path: Path) -> None:
    (tmp_path / "text.avi").write_text("no video\n" * 100)

    with pytest.raises(CameraError, match=r"none\.avi is not there"):
        VideoFile(tmp_path / "none.avi")
    with pytest.raises(CameraError, match=r"text\.avi is not a readable video"):
        VideoFile(tmp_path / "text.avi")


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "seen.mp4"
    with VideoWriter(path, 12.5, (64, 48)) as writer:
        for number in range(1, 21):
            writer.write(np.full((48, 64, 3), grey_of(number), np.uint8))
    video = VideoFile(path)

    assert video.frames_per_second == 12.5
    assert video.size == (64, 48)
    assert [number_of(pixels) for pixels in video] == list(range(1, 21))


def test_where_ffmpeg_has_no_encoder_for_h264_the_fallback_is_written(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "seen.mp4", 10, (64, 48)) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8))
    capture = cv2.VideoCapture(str(tmp_path / "seen.mp4"), cv2.CAP_FFMPEG)
    codec = int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little")
    capture.release()

    assert codec in {b"FMP4", b"mp4v", b"avc1", b"h264"}


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((48, 63, 3), np.uint8), np.zeros((48, 64), np.uint8), np.zeros((48, 64, 3), np.float32)],
    ids=["size", "grey", "type"],
)
def test_a_picture_of_another_form_is_refused_and_the_video_goes_on(tmp_path: Path, pixels: np.ndarray) -> None:
    path = tmp_path / "seen.mp4"
    with VideoWriter(path, 10, (64, 48)) as writer:
        with pytest.raises(CameraError, match="64 x 48"):
            writer.write(pixels)
        writer.write(np.zeros((48, 64, 3), np.uint8))

    assert len(list(VideoFile(path))) == 1


def test_a_video_that_can_not_be_written_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(CameraError, match=r"none/seen\.mp4 can't be written"),
        VideoWriter(tmp_path / "none" / "seen.mp4", 10, (64, 48)),
    ):
        pass


def test_after_its_end_nothing_can_be_added(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "seen.mp4", 10, (64, 48)) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8))

    with pytest.raises(CameraError, match="not being written"):
        writer.write(np.zeros((48, 64, 3), np.uint8))
