from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from agent.core.camera.model_decoders import SsdAnchors
from agent.core.camera.model_manifest import ModelInput, ModelManifest
from agent.core.errors import ModelError
from agent.ports import Detection
from agent.vision.anchors import anchors_of
from agent.vision.person_detector import PersonDetector
from tests.support.vision_stand_ins import manifest

NOWHERE = Path("/nonexistent")
ANCHORS = anchors_of(SsdAnchors(), ModelInput(width=300, height=300, dtype="uint8"), NOWHERE)
LAST = len(ANCHORS) - 6  # one square anchor of 0.95 in the middle


class StandInInterpreter:
    """Answers with what it is given, and keeps what it was fed."""

    def __init__(self, *, dtype: str = "uint8", swapped: bool = False) -> None:
        self.input_shape: tuple[int, ...] = (1, 300, 300, 3)
        self.input_dtype = dtype
        self.memory = np.zeros((1, 300, 300, 3), dtype)
        self.boxes = np.zeros((1, len(ANCHORS), 4), np.float32)
        self.scores = np.full((1, len(ANCHORS), 2), -10, np.float32)
        self._swapped = swapped

    @property
    def output_shapes(self) -> list[tuple[int, ...]]:
        return [output.shape for output in self.run()]

    def input_view(self) -> npt.NDArray[Any]:
        return self.memory

    def run(self) -> list[npt.NDArray[Any]]:
        outputs: list[npt.NDArray[Any]] = [self.boxes, self.scores]
        return outputs[::-1] if self._swapped else outputs


def fill(pixels: npt.NDArray[np.uint8], target: npt.NDArray[np.uint8]) -> None:
    """Stands for the scaler: the whole target takes the colour of the first pixel, as RGB."""
    target[:] = pixels[0, 0, ::-1]


def make(interpreter: StandInInterpreter, threshold: float = 0.5, **changes: Any) -> PersonDetector:
    of: ModelManifest = manifest(**changes)
    return PersonDetector(interpreter, of, NOWHERE, fill, threshold)


def logit(score: float) -> float:
    return float(np.log(score / (1 - score)))


PICTURE = np.zeros((200, 400, 3), np.uint8)


@pytest.mark.parametrize("swapped", [False, True])
def test_a_score_becomes_a_box_in_pixels_of_the_picture(swapped: bool) -> None:
    interpreter = StandInInterpreter(swapped=swapped)
    interpreter.scores[0, LAST, 1] = logit(0.8)
    [found] = make(interpreter).detect([PICTURE])[0]

    assert found.score == pytest.approx(0.8)
    assert (found.left, found.top) == pytest.approx((400 * 0.025, 200 * 0.025), abs=1e-3)
    assert (found.width, found.height) == pytest.approx((400 * 0.95, 200 * 0.95), abs=1e-3)


def test_the_score_of_the_background_finds_nobody() -> None:
    interpreter = StandInInterpreter()
    interpreter.scores[0, :, 0] = 10

    assert make(interpreter).detect([PICTURE])[0] == []


def test_the_column_of_people_is_the_one_that_the_labels_name() -> None:
    interpreter = StandInInterpreter()
    interpreter.scores[0, LAST, 0] = 3

    assert len(make(interpreter, labels=("person", "background")).detect([PICTURE])[0]) == 1


@pytest.mark.parametrize(("threshold", "count"), [(0.3, 2), (0.5, 1), (0.9, 0)])
def test_only_scores_at_or_above_the_threshold_count(threshold: float, count: int) -> None:
    interpreter = StandInInterpreter()
    interpreter.scores[0, 0, 1] = logit(0.4)
    interpreter.scores[0, LAST, 1] = logit(0.6)

    assert len(make(interpreter, threshold).detect([PICTURE])[0]) == count


def test_boxes_are_cut_at_the_edge_of_the_picture() -> None:
    interpreter = StandInInterpreter()
    interpreter.scores[0, LAST, 1] = 5
    interpreter.boxes[0, LAST] = [0, 0, 50, 50]
    [found] = make(interpreter).detect([PICTURE])[0]

    assert found == Detection(0, 0, 400, 200, found.score)


