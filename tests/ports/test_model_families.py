"""A model of each family is read right by whichever TFLite runtime this interpreter has, given its manifest."""

from pathlib import Path

import numpy as np
import pytest

from agent.adapters.opencv_imaging import RgbScaler
from agent.adapters.tflite_interpreter import load_tflite
from agent.core.errors import ModelError
from agent.models.store import ModelStore
from agent.ports import Detection, Detector
from agent.vision.person_detector import PersonDetector
from tests.support.model_families import FAMILIES, INPUT, install
from tests.support.vision_media import Pixels

CELL = 16
"""Pixels of the test's picture that are a cell of the model."""


def detector(directory: Path) -> Detector:
    described, path, content = ModelStore([directory]).load("small")
    return PersonDetector(load_tflite(path, content, threads=1), described, path.parent, RgbScaler(), 0.5)


def picture(*blocks: tuple[int, int, tuple[int, int, int]]) -> Pixels:
    """64 x 64, black, with blocks of (row, column, colour as BGR), each a cell."""
    pixels = np.zeros((64, 64, 3), np.uint8)
    for row, column, colour in blocks:
        pixels[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL] = colour
    return pixels


PERSON = (0, 0, 255)
FAINT = (0, 0, 80)
CAR = (255, 0, 0)


def near(box: Detection, row: int, column: int) -> bool:
    return bool(
        np.allclose([box.left, box.top, box.width, box.height], [column * CELL, row * CELL, CELL, CELL], atol=0.3)
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_a_person_is_found_where_it_is_and_a_car_is_none(tmp_path: Path, family: str) -> None:
    install(tmp_path, family)
    [found] = detector(tmp_path).detect([picture((1, 2, PERSON), (3, 0, CAR))])[0]

    assert near(found, 1, 2)
    assert 0.99 < found.score <= 1


@pytest.mark.parametrize("family", FAMILIES)
def test_several_people_come_best_first(tmp_path: Path, family: str) -> None:
    install(tmp_path, family)
    found = detector(tmp_path).detect([picture((0, 0, FAINT), (3, 3, PERSON))])[0]

    assert [near(found[0], 3, 3), near(found[1], 0, 0)] == [True, True]
    assert 0.5 < found[1].score < 0.9 < found[0].score
    assert len(found) == 2


@pytest.mark.parametrize("family", FAMILIES)
def test_nobody_is_found_in_an_empty_picture(tmp_path: Path, family: str) -> None:
    install(tmp_path, family)

    assert detector(tmp_path).detect([picture()])[0] == []


@pytest.mark.parametrize("family", FAMILIES)
def test_a_wide_picture_may_keep_its_shape(tmp_path: Path, family: str) -> None:
    dtype = FAMILIES[family][1].get("dtype", "float32")
    install(tmp_path, family, input={**INPUT, "dtype": dtype, "fit": "letterbox"})
    pixels = np.zeros((32, 64, 3), np.uint8)  # of four rows of cells it fills the two in the middle
    pixels[CELL:, 2 * CELL : 3 * CELL] = PERSON
    [found] = detector(tmp_path).detect([pixels])[0]

    assert near(found, 1, 2)


@pytest.mark.parametrize("family", FAMILIES)
def test_people_may_be_another_class(tmp_path: Path, family: str) -> None:
    install(tmp_path, family, person_classes=(1,))
    [found] = detector(tmp_path).detect([picture((1, 2, PERSON), (3, 0, CAR))])[0]

    assert near(found, 3, 0)


@pytest.mark.parametrize(
    ("family", "described_as", "expected"),
    [
        ("SSD", "YOLOv8", "gives 1 x 10 x 4 and 1 x 10 and 1 x 10 and 1, and yolo needs one output, 1 x 6 x N"),
        ("YOLOv8", "YOLOv5", "gives 1 x 6 x 16, and yolo needs one output, 1 x N x 7"),
        ("YOLOv5", "raw SSD", "gives 1 x 16 x 7, and ssd-raw needs 1 x 16 x 4 boxes and 1 x 16 x 2 scores"),
        ("raw SSD", "SSD", "gives 1 x 16 x 4 and 1 x 16 x 2, and ssd-postprocessed needs boxes 1 x N x 4"),
        ("EfficientDet-Lite", "SSD", "gives 1 x 10 and 1 x 10 x 4 and 1 and 1 x 10, and ssd-postprocessed needs"),
        ("raw SSD, uint8", "raw SSD", r"takes uint8 .* manifest says float32"),
    ],
)
def test_a_model_that_is_not_what_its_manifest_says_is_refused_when_it_is_loaded(
    tmp_path: Path, family: str, described_as: str, expected: str
) -> None:
    install(tmp_path, family, decoder=FAMILIES[described_as][1]["decoder"], input={**INPUT, "dtype": "float32"})

    with pytest.raises(ModelError, match=expected) as caught:
        detector(tmp_path)
    assert "\n" not in str(caught.value)
