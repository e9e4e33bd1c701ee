"""Whoever stands at the kiosk is announced, and a poster is not: the real model, real people placed large."""

from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.core.camera.link import Happened
from deploy.lab.replay import FrameResult, Replay
from tests.support.near_scene import NearScene, Pixels, Standing, stock_still, sways, trembles
from tests.support.vision_process import vision_spec

SOON_S, LONG_S = 2.0, 60.0
SIZES = [(640, 480), (1280, 720), (480, 640)]
ONE = [Standing(0, way=sways(1.5))]
GROUPS = {
    "one": ONE,
    "one at the side": [Standing(3, x=0.25, way=sways(1.5))],
    "one from the hips up": [Standing(4, height=1.3, foot=1.4, way=sways(1.5))],
    "two": [Standing(1, x=0.33, way=sways(1.5)), Standing(2, x=0.62, way=trembles())],
    "three": [Standing(1, x=0.25, way=sways(1.5)), Standing(2, way=sways(1.0)), Standing(5, x=0.75, way=trembles())],
}
POSTERS = [Standing(who, x, way=stock_still) for who, x in ((1, 0.25), (2, 0.5), (3, 0.75))]


CUT_BY = {
    "left": Standing(1, x=0.04, height=0.79, way=sways(0.7)),
    "right": Standing(0, x=0.96, height=0.79, way=sways(0.7)),
    "below": Standing(5, height=1.57, foot=1.65, way=sways(0.7)),
    "above": Standing(2, height=1.1, foot=0.88, way=sways(0.7)),
}
"""Edges of the picture, and somebody whom they cut and who stands as still as anybody alive does."""


def looks(
    pictures: Callable[[float], Pixels], until_s: float, tmp_path: Path, per_s: float = 10.0
) -> list[FrameResult]:
    """At pictures of the first seconds, with the settings of a camera as it comes."""
    replay = Replay(vision_spec(tmp_path, threads=1), per_s)
    return [replay.process(pictures(number / per_s)) for number in range(round(until_s * per_s))]


def entered(shown: Sequence[FrameResult]) -> list[Happened]:
    return [event for look in shown for event in look.events if event.t == "person-entered"]


@pytest.mark.parametrize(("group", "size"), [*zip(GROUPS, cycle(SIZES)), *(("one", size) for size in SIZES[1:])])
def test_everybody_who_stands_close_is_seen_at_once_and_announced_within_two_seconds(
    group: str, size: tuple[int, int], tmp_path: Path
) -> None:
    shown = looks(NearScene(GROUPS[group], size).at, SOON_S, tmp_path)

    assert len(entered(shown)) == len(GROUPS[group])
    assert sum(not look.seen.people for look in shown) <= 2


@pytest.mark.parametrize("edge", CUT_BY)
def test_half_of_somebody_who_stands_still_is_announced_as_soon(edge: str, tmp_path: Path) -> None:
    assert len(entered(looks(NearScene([CUT_BY[edge]], (1280, 720)).at, SOON_S, tmp_path))) == 1


def test_in_a_dense_group_everybody_is_announced_within_two_seconds(tmp_path: Path) -> None:
    group = [
        Standing(who, 0.2 + 0.15 * who, height, way=sways(1.0, every_s=3.0 + who))
        for who, height in enumerate((0.8, 0.7, 0.85, 0.75, 0.8))
    ]

    assert len(entered(looks(NearScene(group).at, SOON_S, tmp_path))) == len(group)


@pytest.mark.parametrize("height", [0.7, 0.8, 0.9])
def test_who_nearly_fills_the_height_of_a_panorama_is_announced(height: float, tmp_path: Path) -> None:
    shown = looks(NearScene([Standing(0, height=height, way=sways(1.5))], (1280, 360)).at, SOON_S, tmp_path)

    assert len(entered(shown)) == 1


def test_who_rocks_to_and_fro_before_the_kiosk_is_announced(tmp_path: Path) -> None:
    shown = looks(NearScene([Standing(0, way=sways(40, every_s=2.0))]).at, 2 * SOON_S, tmp_path)

    assert len(entered(shown)) == 1


@pytest.mark.parametrize("group", ["one", "three"])
def test_whoever_stands_close_stays_seen_and_is_announced_once(group: str, tmp_path: Path) -> None:
    shown = looks(NearScene(GROUPS[group]).at, 20, tmp_path, per_s=5)

    assert len(entered(shown)) == len(GROUPS[group])
    assert sum(not look.seen.people for look in shown) <= 0.05 * len(shown)


def test_who_steps_up_to_an_empty_kiosk_is_announced_within_two_seconds(tmp_path: Path) -> None:
    def comes(at_s: float) -> tuple[float, float]:
        x, y = sways(1.5)(at_s)
        return 600 * max(4.0 - at_s, 0.0) + x, y

    shown = looks(NearScene([Standing(0, way=comes)], (1280, 720)).at, 6, tmp_path)

    assert len(entered(shown)) == 1


@pytest.mark.parametrize("people", [POSTERS[:1], POSTERS])
def test_the_same_people_without_any_movement_are_seen_and_never_announced(
    people: list[Standing], tmp_path: Path
) -> None:
    shown = looks(NearScene(people).at, LONG_S, tmp_path, per_s=5)

    assert shown[-1].seen.people
    assert entered(shown) == []


def test_a_poster_is_not_announced_when_somebody_stands_before_an_edge_of_it(tmp_path: Path) -> None:
    poster, person = Standing(1), Standing(0, x=0.3, way=sways(3.0))
    shown = looks(NearScene([poster, person]).at, 15, tmp_path)

    assert len(shown[-1].seen.people) == 2
    assert len(entered(shown)) == 1


def test_a_poster_in_the_evening_sun_is_never_announced(tmp_path: Path) -> None:
    scene = NearScene(POSTERS, light=lambda at_s: 1.0 - 0.5 * at_s / LONG_S)
    shown = looks(scene.at, LONG_S, tmp_path, per_s=5)

    assert any(look.seen.people for look in shown)
    assert entered(shown) == []


def test_a_poster_that_comes_compressed_is_never_announced(tmp_path: Path) -> None:
    scene = NearScene(POSTERS, noise=4)

    def compressed(at_s: float) -> Pixels:
        _, data = cv2.imencode(".jpg", scene.at(at_s), [cv2.IMWRITE_JPEG_QUALITY, 25])
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)

    shown = looks(compressed, LONG_S, tmp_path, per_s=5)

    assert shown[-1].seen.people
    assert entered(shown) == []


def test_people_who_stand_close_cost_no_more_than_one_look_in_each_frame(tmp_path: Path) -> None:
    shown = looks(NearScene(GROUPS["three"]).at, 10, tmp_path)

    assert sum(len(look.seen.regions) for look in shown[20:]) <= 1.5 * len(shown[20:])
