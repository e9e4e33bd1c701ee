"""Things come and go before a camera that nobody has touched; paint is found there all the same."""

import pytest

from agent.contract.vocabulary import TamperKind
from tests.support.plain_scenes import NEGATIVES, Drawing, bottles, drawn, spray, table, van
from tests.support.tampered_video import Pixels, between, clipped, looped, spoil_of, watch
from tests.support.vision_media import demo_video, tree_video

PAINT = {TamperKind.SPRAYED, TamperKind.COVERED}


@pytest.mark.parametrize("drawing", NEGATIVES, ids=lambda drawing: drawing.__name__)
def test_what_leaves_comes_or_moves_on_is_no_tamper(drawing: Drawing) -> None:
    assert watch(drawn(drawing, 45)).told == ()


@pytest.mark.parametrize("level", [30, 120])
@pytest.mark.parametrize("drawing", [bottles, van, table], ids=lambda drawing: drawing.__name__)
def test_paint_over_most_of_a_plain_scene_is_found(drawing: Drawing, level: int) -> None:
    def paint(pixels: Pixels, at_s: float) -> Pixels:
        return spray(pixels, at_s, level=level)

    outcome = watch(drawn(lambda _: drawing(2.5), 20, between(8, 20, paint)))

    assert len(outcome.kinds) == 1
    assert set(outcome.kinds) <= PAINT


@pytest.mark.parametrize("level", [70, 200])
@pytest.mark.parametrize("video", [demo_video, tree_video], ids=lambda video: video.__name__)
def test_paint_that_grows_over_two_thirds_of_a_scene_full_of_things_is_found(video: object, level: int) -> None:
    def paint(pixels: Pixels, at_s: float) -> Pixels:
        return spray(pixels, at_s, share=0.65, level=level)

    outcome = watch(looped(demo_video() if video is demo_video else tree_video(), 20, between(8, 20, paint)))

    assert outcome.kinds == [TamperKind.SPRAYED]


@pytest.mark.parametrize("level", [110, 200])
def test_paint_through_which_the_scene_still_shows_is_found(level: int) -> None:
    def paint(pixels: Pixels, at_s: float) -> Pixels:
        return clipped(0.25 * pixels + 0.75 * spray(pixels, at_s, share=0.65, level=level))

    assert watch(looped(demo_video(), 20, between(8, 20, paint))).kinds == [TamperKind.SPRAYED]


def test_a_cover_on_a_camera_that_sees_a_plain_wall_is_found() -> None:
    outcome = watch(drawn(lambda _: bottles(0), 20, between(8, 20, spoil_of(TamperKind.COVERED))))

    assert outcome.kinds == [TamperKind.COVERED]
