import numpy as np
import numpy.typing as npt
import pytest

from agent.adapters.opencv_imaging import small_grey
from agent.vision.clarity import Clarity, measure
from tests.support.pictures import blurred, checks

Pixels = npt.NDArray[np.uint8]


def clarity_of(picture: Pixels) -> Clarity:
    return measure(small_grey(picture, 192, 144), picture)


def test_noise_is_measured_in_grey_levels_whatever_the_picture_shows() -> None:
    noisy = checks() + np.random.default_rng(1).normal(0, 6, (576, 768))

    assert clarity_of(checks()).noise < 1
    assert clarity_of(np.clip(noisy, 0, 255).astype(np.uint8)).noise == pytest.approx(6, rel=0.3)


@pytest.mark.parametrize("times", [1, 2])
def test_sharpness_falls_with_the_focus_at_any_size_of_picture(times: int) -> None:
    picture = np.kron(checks(), np.ones((times, times), np.uint8))

    sharp, soft = clarity_of(picture).sharpness, clarity_of(blurred(picture, 2.0 * times)).sharpness

    assert sharp is not None
    assert soft is not None
    assert sharp > 0.55
    assert soft < 0.3


def test_sharpness_stays_when_the_light_falls() -> None:
    bright, dim = clarity_of(checks()).sharpness, clarity_of((checks() * 0.3).astype(np.uint8)).sharpness

    assert bright is not None
    assert dim == pytest.approx(bright, abs=0.1)


def test_a_picture_without_edges_is_neither_sharp_nor_blurred() -> None:
    assert clarity_of(np.full((576, 768), 90, np.uint8)).sharpness is None


def test_what_a_mask_covers_is_neither_light_nor_dark() -> None:
    picture = np.full((576, 768), 10, np.uint8)
    picture[:, :400] = 128  # the level of a mask

    assert clarity_of(picture).mean < 16


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (64, 8), (40, 2000)])
def test_no_shape_of_picture_is_too_odd(shape: tuple[int, int]) -> None:
    clarity = measure(np.full((max(shape[0] // 4, 4), 192), 7, np.uint8), np.full((*shape, 3), 7, np.uint8))

    assert clarity.mean == 7
