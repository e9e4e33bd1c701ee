"""A detector that finds upright people only, in a picture where they stand, lie or hang."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from agent.adapters.opencv_imaging import blobs, follow_points, small_grey
from agent.ports import Detection, Frame
from agent.vision.orientation import Orientation
from agent.vision.sight import Sight
from tests.support.pictures import checks

Pixels = npt.NDArray[np.uint8]
SECOND = 1_000_000_000
WIDTH, HEIGHT = 768, 576
_PERSON = (90, 30)
"""Height and width of somebody upright, in pixels."""


class UprightPeople:
    """Finds dark rectangles with a bright head at the top. Counts what it looks at.

    With `also_lying` it finds, as some models do, whoever lies as well.
    """

    def __init__(self, *, also_lying: bool = False) -> None:
        self.inferences = 0
        self._also_lying = also_lying

    def detect(self, pictures: Sequence[Pixels]) -> list[list[Detection]]:
        self.inferences += len(pictures)
        return [self._found(picture) for picture in pictures]

    def _found(self, picture: Pixels) -> list[Detection]:
        found = []
        for number in range(1, 6):
            rows, columns = np.nonzero(picture[:, :, 0] == number)
            if rows.size < 500:
                continue
            left, top, right, bottom = columns.min(), rows.min(), columns.max(), rows.max()
            heads = np.nonzero(picture[:, :, 1] == 250 + number)[0]
            is_upright = bottom - top > right - left and heads.size > 0 and heads.mean() < rows.mean()
            if is_upright or (self._also_lying and bottom - top < right - left):
                found.append(Detection(float(left), float(top), float(right - left), float(bottom - top), 0.9))
        return found


def person(pixels: Pixels, number: int, x: int, y: int, quarters: int) -> None:
    """Draw somebody whose picture is turned by so many quarters with the clock."""
    height, width = _PERSON
    body = np.full((height, width, 3), number, np.uint8)
    body[:20, :, 1] = 250 + number
    body = np.rot90(body, -quarters)
    pixels[y : y + body.shape[0], x : x + body.shape[1]] = body


def quarters_after(
    seconds: float, quarters: int, people: int, *, per_s: float = 6, walk: bool = True, also_lying: bool = False
) -> tuple[int, int]:
    """What is thought of the mount when so many people walk about for so long, and how many inferences it took."""
    detector = UprightPeople(also_lying=also_lying)
    sight = Sight(detector, small_grey, blobs, follow_points, score_threshold=0.5, inferences_per_second=per_s)
    ground = np.repeat(np.maximum(checks(), 10)[:, :, None], 3, axis=2)
    most = 0
    counts: list[int] = []
    for number in range(round(seconds * 10)):
        pixels, at_s = ground.copy(), number / 10
        for index in range(people):
            x = 60 + 130 * index + (round(25 * at_s) % 60 if walk else number % 2)
            person(pixels, index + 1, x, 90 + 80 * index, quarters)
        before = detector.inferences
        seen = sight.process(Frame(pixels, 1000 * SECOND + round(at_s * SECOND), number + 1))
        counts.append(detector.inferences - before)
        most = max(most, sum(counts[-10:]))
    return seen.quarters, most


@pytest.mark.parametrize(("quarters", "needed"), [(1, 1), (2, 2), (3, 3)])
def test_a_turned_camera_is_known_within_forty_seconds_at_the_smallest_budget(quarters: int, needed: int) -> None:
    thought, most = quarters_after(40, quarters, people=5)

    assert thought == needed
    assert most <= 6


def test_a_camera_on_its_side_is_known_by_a_model_that_finds_lying_people_too() -> None:
    assert quarters_after(40, 1, people=5, also_lying=True)[0] in {1, 3}


def test_an_upright_camera_is_never_taken_for_a_turned_one() -> None:
    assert quarters_after(40, 0, people=5)[0] == 0


def test_somebody_who_lies_on_the_ground_turns_no_camera() -> None:
    assert quarters_after(40, 1, people=1, walk=False)[0] == 0


@pytest.mark.parametrize(("per_s", "most"), [(1.0, 6), (20.0, 18)])
def test_no_more_than_a_tenth_of_the_inferences_are_turned(per_s: float, most: int) -> None:
    orientation, turned = Orientation(per_s), 0
    for second in range(1, 61):
        wished = orientation.wish(second * SECOND)
        turned += len(wished)
        orientation.learn(wished, [[] for _ in wished], second * SECOND)
        orientation.looked([((0, 0, 200, 200), [])], second * SECOND)

    assert most - 3 <= turned <= most


def test_a_turned_camera_is_known_at_one_inference_a_second_too() -> None:
    assert quarters_after(90, 1, people=5, per_s=1)[0] == 1


def test_where_nobody_is_nothing_is_concluded() -> None:
    assert quarters_after(40, 0, people=0)[0] == 0
