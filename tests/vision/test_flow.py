"""What is followed from frame to frame by the picture alone."""

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from agent.adapters.opencv_imaging import follow_points
from agent.vision.flow import Flow

Grey = npt.NDArray[np.uint8]
TEXTURE = np.kron(np.random.default_rng(4).integers(0, 255, (80, 80)), np.ones((4, 4))).astype(np.uint8)
STREET = np.kron(np.random.default_rng(5).integers(60, 120, (60, 80)), np.ones((4, 4))).astype(np.uint8)
TIMES = 2.0


def picture(*people: tuple[int, int]) -> Grey:
    """A street with people of 24 x 60, their upper left corners there; the last one stands nearest."""
    seen = STREET.copy()
    for number, (left, top) in enumerate(people):
        seen[top : top + 60, left : left + 24] = TEXTURE[40 * number : 40 * number + 60, 40 * number : 40 * number + 24]
    return seen


def box(left: int, top: int, width: int = 24, height: int = 60) -> tuple[float, float, float, float]:
    """The box of such a person in the camera's picture, which is `TIMES` as large."""
    return left * TIMES, top * TIMES, width * TIMES, height * TIMES


def test_a_box_moves_by_what_the_people_in_it_have_moved_before_a_street_that_stands() -> None:
    flow = Flow(follow_points)
    flow.shifts(picture((100, 80)), [], TIMES)

    (shift,) = flow.shifts(picture((103, 79)), [box(100, 80)], TIMES)

    assert shift is not None
    assert shift == pytest.approx((3 * TIMES, -1 * TIMES, 1), abs=0.5)


def test_who_walks_behind_somebody_nearer_is_not_taken_along_by_them() -> None:
    flow = Flow(follow_points)
    flow.shifts(picture((100, 80), (98, 90)), [], TIMES)

    hidden, nearer = flow.shifts(picture((96, 80), (101, 90)), [box(100, 80), box(98, 90)], TIMES)

    assert hidden is None
    assert nearer is not None
    assert nearer == pytest.approx((3 * TIMES, 0, 1), abs=0.5)


def test_who_comes_nearer_grows_and_their_feet_go_down() -> None:
    flow = Flow(follow_points)
    large = cv2.resize(picture((100, 80)), None, fx=1.5, fy=1.5, interpolation=cv2.INTER_CUBIC)
    nearer = cv2.resize(large, None, fx=1.04, fy=1.04, interpolation=cv2.INTER_CUBIC)[
        : large.shape[0], : large.shape[1]
    ]
    flow.shifts(large, [], TIMES)

    (shift,) = flow.shifts(nearer, [box(150, 120, 36, 90)], TIMES)

    assert shift is not None
    assert shift.grown == pytest.approx(1.04, abs=0.01)
    assert shift.down == pytest.approx(0.04 * 210 * TIMES, abs=1)


@pytest.mark.parametrize("after", [np.zeros_like(STREET), np.roll(TEXTURE, 160)[: STREET.shape[0], : STREET.shape[1]]])
def test_a_picture_that_shows_something_else_says_nothing(after: Grey) -> None:
    after = np.resize(after, STREET.shape)
    flow = Flow(follow_points)
    flow.shifts(picture((100, 80)), [], TIMES)

    assert flow.shifts(after, [box(100, 80)], TIMES) == [None]


def test_boxes_beyond_the_picture_and_the_first_one_say_nothing() -> None:
    flow = Flow(follow_points)

    assert flow.shifts(picture(), [box(100, 80)], TIMES) == [None]
    assert flow.shifts(picture(), [box(-900, 80), box(900, 5000)], TIMES) == [None, None]
    assert flow.shifts(np.zeros((10, 10), np.uint8), [box(100, 80)], TIMES) == [None]
