import uuid
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from agent.adapters.opencv_imaging import small_grey
from agent.contract.vocabulary import SightTrouble
from agent.core.camera.link import HardlyAbleToSee
from agent.core.camera.masks import LEVEL
from agent.vision.clarity import measure
from agent.vision.hardly_able import HardlyAbleReporter
from agent.vision.sight import Seen
from tests.support.pictures import blurred, checks, dimmed
from tests.support.plain_scenes import big_bottles, drawn
from tests.support.tampered_video import looped
from tests.support.vision_media import demo_video, tree_video
from tests.support.vision_stand_ins import ManualClock

Pixels = npt.NDArray[np.uint8]
SECOND = 1_000_000_000


def told(*pictures: Pixels, seconds: float = 40, quarters: int = 0, is_tampered: bool = False) -> list[HardlyAbleToSee]:
    """What is told when each of these is shown for so long."""
    reporter, messages, at_s = HardlyAbleReporter(lambda: is_tampered, ManualClock()), list[HardlyAbleToSee](), 0.0
    for picture in pictures:
        for _ in range(round(seconds / 2)):
            clarity = measure(small_grey(picture, 192, 144), picture)
            messages += reporter.process(Seen((), (), (), clarity, quarters), round(at_s * SECOND))
            at_s += 2
    return messages


@pytest.mark.parametrize(
    ("picture", "reason", "advice"),
    [
        (dimmed(checks(), 0.2, noise=8), SightTrouble.TOO_DARK, "light"),
        (dimmed(checks(), 0.5, noise=30), SightTrouble.TOO_DARK, "light"),
        (blurred(checks(), 2.5), SightTrouble.BLURRED, "focus"),
        (np.asarray(150 + 0.12 * checks(), np.uint8), SightTrouble.HAZY, "clean"),
    ],
)
def test_each_reason_is_told_with_what_to_do(picture: Pixels, reason: SightTrouble, advice: str) -> None:
    begin, end = told(picture, checks())

    assert (begin.reason, begin.active, end.active) == (reason, True, False)
    assert advice in begin.detail
    assert begin.event_id == end.event_id
    assert uuid.UUID(begin.event_id).version == 7


@pytest.mark.parametrize(("quarters", "reason"), [(1, "sideways"), (2, "upside-down"), (3, "sideways")])
def test_a_turned_picture_is_told(quarters: int, reason: str) -> None:
    [begin] = told(checks(), quarters=quarters)

    assert begin.reason == reason


@pytest.mark.parametrize("picture", [checks(), dimmed(checks(), 0.5), blurred(checks(), 0.8), dimmed(checks(), 1, 4)])
def test_a_good_picture_is_not_told(picture: Pixels) -> None:
    assert told(picture) == []


@pytest.mark.parametrize("level", [40, 190])
def test_a_plain_wall_is_neither_blurred_nor_dark_nor_hazy(level: int) -> None:
    side_light = np.linspace(level, level + 30, 768)
    noise = np.random.default_rng(5).normal(0, 2, (576, 768))

    assert told((side_light[None] + noise).astype(np.uint8)) == []


def test_a_wall_of_which_the_last_bottle_was_taken_is_not_hazy() -> None:
    pictures = [pixels for pixels, _ in drawn(lambda _: big_bottles(60), 40)][::20]

    assert told(*pictures, seconds=2) == []


def test_a_street_in_fog_is_hazy() -> None:
    pictures = [
        pixels for pixels, _ in looped(demo_video(), 40, lambda pixels, _: np.asarray(150 + 0.12 * pixels, np.uint8))
    ][::20]

    assert [message.reason for message in told(*pictures, seconds=2)] == [SightTrouble.HAZY]


def test_a_picture_under_masks_is_not_told() -> None:
    assert told(np.full((576, 768), LEVEL, np.uint8)) == []


def test_a_blurred_picture_is_told_though_the_rims_of_its_masks_are_sharp() -> None:
    picture = np.asarray(20 + 0.4 * blurred(checks(), 2.5), np.uint8)
    picture[:, 180:220] = picture[:, 560:600] = LEVEL

    [begin] = told(picture)

    assert begin.reason == SightTrouble.BLURRED


def test_an_enlarged_picture_is_not_told() -> None:
    assert told(np.asarray(cv2.resize(checks(256, 192, 16), (768, 576)), np.uint8)) == []


@pytest.mark.parametrize("video", [demo_video, tree_video])
def test_on_film_by_day_nothing_is_told_and_out_of_focus_it_is(video: Callable[[], Path]) -> None:
    pictures = [pixels for pixels, _ in looped(video(), 40, lambda pixels, _: pixels)][::20]
    soft = [blurred(pixels, 2.5) for pixels in pictures]

    assert told(*pictures, seconds=2) == []
    assert [message.reason for message in told(*soft, seconds=2)] == [SightTrouble.BLURRED]


def test_a_tamper_keeps_it_quiet() -> None:
    assert told(blurred(checks(), 2.5), is_tampered=True) == []
