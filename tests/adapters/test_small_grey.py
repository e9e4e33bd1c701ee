import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agent.adapters.opencv_imaging import blobs, small_grey


@pytest.mark.parametrize(
    ("width", "height"),
    [(1, 1), (1, 3), (3, 1), (800, 1), (1, 800), (801, 3), (191, 107), (192, 108), (641, 363), (3840, 2160)],
)
@pytest.mark.parametrize("channels", [None, 3])
def test_a_picture_of_any_size_becomes_a_small_grey_one(width: int, height: int, channels: int | None) -> None:
    shape = (height, width) if channels is None else (height, width, channels)
    small = small_grey(np.full(shape, 77, np.uint8), 192, 108)

    assert small.shape == (108, 192)
    assert small.dtype == np.uint8
    assert (small == 77).all()


def test_a_grey_picture_gives_nearly_what_the_same_in_colour_gives() -> None:
    chance = np.random.default_rng(3)
    coloured = np.asarray(cv2.resize(chance.integers(0, 256, (40, 60, 3), np.uint8), (1280, 720)), np.uint8)
    grey = np.asarray(cv2.cvtColor(coloured, cv2.COLOR_BGR2GRAY), np.uint8)

    difference = small_grey(coloured, 192, 108).astype(int) - small_grey(grey, 192, 108)
    assert abs(difference).max() <= 3


def test_the_noise_of_single_pixels_is_nearly_gone() -> None:
    noisy = np.random.default_rng(3).integers(88, 168, (720, 1280, 3), np.uint8)

    assert small_grey(noisy, 192, 108).std() < 0.3 * noisy.std()


def test_where_something_is_stays_where_it_is() -> None:
    picture = np.zeros((720, 1280, 3), np.uint8)
    picture[360:, 640:] = 200
    small = small_grey(picture, 192, 108)

    assert (small[:52, :] == 0).all()
    assert (small[:, :94] == 0).all()
    assert (small[56:, 98:] == 200).all()


def test_the_picture_that_was_given_is_not_changed() -> None:
    picture = np.random.default_rng(3).integers(0, 256, (360, 640), np.uint8)
    kept = picture.copy()
    small_grey(picture, 192, 108)

    np.testing.assert_array_equal(picture, kept)


@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_every_cell_is_in_one_piece_and_each_piece_is_as_large_as_its_count(
    cells: "np.ndarray[tuple[int, int], np.dtype[np.bool_]]",
) -> None:
    found = blobs(cells)

    assert found.shape[1] == 5
    assert found[:, 4].sum() == cells.sum()
    for left, top, width, height, count in found.tolist():
        assert 1 <= count <= width * height
        assert cells[top : top + height, left : left + width].sum() >= count


def test_cells_that_touch_at_a_corner_are_one_piece_and_those_apart_are_two() -> None:
    cells = np.zeros((6, 8), bool)
    cells[1, 1] = cells[2, 2] = cells[4, 5] = cells[4, 6] = True

    assert sorted(blobs(cells).tolist()) == [[1, 1, 2, 2, 2], [5, 4, 2, 1, 2]]


def test_no_cell_no_piece() -> None:
    assert blobs(np.zeros((6, 8), bool)).shape == (0, 5)
