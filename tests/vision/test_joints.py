from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from agent.core.camera.model_decoders import Centres
from agent.ports import Detection
from agent.vision.joints import Body, Joints, joints_of
from agent.vision.merge import merge
from agent.vision.person_detector import PersonDetector
from tests.support.vision_stand_ins import manifest

NOWHERE = Path("/nonexistent")
SURE, UNSURE = 4.0, -4.0
MIDDLE = [0.4, 0.3, 0.6, 0.7]


def bodies(grid: npt.NDArray[np.float32], *boxes: list[float], owners: list[int] | None = None) -> list[float]:
    """Of these boxes, in the grids of so many pictures."""
    return [body.sureness for body in told(grid, *boxes, owners=owners)]


def told(grid: npt.NDArray[np.float32], *boxes: list[float], owners: list[int] | None = None) -> list[Body]:
    return Joints(0).bodies([grid], np.array(boxes), np.array(owners or [0] * len(boxes)))


def grid(*places: tuple[int, int], joints: int = 5, pictures: int = 1) -> npt.NDArray[np.float32]:
    """10 x 10 cells with 17 joints, of which the first ones are at these rows and columns of the last picture."""
    made = np.full((pictures, 10, 10, 17), UNSURE, np.float32)
    for row, column in places:
        made[-1, row, column, :joints] = SURE
    return made


@pytest.mark.parametrize(
    ("place", "inside"), [((5, 5), True), ((3, 4), True), ((5, 8), False), ((0, 5), False), ((9, 5), False)]
)
def test_joints_count_in_their_box_alone(place: tuple[int, int], inside: bool) -> None:
    (body,) = bodies(grid(place), MIDDLE)

    assert body == pytest.approx(0.982 if inside else 0.018, abs=0.001)


def test_five_sure_joints_are_a_body_and_three_are_three_fifths_of_one() -> None:
    assert bodies(grid((5, 5), joints=3), MIDDLE) == pytest.approx([0.597], abs=0.001)
    assert bodies(grid((5, 5), joints=17), MIDDLE) == pytest.approx([0.982], abs=0.001)


def test_each_box_is_asked_of_its_own_picture() -> None:
    low, high = bodies(grid((5, 5), pictures=2), MIDDLE, MIDDLE, owners=[0, 1])

    assert low < 0.1 < 0.9 < high


@pytest.mark.parametrize("corner", [[0.0, 0.0, 0.01, 0.01], [0.99, 0.99, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]])
def test_a_box_at_any_edge_and_of_any_size_has_a_body(corner: list[float]) -> None:
    assert bodies(grid((0, 0), (9, 9)), corner) == pytest.approx([0.982], abs=0.001)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_give_a_share_all_the_same(bad: float) -> None:
    made = np.full((1, 10, 10, 2), bad, np.float32)
    with np.errstate(all="ignore"):
        (body,) = bodies(made, MIDDLE)

    assert 0 <= body <= 1


@pytest.mark.parametrize(("head", "feet", "rise"), [(3, 6, 0.75), (5, 5, 0.0), (6, 3, -0.75)])
def test_the_rise_is_how_far_the_head_is_above_the_feet(head: int, feet: int, rise: float) -> None:
    made = grid()
    made[0, head, 5, :7] = SURE
    made[0, feet, 5, 13:] = SURE

    assert [body.rise for body in told(made, MIDDLE)] == pytest.approx([rise], abs=0.01)


@pytest.mark.parametrize("hidden", [slice(0, 7), slice(13, 17), slice(0, 17)])
def test_without_head_or_feet_nobody_knows_the_rise(hidden: slice) -> None:
    made = grid((4, 5), joints=17)
    made[..., hidden] = UNSURE

    assert told(made, MIDDLE)[0].rise is None


def test_other_joints_than_those_of_the_built_model_have_no_rise() -> None:
    assert told(grid((4, 5))[..., :6], MIDDLE)[0].rise is None


class StandIn:
    """A model that sees one person in the middle of everything, with all joints on the left."""

    input_shape: tuple[int, ...] = (1, 300, 300, 3)
    input_dtype = "uint8"

    def __init__(self) -> None:
        self.outputs: list[npt.NDArray[Any]] = [
            np.full((1, 9, 9, 2), -9, np.float32),
            np.full((1, 9, 9, 2), 2.0, np.float32),
            np.full((1, 9, 9, 2), 0.5, np.float32),
            np.full((1, 3, 3, 6), UNSURE, np.float32),
        ]
        self.outputs[0][0, 4, 4] = SURE
        self.outputs[3][0, :, 0] = SURE

    @property
    def output_shapes(self) -> list[tuple[int, ...]]:
        return [output.shape for output in self.outputs]

    def input_view(self) -> npt.NDArray[Any]:
        return np.zeros((1, 300, 300, 3), np.uint8)

    def run(self) -> list[npt.NDArray[Any]]:
        return self.outputs


@pytest.mark.parametrize("fit", ["stretch", "letterbox"])
def test_a_detection_carries_its_body_whatever_the_picture_s_form(fit: str) -> None:
    changes = {"input": {"width": 300, "height": 300, "dtype": "uint8", "fit": fit}, "decoder": "centres"}
    made = manifest(**changes)
    detector = PersonDetector(StandIn(), made, NOWHERE, lambda pixels, target: None, 0.5)
    (found,) = detector.detect([np.zeros((200, 400, 3), np.uint8)])

    assert [each.body for each in found] == pytest.approx([0.018], abs=0.001)


def test_a_model_without_joints_is_believed() -> None:
    assert joints_of(Centres(), [(1, 9, 9, 1), (1, 9, 9, 2), (1, 9, 9, 2)]) is None
    assert Detection(0, 0, 1, 1, 0.5).body == 1


def test_of_two_looks_at_somebody_the_surer_one_tells_of_their_body() -> None:
    looks = [((0, 0, 100, 100), [Detection(20, 20, 20, 60, 0.8, body, body / 2)]) for body in (0.3, 0.7)]
    (one,) = merge(looks, 100, 100)

    assert (one.body, one.rise) == (0.7, 0.35)
