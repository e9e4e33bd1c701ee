import itertools
import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.ports import Detection
from agent.vision import merge as merging
from agent.vision.regions import Region, step_of, whole

W, H = 640, 360
WHOLE: Region = (0, 0, 360, 360)
RIGHT: Region = (140, 0, 360, 360)
PERSON = Detection(200, 100, 40, 100, 0.9)

BOXES = st.builds(
    Detection, st.floats(0, 600), st.floats(0, 330), st.floats(0, 200), st.floats(0, 300), st.floats(0.05, 1)
)
LOOKS = st.lists(
    st.tuples(
        st.sampled_from([WHOLE, RIGHT, (280, 0, 360, 360), (100, 40, 120, 120)]),
        st.lists(BOXES | st.just(PERSON), max_size=6),
    ),
    max_size=4,
)


def merge(looks: Sequence[tuple[Region, Sequence[Detection]]], width: int, height: int) -> list[Detection]:
    """With boxes in pixels of the picture, not of their regions."""
    return merging.merge(
        [(region, [moved(box, -region[0], -region[1]) for box in boxes]) for region, boxes in looks], width, height
    )


def moved(box: Detection, x: float = 0, y: float = 0, score: float | None = None) -> Detection:
    return Detection(box.left + x, box.top + y, box.width, box.height, box.score if score is None else score)


def test_nothing_found_is_nothing() -> None:
    assert merge([], W, H) == []
    assert merge([(WHOLE, []), (RIGHT, [])], W, H) == []


def test_one_person_seen_by_two_regions_is_one_box_between_theirs_with_the_better_score() -> None:
    (box,) = merge([(WHOLE, [PERSON]), (RIGHT, [moved(PERSON, 6, 4, 0.7)])], W, H)

    assert 200 < box.left < 203
    assert 100 < box.top < 102
    assert (box.width, box.height) == pytest.approx((40, 100))
    assert box.score == 0.9


@pytest.mark.parametrize("copies", [2, 3, 10])
def test_the_same_box_many_times_is_one_and_unchanged(copies: int) -> None:
    (box,) = merge([(WHOLE, [PERSON] * copies)], W, H)

    assert (box.left, box.top, box.width, box.height) == pytest.approx((200, 100, 40, 100))
    assert box.score == 0.9


@pytest.mark.parametrize("x", [35, 40, 60])
def test_two_people_side_by_side_stay_two(x: float) -> None:
    assert len(merge([(WHOLE, [PERSON, moved(PERSON, x)]), (RIGHT, [moved(PERSON, x), PERSON])], W, H)) == 2


def test_two_people_one_half_behind_the_other_stay_two() -> None:
    assert len(merge([(WHOLE, [PERSON, moved(PERSON, 20, -8, 0.6)])], W, H)) == 2


@pytest.mark.parametrize(
    ("region", "cut"),
    [
        ((120, 0, 150, 150), Detection(200, 100, 40, 50, 0.95)),
        ((120, 150, 150, 150), Detection(200, 150, 40, 50, 0.95)),
        ((20, 20, 200, 200), Detection(200, 100, 20, 100, 0.95)),
        ((215, 20, 200, 200), Detection(215, 100, 25, 100, 0.95)),
    ],
)
def test_a_person_whom_the_edge_of_a_region_cuts_does_not_become_a_second_one(region: Region, cut: Detection) -> None:
    (box,) = merge([(WHOLE, [PERSON]), (region, [cut])], W, H)

    assert box.height > 90
    assert box.score == 0.9


def test_what_an_edge_of_the_picture_cuts_keeps_its_score() -> None:
    looks = [(WHOLE, [Detection(0, 100, 30, 100, 0.8)]), (WHOLE, [Detection(100, 300, 30, 60, 0.7)])]

    assert [box.score for box in merge(looks, W, H)] == [0.8, 0.7]


def test_what_an_edge_of_a_region_cuts_is_believed_less_and_is_not_lost() -> None:
    (box,) = merge([((100, 0, 120, 120), [Detection(200, 40, 20, 60, 0.8)])], W, H)

    assert 0 < box.score < 0.8


