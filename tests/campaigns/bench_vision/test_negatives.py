"""Film that shows nobody."""

import hashlib
from collections.abc import Iterator

import numpy as np
import pytest

from tests.campaigns.bench_vision import false_alerts
from tests.campaigns.bench_vision.effort import FULL
from tests.campaigns.bench_vision.negatives import clips
from tests.campaigns.bench_vision.stage import RATE, Pixels
from tests.campaigns.bench_vision.watched import Entered, Watched
from tests.support.negative_scenes import Negative, clouds, crosses, cut, shadow, shown

GROUND = np.full((480, 640, 3), 150, np.uint8)


def digest(pictures: Iterator[Pixels]) -> str:
    return hashlib.sha256(b"".join(picture.tobytes() for picture in pictures)).hexdigest()


def test_the_clips_last_half_an_hour_and_show_each_kind_as_long() -> None:
    kinds = {clip.kind for clip in clips()}
    assert len(kinds) * FULL.quiet / RATE >= 30 * 60
    assert {"animals", "bins", "flags", "insects", "posters", "rain", "shadows", "statues", "streets"} <= kinds
    assert len({(clip.kind, clip.name) for clip in clips()}) == len(clips())


@pytest.mark.parametrize("kind", sorted({"animals", "bins", "insects", "vehicles by night"}))
def test_a_clip_is_the_same_each_time_and_as_long_as_wanted(kind: str) -> None:
    clip = next(clip for clip in clips() if clip.kind == kind)
    assert digest(clip.film(4)) == digest(clip.film(4))
    pictures = list(clip.film(4))
    assert [picture.shape for picture in pictures] == [(480, 640, 3)] * 4
    assert len({picture.tobytes() for picture in pictures}) == 4, "a camera's noise differs from frame to frame"


def test_no_two_clips_have_the_same_noise() -> None:
    one, other = (list(Negative("streets", name, "street").film(1)) for name in ("one", "other"))
    assert (one[0] != other[0]).any()


def test_a_shadow_only_changes_how_light_the_ground_is() -> None:
    for layer in (shadow(2, 7, 0.95, 0.5), clouds):
        shaded = layer(GROUND, 20)
        assert shaded.min() < 100
        assert (np.ptp(shaded, axis=2) == 0).all()


def test_a_cut_out_passes_through_the_picture_and_leaves_the_scene_as_it_was() -> None:
    layer = shown(cut("squirrel_cls.jpg", (95, 50, 190, 270)), crosses(0.9, 0.3, seconds=10))
    columns = [np.flatnonzero((layer(GROUND, number) != GROUND).any(axis=(0, 2))) for number in (0, 30, 60, 95)]
    assert not columns[0].size
    assert not columns[3].size
    assert 0 < columns[1].mean() < columns[2].mean() < 640
    assert np.ptp(columns[1]) < 320


@pytest.mark.parametrize(("entered", "reached"), [(0, True), (1, False)])
def test_one_announcement_in_half_an_hour_is_too_many(entered: int, reached: bool) -> None:
    watched = Watched(persons=[0] * 13500 + [2] * 4500, entered=[Entered(7, 1)] * entered)
    row = false_alerts.row_of("bins", {"one": watched})
    assert row.reached is reached
    assert row.cells == {
        "seconds": "1800",
        "announced": str(entered),
        "an hour": f"{2 * entered:.1f}",
        "frames with somebody": "25.0%",
    }
    beside = false_alerts.beside_accuracy(row)
    assert (beside.figure, beside.reached) == (row.cells["an hour"], reached)
    assert "30 minutes" in beside.title
