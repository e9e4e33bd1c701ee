"""Each decoder but that of a raw SSD on plain arrays, as a model of its family gives them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agent.vision.boxes import Floats
from tests.support.decoded import COCO, Array, read


def floats(values: Any) -> Array:
    return np.array(values, np.float32)


# --- post-processed SSD


def post_outputs() -> list[Array]:
    """Boxes, classes, scores and count: a person, a car, a faint person, and one beyond the count."""
    return [
        floats([[[0.1, 0.2, 0.5, 0.4], [0.0, 0.0, 1.0, 1.0], [0.6, 0.6, 0.9, 0.7], [0.3, 0.3, 0.4, 0.4]]]),
        floats([[0, 2, 0, 0]]),
        floats([[0.9, 0.8, 0.3, 0.99]]),
        floats([3]),
    ]


def test_a_postprocessed_ssd_gives_people_that_count() -> None:
    boxes, scores = read(post_outputs(), "ssd-postprocessed")

    np.testing.assert_allclose(boxes, [[0.2, 0.1, 0.4, 0.5]])
    np.testing.assert_allclose(scores, [0.9])


def test_a_lower_threshold_shows_the_faint_person_too() -> None:
    assert read(post_outputs(), "ssd-postprocessed", 0.2)[1].tolist() == pytest.approx([0.9, 0.3])


def test_the_outputs_of_an_efficientdet_come_in_their_own_order() -> None:
    boxes, classes, scores, count = post_outputs()
    decoder = {"name": "ssd-postprocessed", "outputs": ("scores", "boxes", "count", "classes")}

    np.testing.assert_allclose(read([scores, boxes, count, classes], decoder)[0], [[0.2, 0.1, 0.4, 0.5]])


def test_corners_may_be_pixels_with_x_first() -> None:
    outputs = post_outputs()
    outputs[0] = outputs[0][:, :, [1, 0, 3, 2]] * 300
    decoder = {"name": "ssd-postprocessed", "box_order": "xyxy", "box_unit": "pixel"}

    np.testing.assert_allclose(read(outputs, decoder)[0], [[0.2, 0.1, 0.4, 0.5]], rtol=1e-5)


@pytest.mark.parametrize("count", [np.nan, -1, 0])
def test_an_absurd_count_is_nobody(count: float) -> None:
    outputs = post_outputs()
    outputs[3][0] = count

    assert len(read(outputs, "ssd-postprocessed")[0]) == 0


# --- YOLO


def yolo_rows() -> Array:
    """Rows of x, y, w, h and three classes: a person, nearly the same again, a car, another person."""
    return floats(
        [
            [0.5, 0.5, 0.2, 0.4, 0.9, 0.0, 0.1],
            [0.51, 0.5, 0.2, 0.4, 0.7, 0.0, 0.1],
            [0.2, 0.2, 0.2, 0.2, 0.1, 0.0, 0.95],
            [0.9, 0.5, 0.1, 0.2, 0.6, 0.0, 0.1],
        ]
    )


def people_of_yolo(first: float = 0.9, again: float = 0.7) -> list[list[float]]:
    """The second box of the first person has a say in where they are, by its score."""
    shift = 0.01 * again / (first + again)
    return [[0.4 + shift, 0.3, 0.6 + shift, 0.7], [0.85, 0.4, 0.95, 0.6]]


def test_a_yolo_v8_has_its_boxes_in_columns() -> None:
    decoder = {"name": "yolo", "layout": "columns", "objectness": False}
    boxes, scores = read([yolo_rows().T[None]], decoder)

    np.testing.assert_allclose(boxes, people_of_yolo(), rtol=1e-5)
    np.testing.assert_allclose(scores, [0.9, 0.6])


def test_a_yolo_v5_has_them_in_rows_and_multiplies_by_the_objectness() -> None:
    rows = np.insert(yolo_rows(), 4, [1.0, 0.9, 1.0, 0.5], axis=1)
    decoder = {"name": "yolo", "layout": "rows", "objectness": True}
    boxes, scores = read([rows[None]], decoder, 0.25)

    np.testing.assert_allclose(boxes, people_of_yolo(again=0.7 * 0.9), rtol=1e-5)
    np.testing.assert_allclose(scores, [0.9, 0.3])


def test_yolo_boxes_may_be_in_pixels_of_the_input() -> None:
    rows = yolo_rows() * floats([640, 320, 640, 320, 1, 1, 1])
    decoder = {"name": "yolo", "layout": "rows", "objectness": False, "box_unit": "pixel"}
    boxes, _ = read([rows[None]], decoder, input={"width": 640, "height": 320, "dtype": "uint8"})

    np.testing.assert_allclose(boxes, people_of_yolo(), rtol=1e-5)


def test_the_overlap_at_which_a_box_is_suppressed_is_the_manifests() -> None:
    decoder = {"name": "yolo", "layout": "rows", "objectness": False, "nms_iou": 0.95}

    assert len(read([yolo_rows()[None]], decoder)[0]) == 3


# --- centres


def centre_outputs(*people: tuple[int, int, float], classes: int = 1) -> list[Array]:
    """A grid of 4 rows and 8 columns with a logit in each of these cells; a person is 2 cells high and 1 wide, and
    stands a quarter of a cell below the top of the cell and half a cell from its left."""
    scores = np.full((1, 4, 8, classes), -9, np.float32)
    for row, column, logit in people:
        scores[0, row, column, 0] = logit
    return [scores, floats(np.broadcast_to([2, 1], (1, 4, 8, 2))), floats(np.broadcast_to([0.25, 0.5], (1, 4, 8, 2)))]


def read_centres(outputs: list[Array], decoder: Any = "centres", **changes: Any) -> tuple[Floats, Floats]:
    return read(outputs, decoder, **{"labels": ("person",), **changes})


def test_a_centre_has_its_box_around_it() -> None:
    boxes, scores = read_centres(centre_outputs((2, 3, 2.0)))

    np.testing.assert_allclose(boxes, [[3 / 8, 1.25 / 4, 4 / 8, 3.25 / 4]], rtol=1e-5)
    np.testing.assert_allclose(scores, [0.880797], rtol=1e-5)


def test_a_lower_score_beside_a_centre_is_the_same_person() -> None:
    decoder = {"name": "centres", "nms_iou": 1}
    boxes, scores = read_centres(centre_outputs((2, 3, 2.0), (1, 4, 1.9), (2, 6, 1.0)), decoder)

    assert [round(float(box[0]) * 8) for box in boxes] == [3, 6]
    np.testing.assert_allclose(scores, [0.880797, 0.731059], rtol=1e-5)


@pytest.mark.parametrize("corner", [(0, 0), (0, 7), (3, 0), (3, 7)])
def test_a_centre_may_be_in_a_corner_of_the_grid(corner: tuple[int, int]) -> None:
    assert len(read_centres(centre_outputs((*corner, 2.0)))[0]) == 1


def test_what_is_no_number_hides_nobody_beside_it() -> None:
    assert len(read_centres(centre_outputs((2, 3, 2.0), (2, 4, np.nan)))[0]) == 1


def test_the_best_of_several_classes_of_people_counts() -> None:
    outputs = centre_outputs((2, 3, 1.0), classes=3)
    outputs[0][0, 2, 4] = [-9, 2.0, 5.0]
    boxes, scores = read_centres(outputs, labels=COCO, person_classes=(0, 1))

    np.testing.assert_allclose(scores, [0.880797], rtol=1e-5)
    assert round(float(boxes[0][0]) * 8) == 4


# --- whatever the numbers are

ANYTHING = st.floats(width=32) | st.floats(-1, 2, width=32)


def tensor(*shape: int) -> st.SearchStrategy[Array]:
    return arrays(np.float32, shape, elements=ANYTHING)


@given(
    st.one_of(
        st.tuples(st.just({"name": "yolo", "layout": "columns", "objectness": False}), st.tuples(tensor(1, 7, 9))),
        st.tuples(st.just({"name": "yolo", "layout": "rows", "objectness": True}), st.tuples(tensor(1, 9, 8))),
        st.tuples(st.just("ssd-postprocessed"), st.tuples(tensor(1, 5, 4), tensor(1, 5), tensor(1, 5), tensor(1))),
        st.tuples(st.just("nms-by-class"), st.tuples(tensor(1, 3, 7, 5))),
        st.tuples(st.just("centres"), st.tuples(tensor(1, 3, 4, 3), tensor(1, 3, 4, 2), tensor(1, 3, 4, 2))),
        *(
            st.tuples(
                st.just(
                    {
                        "name": "ssd-raw",
                        "anchors": {"formula": "efficientdet", "min_level": 8, "max_level": 8},
                        "score_activation": activation,
                    }
                ),
                st.tuples(tensor(1, 36, 4), tensor(1, 36, 3)),
            )
            for activation in ("sigmoid", "softmax", "none")
        ),
    ),
    st.floats(0.05, 0.95),
)
def test_whatever_a_model_gives_only_sound_boxes_come_out(
    case: tuple[Any, tuple[Array, ...]], threshold: float
) -> None:
    decoder, outputs = case
    boxes, scores = read(list(outputs), decoder, threshold)

    assert np.isfinite(boxes).all()
    assert ((boxes >= 0) & (boxes <= 1)).all()
    assert ((scores >= 0) & (scores <= 1)).all()
    assert (np.diff(scores) <= 0).all()
