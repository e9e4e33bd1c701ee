import numpy as np

from agent.adapters.opencv_imaging import reduced_grey
from agent.ports import Frame
from agent.vision.motion import CELL_PX
from agent.vision.small_grey import motion_size, with_grey
from tests.support.tampered_video import frames_of
from tests.support.vision_media import demo_video


def test_a_frame_gets_a_grey_picture_of_its_own_shape_twice_the_size_that_motion_needs() -> None:
    pixels = frames_of(demo_video())[0]
    columns, rows = motion_size(pixels.shape[1], pixels.shape[0])

    grey = with_grey(Frame(pixels, 1, 1), reduced_grey).grey

    assert grey is not None
    assert grey.shape == (2 * rows, 2 * columns)
    assert rows % CELL_PX == 0
    exact = pixels @ np.array([0.114, 0.587, 0.299])
    means = exact.reshape(2 * rows, 2, 2 * columns, 2).mean(axis=(1, 3))
    assert np.abs(grey - means).mean() < 1


def test_the_second_stream_of_a_camera_is_taken_as_it_is() -> None:
    second = np.full((18, 32), 7, np.uint8)

    frame = with_grey(Frame(np.zeros((72, 128, 3), np.uint8), 1, 1, second), reduced_grey)

    assert frame.grey is second