def test_somebody_nearby_whom_two_regions_cut_at_other_edges_is_whole_and_believed_in_full() -> None:
    seen_left, seen_right = Detection(120, 20, 240, 330, 0.91), Detection(141, 20, 259, 330, 0.88)

    (box,) = merge([(WHOLE, [seen_left]), (RIGHT, [seen_right])], W, H)

    assert box.score == 0.91
    assert box.left == pytest.approx(120)
    assert box.left + box.width == pytest.approx(400)


def test_two_boxes_that_are_cut_at_the_same_edge_stay_doubtful() -> None:
    cut = Detection(120, 20, 240, 330, 0.91)

    (box,) = merge([(WHOLE, [cut]), (WHOLE, [moved(cut, -4)])], W, H)

    assert box.score < 0.5


def test_two_halves_of_small_people_do_not_complete_each_other() -> None:
    (box,) = merge(
        [(WHOLE, [Detection(332, 100, 27, 60, 0.9)]), ((330, 20, 200, 200), [Detection(331, 100, 30, 60, 0.9)])], W, H
    )

    assert box.score < 0.5


def test_who_is_found_in_the_whole_picture_with_grey_around_is_where_they_are() -> None:
    around = whole(900, W, H)
    looks = [(around, [Detection(430, 300, 150, 350, 0.9)])]

    (box,) = merging.merge(looks, W, H)

    assert (box.left, box.top, box.width) == (300, 30, 150)
    assert box.top + box.height == H, "nobody is beside the picture"


def test_nobody_small_is_believed_where_the_whole_picture_is_looked_at() -> None:
    assert merging.merge([(whole(900, W, H), [Detection(430, 300, 60, 150, 0.9)])], W, H) == []


@pytest.mark.parametrize("step", [2, 3])
def test_in_a_large_picture_every_few_pixels_are_enough(step: int) -> None:
    around = whole(step * 900, step * W, step * H)
    assert step_of(around) == step

    (box,) = merging.merge([(around, [Detection(430, 300, 150, 250, 0.9)])], step * W, step * H)

    assert (box.left, box.top) == pytest.approx((step * 300, step * 30), abs=step)
    assert (box.width, box.height) == (step * 150, step * 250)


@given(LOOKS)
def test_what_comes_out_is_sound_in_the_order_of_scores_and_within_what_went_in(
    looks: list[tuple[Region, list[Detection]]],
) -> None:
    everything = [box for _, boxes in looks for box in boxes]
    merged = merge(looks, W, H)

    assert len(merged) <= len(everything)
    assert bool(merged) == bool(everything)
    assert [box.score for box in merged] == sorted((box.score for box in merged), reverse=True)
    for box in merged:
        assert all(math.isfinite(side) for side in (box.left, box.top, box.width, box.height))
        assert box.width >= -1e-9
        assert box.height >= -1e-9
        assert box.left >= min(one.left for one in everything) - 1e-6
        assert box.top >= min(one.top for one in everything) - 1e-6
        assert box.left + box.width <= max(one.left + one.width for one in everything) + 1e-6
        assert box.top + box.height <= max(one.top + one.height for one in everything) + 1e-6
        assert box.score <= max(one.score for one in everything)


@given(st.permutations([PERSON, moved(PERSON, 5, 0, 0.8), moved(PERSON, 100, 0, 0.7), moved(PERSON, 104, 3, 0.6)]))
def test_the_order_of_the_boxes_does_not_matter(boxes: list[Detection]) -> None:
    assert merge([(WHOLE, boxes)], W, H) == merge([(WHOLE, sorted(boxes, key=lambda box: -box.score))], W, H)


def test_boxes_without_a_size_are_no_error_and_hide_nobody() -> None:
    nothing = Detection(220, 150, 0, 0, 0.95)

    merged = merge([(WHOLE, [nothing, nothing, PERSON])], W, H)

    assert any(box.width == pytest.approx(40) and box.score == 0.9 for box in merged)


def test_hundreds_of_boxes_stay_apart() -> None:
    people = [Detection(50 * column, 20 * row, 12, 18, 0.5) for row, column in itertools.product(range(17), range(12))]

    assert len(merge([((0, 0, 640, 640), people)], 640, 640)) == len(people)
