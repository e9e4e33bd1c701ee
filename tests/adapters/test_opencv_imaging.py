from pathlib import Path

import numpy as np
import pytest

from agent.adapters import opencv_imaging as imaging
from agent.core.errors import CameraError


def two_halves() -> imaging.Pixels:
    """Left half blue, right half red, in BGR."""
    pixels = np.zeros((60, 100, 3), np.uint8)
    pixels[:, :50, 0] = 250
    pixels[:, 50:, 2] = 200
    return pixels


def test_scaling_keeps_the_layout_and_swaps_blue_and_red() -> None:
    target = np.zeros((30, 30, 3), np.uint8)
    imaging.RgbScaler()(two_halves(), target)

    assert target[15, 5].tolist() == [0, 0, 250]
    assert target[15, 25].tolist() == [200, 0, 0]


def test_one_scaler_takes_pictures_of_every_size() -> None:
    scaler = imaging.RgbScaler()
    target = np.zeros((10, 10, 3), np.uint8)
    for height, width in ((5, 7), (600, 800), (10, 10)):
        scaler(np.full((height, width, 3), 77, np.uint8), target)
        assert (target == 77).all()


def test_one_scaler_fills_a_part_of_a_picture_and_leaves_the_rest() -> None:
    target = np.zeros((40, 50, 3), np.uint8)
    scaler = imaging.RgbScaler()
    scaler(np.full((600, 800, 3), 5, np.uint8), target[20:, 10:30])
    scaler(np.full((5, 7, 3), 77, np.uint8), target[10:20, 10:30])

    assert (target[10:20, 10:30] == 77).all()
    assert (target[20:, 10:30] == 5).all()
    assert target.sum() == 3 * (77 * 10 * 20 + 5 * 20 * 20)


def test_lower_quality_makes_a_smaller_jpeg() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (100, 100, 3), np.uint8)

    assert len(imaging.jpeg(noise, 30)) < len(imaging.jpeg(noise, 85))


def test_a_jpeg_is_read_back_as_the_same_picture(tmp_path: Path) -> None:
    path = tmp_path / "p.jpg"
    path.write_bytes(imaging.jpeg(two_halves(), 95))
    pixels = imaging.read_picture(path)

    assert pixels.shape == (60, 100, 3)
    assert abs(int(pixels[30, 10, 0]) - 250) < 12


def test_a_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    path = tmp_path / "p.jpg"
    path.write_text("no picture")

    with pytest.raises(CameraError, match=r"p\.jpg is no picture"):
        imaging.read_picture(path)


def test_a_scaled_picture_has_the_size_that_was_asked_for() -> None:
    assert imaging.scaled(two_halves(), 50, 30).shape == (30, 50, 3)


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((4, 6), 100, np.uint8),
        np.full((4, 6, 1), 100, np.uint8),
        np.full((4, 6, 3), 100, np.uint8),
        np.full((4, 6, 4), 100, np.uint8),
        np.full((4, 6), 100 * 256 + 5, np.uint16),
        np.full((4, 6, 3), 100 * 256 + 5, np.uint16),
    ],
    ids=["grey", "one channel", "bgr", "four channels", "16-bit grey", "16-bit"],
)
def test_whatever_a_source_gives_becomes_blue_green_red(pixels: np.ndarray) -> None:
    picture = imaging.bgr(pixels, "camera")

    assert picture.dtype == np.uint8
    assert picture.shape == (4, 6, 3)
    assert (picture == 100).all()


@pytest.mark.parametrize(
    "pixels",
    [
        None,
        np.zeros((0, 0, 3), np.uint8),
        np.zeros((0, 0), np.uint8),
        np.zeros((4, 6, 2), np.uint8),
        np.zeros((4, 6, 5), np.uint8),
        np.zeros((1, 4, 6, 3), np.uint8),
        np.zeros(24, np.uint8),
        np.zeros((4, 6, 3), np.float32),
        np.zeros((4, 6, 3), np.int8),
    ],
    ids=["none", "0x0", "0x0 grey", "2 channels", "5 channels", "4 axes", "1 axis", "float", "signed"],
)
def test_what_is_no_picture_is_an_error_that_names_the_source(pixels: np.ndarray | None) -> None:
    with pytest.raises(CameraError, match=r"^the camera of the yard gave .* picture"):
        imaging.bgr(pixels, "the camera of the yard")
