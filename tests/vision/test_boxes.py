import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agent.vision.boxes import CANDIDATES, Floats, Indices, best, from_anchors, from_centres, overlaps, suppress


def test_a_raw_box_of_zeros_is_its_anchor() -> None:
    anchor = np.array([[0.6, 0.4, 0.1, 0.2]])

    np.testing.assert_allclose(from_anchors(np.zeros((1, 4)), anchor), [[0.55, 0.3, 0.65, 0.5]])


def test_raw_boxes_shift_by_parts_of_the_anchor_and_grow_by_an_exponent() -> None:
    anchor = np.array([[0.5, 0.5, 0.1, 0.2]])
    raw = np.array([[-1.0, 1.0, math.log(3), math.log(2)]])
    left, top, right, bottom = from_anchors(raw, anchor)[0]

    assert (top + bottom) / 2 == pytest.approx(0.5 + 0.2)
    assert (left + right) / 2 == pytest.approx(0.5 - 0.1)
    assert bottom - top == pytest.approx(0.2 * 2)
    assert right - left == pytest.approx(0.1 * 3)


def test_a_centre_and_a_size_become_corners() -> None:
    np.testing.assert_allclose(from_centres(np.array([[0.5, 0.4, 0.2, 0.6]])), [[0.4, 0.1, 0.6, 0.7]])


def test_an_absurd_raw_size_does_not_overflow() -> None:
    boxes = from_anchors(np.array([[0, 0, 1e6, 1e6]], np.float32), np.array([[0.5, 0.5, 0.1, 0.1]], np.float32))

    assert np.isfinite(boxes).all()


def test_of_boxes_that_overlap_by_more_than_the_limit_the_best_stays() -> None:
    boxes = np.array(
        [
            [0.0, 0.0, 1.0, 1.0],
            [0.0, 0.0, 1.0, 0.9],  # 0.9 of the first
            [0.0, 0.6, 1.0, 1.6],  # 0.25 of the first
            [0.0, 0.0, 1.0, 0.4],  # 0.4 of the first
        ]
    )

    assert suppress(overlaps(boxes), 0.5) == [0, 2, 3]
    assert suppress(overlaps(boxes), 0.3) == [0, 2]
    assert suppress(overlaps(boxes[:0]), 0.5) == []


def test_a_box_is_not_suppressed_by_one_that_is_itself_gone() -> None:
    boxes = np.array([[0.0, 0.0, 1.0, 1.0], [0.3, 0.0, 1.3, 1.0], [0.6, 0.0, 1.6, 1.0]])

    assert suppress(overlaps(boxes), 0.5) == [0, 2]


def test_boxes_without_area_are_left_alone() -> None:
    assert suppress(overlaps(np.array([[0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5]])), 0.5) == [0, 1]


ANY_BOXES = arrays(np.float32, st.tuples(st.integers(0, 30), st.just(4)), elements=st.floats(-2, 3, width=32))
ANYTHING = st.floats(width=32, allow_nan=True, allow_infinity=True)
ONE_PICTURE = np.zeros(CANDIDATES + 50, np.intp)


@st.composite
def boxes_and_scores(draw: st.DrawFn) -> tuple[Floats, Floats, Indices]:
    """What a broken or a whole model may give for three pictures: boxes in any place, some numbers no number."""
    boxes = draw(ANY_BOXES)
    scores = draw(arrays(np.float32, len(boxes), elements=st.floats(-0.5, 1.5, width=32) | ANYTHING))
    for row in draw(st.lists(st.integers(0, max(len(boxes) - 1, 0)), max_size=3)):
        if len(boxes):
            boxes[row, draw(st.integers(0, 3))] = draw(ANYTHING)
    return boxes, scores, draw(arrays(np.intp, len(boxes), elements=st.integers(0, 2)))


@given(boxes_and_scores(), st.floats(0.01, 0.99), st.none() | st.floats(0.1, 0.9))
def test_whatever_a_model_gives_the_boxes_are_sound(
    given_: tuple[Floats, Floats, Indices], threshold: float, nms_iou: float | None
) -> None:
    boxes, scores, owners = best(*given_, threshold, nms_iou)

    assert len(boxes) == len(scores) == len(owners)
    assert np.isfinite(boxes).all()
    assert ((boxes >= 0) & (boxes <= 1)).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert ((scores >= np.float32(threshold)) & (scores <= 1)).all()
    assert (np.diff(scores) <= 0).all()


