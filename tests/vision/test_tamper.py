"""Each kind of tamper, on real video."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.contract.vocabulary import TamperKind
from agent.core.camera.stream_clock import StreamClock
from tests.support.tampered_video import (
    FRAMES_PER_SECOND,
    PICTURE_KINDS,
    SECOND,
    Pixels,
    Spoil,
    between,
    clipped,
    defocused_by,
    looped,
    noisy,
    spoil_of,
    tamper_watch,
    watch,
)
from tests.support.vision_media import demo_video, tree_video

VIDEOS = {"street": demo_video, "tree": tree_video}


@pytest.fixture(params=VIDEOS)
def video(request: pytest.FixtureRequest) -> Path:
    return VIDEOS[request.param]()


@pytest.mark.parametrize("kind", PICTURE_KINDS)
def test_it_is_found_within_5_s_and_over_within_10_s_and_nothing_else_is_told(video: Path, kind: TamperKind) -> None:
    outcome = watch(looped(video, 25, between(8, 15, spoil_of(kind))))

    assert outcome.kinds == [kind]
    found_s, restored_s = outcome.found_s(kind, 8), outcome.restored_s(kind, 15)
    assert found_s is not None
    assert found_s <= 5
    assert restored_s is not None
    assert restored_s <= 10
    begin, end = (change for _, change in outcome.told)
    assert begin.boottime_ns / SECOND == pytest.approx(8, abs=0.5)
    assert end.boottime_ns / SECOND == pytest.approx(15, abs=0.5)
    assert end.began_ns == begin.boottime_ns


@pytest.mark.parametrize("level", [0, 128])
@pytest.mark.parametrize("kind", [kind for kind in PICTURE_KINDS if kind is not TamperKind.FROZEN])
def test_it_is_found_beside_a_privacy_mask(kind: TamperKind, level: int) -> None:
    spoil = between(8, 15, spoil_of(kind))
    outcome = watch(looped(demo_video(), 20, lambda pixels, at_s: masked(spoil(pixels, at_s), level)))

    assert outcome.kinds == [kind]


@pytest.mark.parametrize("kind", PICTURE_KINDS)
def test_what_lasts_for_3_s_is_none(video: Path, kind: TamperKind) -> None:
    assert watch(looped(video, 16, between(8, 11, spoil_of(kind)))).told == ()


@pytest.mark.parametrize("radius", [0.01, 0.025])
@pytest.mark.parametrize("within_s", [0, 2])
def test_a_lost_focus_is_found_however_far_and_fast_it_went_and_behind_noise(
    video: Path, radius: float, within_s: float
) -> None:
    blur = between(8, 16, defocused_by(radius, within_s))
    outcome = watch(looped(video, 16, lambda pixels, at_s: blur(noisy(pixels) if at_s < 8 else pixels, at_s)))

    assert outcome.kinds == [TamperKind.DEFOCUSED]


def bare_wall() -> Pixels:
    """A lit wall with a door: hardly anything to recognise it by."""
    wall = np.full((216, 384, 3), 150, np.uint8)
    wall[54:180, 246:300] = 95
    wall[180:] = 105
    return wall


def bare_frames(spoil: Spoil) -> Iterator[tuple[Pixels, int]]:
    """16 s of it, spoiled for the second half."""
    draw = np.random.default_rng(5)
    for number in range(16 * FRAMES_PER_SECOND):
        at_s = number / FRAMES_PER_SECOND
        wall = clipped(bare_wall() + draw.normal(0, 1.5, (216, 384, 1)))
        yield spoil(wall, at_s - 8) if at_s >= 8 else wall, number * SECOND // FRAMES_PER_SECOND


def test_a_lost_focus_is_found_before_a_bare_wall() -> None:
    assert watch(bare_frames(defocused_by(0.015))).kinds == [TamperKind.DEFOCUSED]


def test_a_camera_that_stays_turned_is_told_once_and_stays_so() -> None:
    outcome = watch(looped(demo_video(), 150, between(10, 150, spoil_of(TamperKind.TURNED))))

    assert [change.active for _, change in outcome.told] == [True]


def test_a_cover_is_one_event_however_it_is_put_on_and_moved() -> None:
    cover, spray = spoil_of(TamperKind.COVERED), spoil_of(TamperKind.SPRAYED)

    def fumbled(pixels: Pixels, at_s: float) -> Pixels:
        return spray(pixels, at_s) if at_s < 1 or 6 <= at_s < 11 else cover(pixels, at_s)

    assert watch(looped(demo_video(), 30, between(8, 20, fumbled))).kinds == [TamperKind.COVERED]


def upside_down(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[::-1, ::-1])


def zoomed(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    inner = pixels[height // 8 : height * 7 // 8, width // 8 : width * 7 // 8]
    return np.asarray(cv2.resize(inner, (width, height)), np.uint8)


def shifted(pixels: Pixels) -> Pixels:
    return np.roll(pixels, pixels.shape[1] // 10, axis=1)


def paper(pixels: Pixels) -> Pixels:
    return clipped(225 + np.random.default_rng(int(pixels[::9, ::9].sum())).normal(0, 3, pixels.shape))


def burnt_out(pixels: Pixels) -> Pixels:
    return np.full_like(pixels, 255)


def half_hidden(pixels: Pixels) -> Pixels:
    pixels = pixels.copy()
    pixels[:, : pixels.shape[1] // 2] = 40
    return pixels


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (upside_down, TamperKind.TURNED),
        (zoomed, TamperKind.TURNED),
        (shifted, TamperKind.TURNED),
        (paper, TamperKind.COVERED),
        (burnt_out, TamperKind.BLINDED),
        (half_hidden, TamperKind.SPRAYED),
    ],
    ids=lambda each: getattr(each, "__name__", each),
)
def test_other_ways_to_do_it_are_found_as_well(
    video: Path, change: Callable[[Pixels], Pixels], kind: TamperKind
) -> None:
    assert watch(looped(video, 16, between(8, 16, lambda pixels, _: change(pixels)))).kinds == [kind]


def test_a_lens_cap_by_day_is_covered_and_not_dark() -> None:
    outcome = watch(looped(demo_video(), 20, between(8, 20, lambda pixels, _: np.zeros_like(pixels))))

    assert outcome.kinds == [TamperKind.COVERED]


def test_a_lens_cap_on_a_camera_that_is_seldom_looked_at_is_covered_too() -> None:
    pictures = looped(demo_video(), 80, between(50, 80, lambda pixels, _: np.zeros_like(pixels)))

    assert watch(itertools.islice(pictures, 0, None, 4 * FRAMES_PER_SECOND)).kinds == [TamperKind.COVERED]


def test_dusk_is_dark_and_dawn_ends_it_and_neither_is_covered() -> None:
    def day(pixels: Pixels, at_s: float) -> Pixels:
        light = 0.02 + 0.98 * min(abs(at_s - 40) / 32, 1)
        return brightened(pixels, light)

    outcome = watch(looped(demo_video(), 80, day))

    assert [(change.kind, change.active) for _, change in outcome.told] == [
        (TamperKind.DARK, True),
        (TamperKind.DARK, False),
    ]


def test_a_lamp_that_goes_out_at_night_and_leaves_a_trace_of_the_scene_is_dark() -> None:
    assert watch(looped(demo_video(), 20, between(8, 20, spoil_of(TamperKind.DARK)))).kinds == [TamperKind.DARK]


def test_a_camera_that_is_turned_in_the_dark_is_told_when_day_comes() -> None:
    dark, turn = spoil_of(TamperKind.DARK), spoil_of(TamperKind.TURNED)

    def night(pixels: Pixels, at_s: float) -> Pixels:
        return pixels if at_s < 8 else dark(pixels, at_s) if at_s < 20 else turn(pixels, at_s)

    assert watch(looped(demo_video(), 35, night)).kinds == [TamperKind.DARK, TamperKind.TURNED]


@pytest.mark.parametrize("kind", [TamperKind.COVERED, TamperKind.DEFOCUSED, TamperKind.TURNED, TamperKind.SPRAYED])
def test_what_was_so_from_the_start_is_not_known_and_not_told(video: Path, kind: TamperKind) -> None:
    assert watch(looped(video, 15, spoil_of(kind))).told == ()


@pytest.mark.parametrize("kind", [TamperKind.COVERED, TamperKind.DARK])
def test_after_a_start_without_a_scene_the_first_one_is_taken(video: Path, kind: TamperKind) -> None:
    blind = between(0, 8, spoil_of(kind))
    turn = between(18, 26, spoil_of(TamperKind.TURNED))
    outcome = watch(looped(video, 30, lambda pixels, at_s: turn(blind(pixels, at_s), at_s)))

    assert outcome.kinds == [*([kind] if kind is TamperKind.DARK else []), TamperKind.TURNED]


def test_dark_is_told_by_its_level_although_no_scene_is_known() -> None:
    assert watch(looped(demo_video(), 8, spoil_of(TamperKind.DARK))).kinds == [TamperKind.DARK]


def test_exposure_that_settles_after_an_uncover_is_not_blinded() -> None:
    def settle(pixels: Pixels, at_s: float) -> Pixels:
        return brightened(pixels, 1 + 6 * max(1 - at_s / 2, 0))

    cover = between(8, 15, spoil_of(TamperKind.COVERED))
    outcome = watch(looped(demo_video(), 30, lambda p, at_s: between(15, 30, settle)(cover(p, at_s), at_s)))

    assert outcome.kinds == [TamperKind.COVERED]
    restored_s = outcome.restored_s(TamperKind.COVERED, 15)
    assert restored_s is not None
    assert restored_s <= 10


def test_pictures_of_another_size_are_a_new_scene() -> None:
    def resize(pixels: Pixels, at_s: float) -> Pixels:
        return np.asarray(cv2.resize(pixels[:, 150:], (320, 180)), np.uint8)

    assert watch(looped(demo_video(), 20, between(8, 20, resize))).told == ()


def test_pictures_of_another_size_end_what_was_told_of_the_old_ones() -> None:
    def cover(pixels: Pixels, at_s: float) -> Pixels:
        covered = spoil_of(TamperKind.COVERED)(pixels, at_s)
        return covered if at_s < 8 else covered[:100, :100]

    outcome = watch(looped(demo_video(), 25, between(8, 25, cover)))

    assert [change.active for _, change in outcome.told] == [True, False]


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (64, 48), (4000, 8)])
def test_pictures_of_any_size_can_be_looked_at(size: tuple[int, int]) -> None:
    draw = np.random.default_rng(1)
    watcher = tamper_watch()
    for number in range(60):
        watcher.process(draw.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8), number * SECOND // 10)

    assert watcher.active is None


def test_stamps_that_stop_are_frozen_although_the_pictures_move() -> None:
    pictures = [(pixels, min(at_ns, 8 * SECOND)) for pixels, at_ns in looped(demo_video(), 12)]
    watcher = tamper_watch()
    watch(iter(pictures), watcher)
    assert watcher.active is TamperKind.FROZEN

    outcome = watch(looped(demo_video(), 20), watcher)
    assert [change.active for _, change in outcome.told] == [False]


def test_a_stream_whose_clock_has_stopped_is_frozen_although_its_pictures_move() -> None:
    clock = StreamClock()
    pictures = looped(demo_video(), 12)
    watcher = tamper_watch()
    stamped = ((pixels, clock.stamp(min(at_ns, 8 * SECOND), at_ns + SECOND // 20)) for pixels, at_ns in pictures)

    assert watch(stamped, watcher).kinds == [TamperKind.FROZEN]
    assert watcher.active is TamperKind.FROZEN


@pytest.mark.parametrize("back_s", [0.05, 1, 30])
def test_stamps_that_step_back_tell_nothing_and_hide_nothing(back_s: float) -> None:
    pictures = looped(demo_video(), 25, between(15, 25, spoil_of(TamperKind.TURNED)))
    back = ((pixels, at_ns - int(back_s * SECOND) if at_ns >= 12 * SECOND else at_ns) for pixels, at_ns in pictures)

    assert watch(back).kinds == [TamperKind.TURNED]


@pytest.mark.parametrize(("key_frame_s", "told"), [(3, []), (8, [TamperKind.FROZEN])])
def test_an_encoder_that_repeats_pictures_while_nothing_moves_is_told_at_most_once(
    key_frame_s: float, told: list[TamperKind]
) -> None:
    still, _ = next(looped(demo_video(), 1))

    def saving(_: Pixels, at_s: float) -> Pixels:
        return np.roll(still, int(at_s / key_frame_s) % 2, axis=1)

    assert watch(looped(demo_video(), 60, saving)).kinds == told


def test_one_picture_a_second_is_enough() -> None:
    def slow(kind: TamperKind) -> list[TamperKind]:
        pictures = list(looped(demo_video(), 40, between(20, 40, spoil_of(kind))))[::10]
        return watch(iter(pictures), tamper_watch(1)).kinds

    assert slow(TamperKind.TURNED) == [TamperKind.TURNED]


def brightened(pixels: Pixels, by: float) -> Pixels:
    return clipped(pixels * by)


def masked(pixels: Pixels, level: int) -> Pixels:
    pixels = pixels.copy()
    height, width = pixels.shape[:2]
    corners = (np.array([[0, 0], [0.5, 0], [0.45, 0.5], [0, 0.6]]) * (width, height)).astype(np.int32)
    cv2.fillPoly(pixels, [corners], (level, level, level))
    return pixels
