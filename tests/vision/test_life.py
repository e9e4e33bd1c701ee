"""Who stands moves a little, and a poster does not, whatever noise, light and encoders do to its picture."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count, takewhile

import cv2
import numpy as np
import pytest

from agent.adapters.opencv_imaging import small_grey
from agent.ports import Detection
from agent.vision.life import Life
from agent.vision.track import Track
from tests.support.near_scene import NearScene, Pixels, Standing, Way, stock_still, sways, trembles

SECOND = 1_000_000_000
SIZE = W, H = 320, 240
BOX = Detection(0.36 * W, 0.12 * H, 0.28 * W, 0.85 * H, 0.9, 0.8)
LONG_S = 60.0
Pictures = Callable[[float], Pixels]


def scene(way: Way = stock_still, noise: float = 2.0, light: Callable[[float], float] = lambda _: 1.0) -> Pictures:
    """One person who nearly fills the picture."""
    return NearScene([Standing(0, way=way)], SIZE, noise=noise, light=light).at


def alive_after_s(
    pictures: Pictures, until_s: float, per_s: float = 10.0, box: Detection = BOX, way: Way = stock_still
) -> float | None:
    """When somebody in this box, which goes that way and who is known from the start on, shows life; None: not before
    `until_s`."""
    life = Life(small_grey)
    track = Track(1, box)
    track.real = True
    for at_s in takewhile(lambda at_s: at_s < until_s, (number / per_s for number in count())):
        x, y = way(at_s)
        track.advance(1 / per_s)
        track.hit(replace(box, left=box.left + x, top=box.top + y))
        life.process(pictures(at_s), [track], 1000 * SECOND + round(at_s * SECOND))
        if track.alive:
            return at_s
    return None


@pytest.mark.parametrize("per_s", [3, 10, 25])
@pytest.mark.parametrize("way", [sways(1.0), sways(3.0), sways(1.0, every_s=2.0), trembles()])
def test_who_stands_shows_life_within_a_second_and_a_half(way: Way, per_s: float) -> None:
    assert alive_after_s(scene(way), 1.51, per_s) is not None


def test_of_somebody_with_a_sure_body_it_is_enough_that_head_and_shoulders_move() -> None:
    still, swaying = scene(), scene(sways(1.0))

    def upper_part_moves(at_s: float) -> Pixels:
        picture = still(at_s).copy()
        rows = slice(round(BOX.top), round(BOX.top + 0.3 * BOX.height))
        columns = slice(round(BOX.left), round(BOX.left + BOX.width))
        picture[rows, columns] = swaying(at_s)[rows, columns]
        return picture

    assert alive_after_s(upper_part_moves, 3.0) is not None
    assert alive_after_s(upper_part_moves, 3.0, box=replace(BOX, body=0.5)) is None
    assert alive_after_s(upper_part_moves, 3.0, box=replace(BOX, body=1.0)) is None  # a model that looks for no joints


def test_at_one_frame_a_second_it_takes_a_few_frames() -> None:
    assert alive_after_s(scene(sways(1.0)), 6, per_s=1) is not None


@pytest.mark.parametrize("share", [0.06, 0.08, 0.1])
@pytest.mark.parametrize("every_s", [2.0, 4.0])
def test_who_rocks_to_and_fro_by_a_part_of_their_height_shows_life_as_soon(share: float, every_s: float) -> None:
    way = sways(share * BOX.height, every_s)

    assert alive_after_s(scene(way), 1.51, way=way) is not None


@pytest.mark.parametrize("noise", [0, 2, 6, 12])
def test_a_poster_shows_no_life_whatever_the_noise(noise: float) -> None:
    assert alive_after_s(scene(noise=noise), LONG_S) is None


@pytest.mark.parametrize(
    "light",
    [
        lambda at_s: 0.6 + 0.4 * at_s / LONG_S,
        lambda at_s: 1.0 - 0.4 * (at_s % 5) / 5,
        lambda at_s: 1.0 if at_s % 3 < 1.5 else 0.7,
        lambda at_s: 0.8 + 0.2 * np.sin(9 * at_s),
    ],
)
def test_a_poster_shows_no_life_whatever_the_light_does(light: Callable[[float], float]) -> None:
    assert alive_after_s(scene(light=light), LONG_S) is None


@pytest.mark.parametrize("quality", [10, 30, 60])
def test_a_poster_shows_no_life_however_it_is_compressed(quality: int) -> None:
    plain = scene(noise=4)

    def compressed(at_s: float) -> Pixels:
        _, data = cv2.imencode(".jpg", plain(at_s), [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)

    assert alive_after_s(compressed, LONG_S) is None


def test_a_poster_shows_no_life_when_key_frames_are_better_than_the_others() -> None:
    plain = scene(noise=0)

    def by_key_frame(at_s: float) -> Pixels:
        quality = 90 if round(at_s * 10) % 20 == 0 else 15 + round(at_s * 10) % 20
        _, data = cv2.imencode(".jpg", plain(at_s), [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)

    assert alive_after_s(by_key_frame, LONG_S) is None


def test_a_poster_shows_no_life_when_the_camera_trembles() -> None:
    plain = scene()

    def shaken(at_s: float) -> Pixels:
        x, y = np.random.default_rng(round(at_s * 1000)).integers(-1, 2, 2).tolist()
        return np.roll(plain(at_s), (y, x), axis=(0, 1))

    assert alive_after_s(shaken, LONG_S) is None


@pytest.mark.parametrize("by_px", [5, 20, 40])
def test_a_poster_shows_no_life_however_its_box_jumps(by_px: int) -> None:
    assert alive_after_s(scene(), LONG_S, way=trembles(by_px)) is None


def test_a_poster_shows_no_life_when_the_shadow_of_somebody_glides_over_it() -> None:
    plain = scene()

    def shaded(at_s: float) -> Pixels:
        middle = W * (at_s % 4) / 4
        shade = 1 - 0.3 * np.exp(-(((np.arange(W) - middle) / 30) ** 2))
        return np.asarray(plain(at_s) * shade[None, :, None], np.uint8)

    assert alive_after_s(shaded, LONG_S) is None


def test_an_even_grey_has_no_life() -> None:
    assert alive_after_s(lambda at_s: np.full((H, W, 3), 100 + round(at_s) % 50, np.uint8), 10) is None


@pytest.mark.parametrize("box", [Detection(-30, -10, 80, 400, 0.9), Detection(310, 230, 90, 90, 0.9)])
def test_a_box_may_reach_beyond_the_picture(box: Detection) -> None:
    assert alive_after_s(scene(), 3, box=box) is None


@pytest.mark.parametrize("box", [Detection(10, 10, 3, 7, 0.9), Detection(400, 10, 30, 70, 0.9)])
def test_a_box_that_is_tiny_or_outside_is_no_error(box: Detection) -> None:
    assert alive_after_s(scene(sways(2)), 3, box=box) is None


def test_a_doubtful_person_and_one_who_is_not_seen_are_not_looked_at() -> None:
    doubtful, hidden = Track(1, BOX), Track(2, BOX)
    hidden.real, hidden.last = True, None
    life, pictures = Life(small_grey), scene(sways(2))
    for number in range(30):
        life.process(pictures(number / 10), [doubtful, hidden], number * SECOND // 10)

    assert not doubtful.alive
    assert not hidden.alive


def test_a_clock_that_steps_back_begins_anew_and_is_no_error() -> None:
    life, pictures, track = Life(small_grey), scene(), Track(1, BOX)
    track.real = True
    for at_s in (50.0, 50.1, 10.0, 10.1, 10.2):
        life.process(pictures(at_s), [track], round(at_s * SECOND))

    assert not track.alive