def test_two_boxes_of_one_person_become_the_better_one() -> None:
    interpreter = StandInInterpreter()
    interpreter.scores[0, LAST, 1] = logit(0.7)
    interpreter.scores[0, LAST + 5, 1] = logit(0.9)  # nearly the same anchor
    [found] = make(interpreter).detect([PICTURE])[0]

    assert found.score == pytest.approx(0.9)


def test_a_byte_model_is_fed_the_pixels_themselves_red_first() -> None:
    interpreter = StandInInterpreter()
    make(interpreter).detect([np.full((10, 10, 3), (1, 2, 3), np.uint8)])

    assert interpreter.memory[0, 150, 150].tolist() == [3, 2, 1]


def test_a_signed_byte_model_is_fed_pixels_less_128() -> None:
    interpreter = StandInInterpreter(dtype="int8")
    detector = make(interpreter, input={"width": 300, "height": 300, "dtype": "int8"})
    detector.detect([np.full((10, 10, 3), (0, 128, 255), np.uint8)])

    assert interpreter.memory[0, 150, 150].tolist() == [127, 0, -128]


def test_a_float_model_is_fed_pixels_between_minus_one_and_one() -> None:
    interpreter = StandInInterpreter(dtype="float32")
    detector = make(interpreter, input={"width": 300, "height": 300, "dtype": "float32"})
    detector.detect([np.full((10, 10, 3), (0, 51, 255), np.uint8)])

    np.testing.assert_allclose(interpreter.memory[0, 150, 150], [1.0, -0.6, -1.0], rtol=1e-5)


LETTERBOX = {"width": 300, "height": 300, "dtype": "uint8", "fit": "letterbox"}


def test_a_letterboxed_picture_has_grey_above_and_below() -> None:
    interpreter = StandInInterpreter()
    make(interpreter, input=LETTERBOX).detect([np.full((200, 400, 3), 7, np.uint8)])

    assert (interpreter.memory[0, 75:225] == 7).all()
    assert (interpreter.memory[0, :75] == 114).all()
    assert (interpreter.memory[0, 225:] == 114).all()


def test_a_letterboxed_picture_has_its_boxes_in_its_own_pixels() -> None:
    interpreter = StandInInterpreter()
    interpreter.scores[0, LAST, 1] = 5
    interpreter.boxes[0, LAST] = [0, 0, 5 * np.log(0.25 / 0.95), 5 * np.log(0.5 / 0.95)]
    [found] = make(interpreter, input=LETTERBOX).detect([PICTURE])[0]

    # A quarter of the input's height is half of the picture's; half of the width is half of the picture's.
    assert (found.left, found.top, found.width, found.height) == pytest.approx((100, 50, 200, 100), abs=0.1)


def test_what_lies_in_the_grey_is_nobody() -> None:
    interpreter = StandInInterpreter()
    interpreter.scores[0, 0, 1] = 5  # the anchor in the top left corner

    assert make(interpreter, input=LETTERBOX).detect([PICTURE])[0] == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"input": {"width": 300, "height": 300, "dtype": "float32"}}, r"takes uint8 .* manifest says float32"),
        ({"input": {"width": 320, "height": 320, "dtype": "uint8"}}, r"manifest says uint8 \(1, 320, 320, 3\)"),
        ({"person_classes": (2,)}, "2 labels, and person_classes names 2"),
        ({"labels": ("background", "cat")}, "no label `person`"),
        (
            {"labels": ("background", "person", "cat")},
            r"gives 1 x 1917 x 4 and 1 x 1917 x 2, and ssd-raw needs .* 1917 x 3 scores",
        ),
    ],
)
def test_a_model_that_is_not_as_its_manifest_says_is_refused(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ModelError, match=text):
        make(StandInInterpreter(), **changes)
