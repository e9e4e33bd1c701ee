"""What every Camera promises, fake or real."""

import numpy as np
import pytest

from agent.core.errors import CameraError
from agent.ports import Camera
from tests.support.camera_rigs import Rig
from tests.support.vision_media import read_in_background
from tests.support.vision_stand_ins import boottime_ns


def test_frames_are_blue_green_red_pictures_of_the_set_size(rig: Rig, camera: Camera) -> None:
    camera.open()
    pixels = camera.read(5).pixels

    assert pixels.dtype == np.uint8
    assert pixels.shape == (rig.size[1], rig.size[0], 3)


def test_a_source_with_a_second_stream_gives_the_same_view_smaller_and_grey(rig: Rig, camera: Camera) -> None:
    camera.open()
    frame = camera.read(5)

    assert (frame.grey is not None) == rig.has_grey
    if frame.grey is not None:
        assert frame.grey.dtype == np.uint8
        assert frame.grey.ndim == 2
        assert frame.grey.shape[0] <= frame.pixels.shape[0]
        assert frame.grey.shape[1] / frame.grey.shape[0] == pytest.approx(rig.size[0] / rig.size[1], rel=0.05)


def test_the_source_states_its_rate(rig: Rig, camera: Camera) -> None:
    camera.open()
    camera.read(5)

    assert camera.frames_per_second == pytest.approx(rig.rate, rel=0.01)


def test_before_it_is_opened_a_rate_can_be_asked_for(rig: Rig, camera: Camera) -> None:
    assert camera.frames_per_second in {None, rig.rate}


def test_frames_are_numbered_from_one_and_stamped_with_the_time_of_capture(camera: Camera) -> None:
    before_ns = boottime_ns()
    camera.open()
    numbers, stamps = [], []
    for _ in range(10):
        frame = camera.read(5)
        numbers.append(frame.number)
        stamps.append(frame.boottime_ns)
        assert frame.boottime_ns <= boottime_ns(), "a frame from the future"

    assert numbers[0] >= 1
    assert numbers == sorted(set(numbers))
    assert stamps == sorted(set(stamps))
    assert before_ns - 1_000_000_000 < stamps[0]


def test_a_frame_that_is_kept_is_not_overwritten_by_later_ones(camera: Camera) -> None:
    camera.open()
    first = camera.read(5)
    kept = [first.pixels] if first.grey is None else [first.pixels, first.grey]
    copies = [pixels.copy() for pixels in kept]
    for _ in range(5):
        camera.read(5)

    assert all(np.array_equal(pixels, copy) for pixels, copy in zip(kept, copies, strict=True))


def test_a_frame_may_be_drawn_on_or_is_read_only_and_no_later_one_shows_the_drawing(camera: Camera) -> None:
    camera.open()
    frames = []
    for _ in range(8):  # as often as each picture of a folder comes again
        frames.append(camera.read(5))
        for array in (frames[-1].pixels, frames[-1].grey):
            if array is not None and array.flags.writeable:
                assert not any(np.shares_memory(array, other.pixels) for other in frames[:-1])
                assert not any(other.grey is not None and np.shares_memory(array, other.grey) for other in frames[:-1])
                array.fill(7)

    assert not any(frame.pixels.flags.writeable and (frame.pixels != 7).any() for frame in frames)


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
    for _ in range(30):
        last = camera.read(5)
    camera.close()
    camera.open()
    again = camera.read(5)

    assert again.number < last.number
    assert again.boottime_ns > last.boottime_ns


def test_a_camera_that_is_closed_while_it_opens_gives_no_frame_and_can_be_opened_again(
    rig: Rig, camera: Camera
) -> None:
    rig.during_open(camera.close)
    with pytest.raises(CameraError):  # some notice while they open, the others when they are read
        open_and_read(camera)
    rig.during_open(lambda: None)
    camera.open()

    assert camera.read(5).number >= 1


def open_and_read(camera: Camera) -> None:
    camera.open()
    camera.read(5)


def test_closing_from_another_thread_ends_a_read_under_way(camera: Camera) -> None:
    camera.open()
    camera.read(5)
    wait_until_it_fails = read_in_background(camera)
    camera.close()
    wait_until_it_fails()
