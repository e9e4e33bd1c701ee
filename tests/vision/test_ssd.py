import math

import numpy as np
import pytest

from agent.vision import ssd


def test_a_300_pixel_model_has_1917_anchors() -> None:
    assert ssd.anchors(300).shape == (1917, 4)


def test_the_anchors_of_the_finest_grid_are_three_a_cell_in_reading_order() -> None:
    anchors = ssd.anchors(300)
    half_cell = 0.5 / 19

    np.testing.assert_allclose(anchors[0], [half_cell, half_cell, 0.1, 0.1], rtol=1e-5)
    np.testing.assert_allclose(anchors[1], [half_cell, half_cell, 0.2 / math.sqrt(2), 0.2 * math.sqrt(2)], rtol=1e-5)
    np.testing.assert_allclose(anchors[2], [half_cell, half_cell, 0.2 * math.sqrt(2), 0.2 / math.sqrt(2)], rtol=1e-5)
    np.testing.assert_allclose(anchors[3, :2], [half_cell, 3 * half_cell], rtol=1e-5)  # one cell to the right
    np.testing.assert_allclose(anchors[3 * 19, :2], [3 * half_cell, half_cell], rtol=1e-5)  # one row down


def test_the_coarsest_grid_is_one_cell_with_the_largest_scale() -> None:
    last = ssd.anchors(300)[-6:]

    np.testing.assert_allclose(last[:, :2], 0.5)
    np.testing.assert_allclose(last[0, 2:], 0.95, rtol=1e-5)
    np.testing.assert_allclose(last[1, 2:], [0.95 / math.sqrt(2), 0.95 * math.sqrt(2)], rtol=1e-5)
    np.testing.assert_allclose(last[4, 2:], [0.95 * math.sqrt(3), 0.95 / math.sqrt(3)], rtol=1e-5)
    np.testing.assert_allclose(last[5, 2:], math.sqrt(0.95), rtol=1e-5)


def test_a_raw_box_of_zeros_is_its_anchor() -> None:
    anchor = np.array([[0.4, 0.6, 0.2, 0.1]])

    np.testing.assert_allclose(ssd.decode(np.zeros((1, 4)), anchor), [[0.55, 0.3, 0.65, 0.5]])


def test_raw_boxes_shift_by_tenths_of_the_anchor_and_grow_by_fifths_of_an_exponent() -> None:
    anchor = np.array([[0.5, 0.5, 0.2, 0.1]])
    raw = np.array([[10.0, -10.0, 5 * math.log(2), 5 * math.log(3)]])
    left, top, right, bottom = ssd.decode(raw, anchor)[0]

    assert (top + bottom) / 2 == pytest.approx(0.5 + 0.2)
    assert (left + right) / 2 == pytest.approx(0.5 - 0.1)
    assert bottom - top == pytest.approx(0.2 * 2)
    assert right - left == pytest.approx(0.1 * 3)


def test_an_absurd_raw_size_does_not_overflow() -> None:
    boxes = ssd.decode(np.array([[0, 0, 1e6, 1e6]], np.float32), np.array([[0.5, 0.5, 0.1, 0.1]], np.float32))

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

    assert ssd.suppress(boxes, 0.5) == [0, 2, 3]
    assert ssd.suppress(boxes, 0.3) == [0, 2]
    assert ssd.suppress(boxes[:0], 0.5) == []


def test_a_box_is_not_suppressed_by_one_that_is_itself_gone() -> None:
    boxes = np.array([[0.0, 0.0, 1.0, 1.0], [0.3, 0.0, 1.3, 1.0], [0.6, 0.0, 1.6, 1.0]])

    assert ssd.suppress(boxes, 0.5) == [0, 2]


def test_boxes_without_area_are_left_alone() -> None:
    assert ssd.suppress(np.array([[0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5]]), 0.5) == [0, 1]