@given(boxes_and_scores(), st.floats(0.1, 0.9))
def test_each_box_that_went_overlaps_one_that_stayed_and_is_at_least_as_good(
    given_: tuple[Floats, Floats, Indices], nms_iou: float
) -> None:
    everything, _, owners = best(*given_, 0.1, None)
    alike = overlaps(everything) * (owners[:, None] == owners)
    stayed = suppress(alike, nms_iou)

    for gone in set(range(len(everything))) - set(stayed):
        assert any(alike[place, gone] > nms_iou for place in stayed if place < gone)


def test_two_boxes_that_both_stay_do_not_become_one() -> None:
    boxes = np.array([[0.0, 0.0, 1.0, 1.0], [0.2, 0.0, 1.0, 1.0]], np.float32)  # 0.8 of each other
    kept, _, _ = best(boxes, np.array([0.9, 0.8], np.float32), ONE_PICTURE[:2], 0.1, 0.9)

    np.testing.assert_allclose(kept, boxes)


def test_what_is_no_number_hides_nobody() -> None:
    boxes = np.array([[0, 0, 1, 1], [0, 0, np.nan, 1], [0, 0, 1, np.inf], [0.1, 0.1, 0.4, 0.9]], np.float32)
    kept, scores, _ = best(boxes, np.array([np.inf, 0.9, 0.9, 0.8], np.float32), ONE_PICTURE[:4], 0.5, 0.5)

    np.testing.assert_allclose(kept, boxes[3:])
    np.testing.assert_allclose(scores, [0.8])


def test_no_more_candidates_are_compared_than_the_table_may_hold_and_the_best_are_among_them() -> None:
    count = CANDIDATES + 50
    lefts = np.linspace(0, 0.99, count, dtype=np.float32)
    boxes = np.stack([lefts, np.zeros(count), lefts + 0.001, np.ones(count)], axis=1).astype(np.float32)
    given_ = np.linspace(0.5, 1, count, dtype=np.float32)
    _, scores, _ = best(boxes, given_, ONE_PICTURE, 0.1, 0.5)

    np.testing.assert_array_equal(scores, given_[::-1][:CANDIDATES])


@given(boxes_and_scores(), st.floats(0.1, 0.9))
def test_a_box_is_moved_to_a_place_between_those_that_overlap_it_and_scores_and_order_stay(
    given_: tuple[Floats, Floats, Indices], nms_iou: float
) -> None:
    everything, all_scores, owners = best(*given_, 0.1, None)
    kept, scores, _ = best(*given_, 0.1, nms_iou)
    alike = overlaps(everything) * (owners[:, None] == owners)
    places = suppress(alike, nms_iou)

    np.testing.assert_array_equal(scores, all_scores[places])
    for place, box in zip(places, kept, strict=True):
        voters = everything[alike[place] > 0.4]
        assert (box >= voters.min(axis=0) - 1e-5).all()
        assert (box <= voters.max(axis=0) + 1e-5).all()


def test_a_box_that_nothing_overlaps_stays_where_it_is() -> None:
    boxes = np.array([[0.1, 0.1, 0.3, 0.5], [0.6, 0.1, 0.8, 0.5]], np.float32)
    kept, _, _ = best(boxes, np.array([0.9, 0.8], np.float32), ONE_PICTURE[:2], 0.1, 0.5)

    np.testing.assert_allclose(kept, boxes)


def test_boxes_of_one_person_say_together_where_it_is_the_surer_ones_more() -> None:
    boxes = np.array([[0.10, 0.1, 0.30, 0.5], [0.12, 0.1, 0.32, 0.5], [0.12, 0.1, 0.32, 0.5]], np.float32)
    (kept,), (score,), _ = best(boxes, np.array([0.8, 0.4, 0.4], np.float32), ONE_PICTURE[:3], 0.1, 0.5)

    np.testing.assert_allclose(kept, [0.11, 0.1, 0.31, 0.5], atol=1e-6)
    assert score == np.float32(0.8)


@given(boxes_and_scores(), st.none() | st.floats(0.1, 0.9))
def test_several_pictures_at_once_give_what_each_gives_alone(
    given_: tuple[Floats, Floats, Indices], nms_iou: float | None
) -> None:
    boxes, scores, owners = given_
    together = best(boxes, scores, owners, 0.1, nms_iou)

    for picture in range(3):
        of = owners == picture
        alone = best(boxes[of], scores[of], owners[of], 0.1, nms_iou)
        np.testing.assert_allclose(together[0][together[2] == picture], alone[0], atol=1e-6)
        np.testing.assert_array_equal(together[1][together[2] == picture], alone[1])
