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
