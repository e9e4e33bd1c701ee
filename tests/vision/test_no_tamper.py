"""What happens to a camera every day, on real video, and is no tamper."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.tampered_video import Floats, Pixels, between, clipped, looped, watch
from tests.support.vision_media import demo_video, tree_video

VIDEOS = {"street": demo_video, "tree": tree_video}


@pytest.fixture(params=VIDEOS)
def video(request: pytest.FixtureRequest) -> Path:
    return VIDEOS[request.param]()


def brighter(pixels: Pixels) -> Pixels:
    """The sun comes out, before the exposure has settled."""
    return clipped(pixels * 1.8)


def cloud(pixels: Pixels) -> Pixels:
    return clipped(pixels * 0.4)


def lamp(pixels: Pixels) -> Pixels:
    """A lamp in the middle of it: a bright pool, the rest dimmer than before."""
    down, across = grid(pixels)
    pool = 0.6 + 2.5 * np.exp(-6 * ((across + 0.4) ** 2 + (down + 0.3) ** 2))
    return clipped(pixels * pool[:, :, None])


def headlights(pixels: Pixels) -> Pixels:
    down, across = grid(pixels)
    glare = sum(700 * np.exp(-30 * ((across - x) ** 2 + (down - 0.2) ** 2)) for x in (-0.3, 0.1))
    return clipped(pixels * 0.7 + np.asarray(glare)[:, :, None])


def infrared(pixels: Pixels) -> Pixels:
    """Night mode: grey, lit from the camera, noisy."""
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)
    down, across = grid(pixels)
    noise = np.random.default_rng(int(grey[::9, ::9].sum())).normal(0, 8, grey.shape)
    lit = 255 * (grey / 255) ** 1.4 * 1.3 * np.exp(-(down**2 + across**2)) + noise
    return np.repeat(clipped(lit)[:, :, None], 3, axis=2)


def rain(pixels: Pixels) -> Pixels:
    draw = np.random.default_rng(int(pixels[::9, ::9].sum()))
    streaks = cv2.blur((draw.random(pixels.shape[:2]) < 0.01).astype(np.float32) * 1500, (1, 15))
    return clipped(pixels + streaks[:, :, None] + draw.normal(0, 12, pixels.shape))


def compressed(pixels: Pixels) -> Pixels:
    good, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 10])
    assert good
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def shaken(pixels: Pixels) -> Pixels:
    """Wind at the pole: a hundredth of the picture to and fro."""
    by = int(pixels[::9, ::9].sum()) % 3 - 1
    return np.roll(pixels, by * pixels.shape[1] // 100, axis=1)


def lorry(pixels: Pixels) -> Pixels:
    """It stops there and hides half of the picture: its side is bare, its edges are sharp."""
    pixels = pixels.copy()
    height, width = pixels.shape[:2]
    pixels[height // 10 : height * 9 // 10, width // 10 : width * 3 // 4] = (180, 180, 190)
    pixels[height * 3 // 10 : height * 4 // 10, width // 5 : width * 7 // 10] = (40, 40, 90)
    return pixels


def masked(pixels: Pixels) -> Pixels:
    """A new privacy mask over a quarter of the picture."""
    pixels = pixels.copy()
    pixels[: pixels.shape[0] // 2, : pixels.shape[1] // 2] = 0
    return pixels


def slightly_soft(pixels: Pixels) -> Pixels:
    """Heat, or a drop on the glass: the edges are soft by a five-hundredth of the width."""
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), pixels.shape[1] / 500), np.uint8)


def fog(pixels: Pixels) -> Pixels:
    return clipped(pixels * 0.3 + 126)


def midday(pixels: Pixels) -> Pixels:
    """Another curve of the exposure: the shadows are open."""
    return clipped(255 * (pixels / 255) ** 0.5)


EVERYDAY = (fog, midday, brighter, cloud, lamp, headlights, infrared, rain, compressed, shaken, lorry, slightly_soft)


@pytest.mark.parametrize("change", EVERYDAY, ids=lambda change: change.__name__)
def test_a_sudden_change_that_stays_is_none(video: Path, change: Callable[[Pixels], Pixels]) -> None:
    assert watch(looped(video, 40, between(10, 25, lambda pixels, _: change(pixels)))).told == ()


def test_rain_that_ends_after_a_minute_is_none(video: Path) -> None:
    assert watch(looped(video, 85, between(10, 70, lambda pixels, _: rain(pixels)))).told == ()


def test_a_light_that_flashes_is_none(video: Path) -> None:
    assert (
        watch(looped(video, 20, lambda pixels, at_s: clipped(pixels * 3.0 + 60) if at_s % 2 < 1 else pixels)).told == ()
    )


def test_a_person_who_stands_and_sways_right_before_the_lens_is_none(video: Path) -> None:
    def person(pixels: Pixels, at_s: float) -> Pixels:
        down, across = grid(pixels)
        distance = np.hypot((across + 0.4 - 0.4 * np.sin(2 * at_s)) / 0.7, (down - 0.2) / 1.0)
        hidden = (1 / (1 + np.exp(12 * (distance - 1))))[:, :, None]
        return clipped(pixels * (1 - hidden) + np.array([40, 45, 60]) * hidden)

    assert watch(looped(video, 22, between(8, 18, person))).told == ()


def test_a_mask_from_the_start_is_none(video: Path) -> None:
    assert watch(looped(video, 20, lambda pixels, _: masked(pixels))).told == ()


def test_a_video_that_begins_again_every_few_seconds_and_its_people_and_leaves_are_none(video: Path) -> None:
    assert watch(looped(video, 85)).told == ()


def grid(pixels: Pixels) -> tuple[Floats, Floats]:
    height, width = pixels.shape[:2]
    return np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
