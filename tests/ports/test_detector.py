"""What the person detector promises in each way, with whichever TFLite runtime and numpy this interpreter has."""

from collections.abc import Callable
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest

from agent.adapters.hailo_interpreter import load_hailo
from agent.adapters.opencv_imaging import RgbScaler, scaled
from agent.adapters.tflite_interpreter import XNNPACK, load_tflite
from agent.core.errors import ModelError
from agent.models.store import ModelStore, StoredModel
from agent.ports import Detection, Detector
from agent.vision.person_detector import Interpreter, PersonDetector
from tests.support.delegate_library import compile_delegate, needs_compiler
from tests.support.hailo import MODEL as ON_A_HAILO
from tests.support.hailo import hailo, hailo_model
from tests.support.imx500 import MODEL as ON_AN_IMX500
from tests.support.imx500 import SensorDetector, WholePictures
from tests.support.vision_media import MODELS, Pixels, demo_frame, model_directories

__all__ = ["hailo"]

pytestmark = [pytest.mark.eyes, pytest.mark.usefixtures("hailo")]

FRAME = 300


NOWHERE = Path("/nonexistent")
"""Where the files lie that a manifest of these models names: none."""


BY_A_DELEGATE = "delegate"
WAYS = (*MODELS, pytest.param(BY_A_DELEGATE, marks=needs_compiler), ON_A_HAILO, ON_AN_IMX500)
"""What may run a person model."""
Make = Callable[..., Detector]
"""Makes a detector that runs in one of these ways; it may be given the score from which on somebody is found."""


def load(name: str) -> StoredModel:
    return ModelStore([Path(entry) for entry in model_directories()]).load(name)


@pytest.fixture
def make_detector(tmp_path: Path) -> Make:
    def make(way: str, score_threshold: float = 0.5) -> Detector:
        interpreter: Interpreter
        if way == ON_AN_IMX500:
            return SensorDetector(WholePictures(tmp_path), score_threshold)
        if way == ON_A_HAILO:
            manifest, path, content = hailo_model(tmp_path)
            interpreter = load_hailo(path, content, {"nms_score_threshold": "0.05"})
        else:
            manifest, path, content = load(MODELS[0] if way == BY_A_DELEGATE else way)
            delegate = str(compile_delegate(tmp_path)) if way == BY_A_DELEGATE else XNNPACK
            interpreter = load_tflite(path, content, 2, delegate)
        return PersonDetector(interpreter, manifest, NOWHERE, RgbScaler(), score_threshold)

    return make


@pytest.fixture(scope="module")
def street() -> Pixels:
    """Several people in a part of a real picture, as large as a camera's regions show them."""
    return np.ascontiguousarray(demo_frame(FRAME)[80:340, 120:380])


@pytest.fixture(params=WAYS)
def detector(request: pytest.FixtureRequest, make_detector: Make) -> Detector:
    return make_detector(request.param)


def overlap(one: Detection, other: Detection) -> float:
    """Intersection over union."""
    width = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    height = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (one.width * one.height + other.width * other.height - shared)


def share_found(expected: list[Detection], among: list[Detection]) -> float:
    """Share of the boxes that have their like; a model that flickers misses one now and then."""
    return sum(any(overlap(box, other) > 0.5 for other in among) for box in expected) / len(expected)


def test_people_are_found_inside_the_picture_best_first(detector: Detector, street: Pixels) -> None:
    found = detector.detect([street])[0]
    height, width = street.shape[:2]

    assert len(found) >= 2
    assert [box.score for box in found] == sorted((box.score for box in found), reverse=True)
    for box in found:
        assert 0.5 <= box.score <= 1
        assert box.left >= 0
        assert box.top >= 0
        assert box.left + box.width <= width + 0.01
        assert box.top + box.height <= height + 0.01
        assert box.height > box.width, "people in this scene walk upright"


def test_nobody_is_found_in_an_empty_picture(detector: Detector) -> None:
    for level in (0, 127, 255):
        assert detector.detect([np.full((480, 640, 3), level, np.uint8)])[0] == []


def test_a_mirrored_picture_has_mirrored_boxes(detector: Detector, street: Pixels) -> None:
    mirrored = detector.detect([np.ascontiguousarray(street[:, ::-1])])[0]
    expected = [replace(box, left=street.shape[1] - box.left - box.width) for box in detector.detect([street])[0]]

    assert share_found(expected, mirrored) > 0.7


def test_boxes_are_in_pixels_of_the_picture_whatever_its_size(detector: Detector, street: Pixels) -> None:
    height, width = street.shape[:2]
    half = detector.detect([scaled(street, width // 2, height // 2)])[0]
    expected = [
        Detection(box.left / 2, box.top / 2, box.width / 2, box.height / 2, box.score)
        for box in detector.detect([street])[0]
    ]

    assert share_found(expected, half) > 0.7


def test_the_same_picture_gives_the_same_answer_after_another_one(detector: Detector, street: Pixels) -> None:
    first = detector.detect([street])[0]
    detector.detect([np.zeros((100, 100, 3), np.uint8)])

    assert detector.detect([street])[0] == first


def test_several_pictures_give_what_each_gives_alone(detector: Detector, street: Pixels) -> None:
    pictures = [street, np.zeros((100, 100, 3), np.uint8), scaled(street, 320, 240), street]
    together = detector.detect(pictures)

    assert [len(found) for found in together] == [len(detector.detect([pixels])[0]) for pixels in pictures]
    for found, pixels in zip(together, pictures, strict=True):
        for one, alone in zip(found, detector.detect([pixels])[0], strict=True):
            assert astuple(one) == pytest.approx(astuple(alone), abs=1e-3)
    assert detector.detect([]) == []


def test_no_two_boxes_of_one_person(detector: Detector, street: Pixels) -> None:
    found = detector.detect([street])[0]

    assert all(overlap(one, two) <= 0.5 for index, one in enumerate(found) for two in found[:index])


@pytest.mark.parametrize("way", WAYS)
def test_a_lower_threshold_only_adds_boxes(make_detector: Make, way: str, street: Pixels) -> None:
    strict = make_detector(way, 0.8).detect([street])[0]
    loose = make_detector(way, 0.2).detect([street])[0]

    assert len(loose) > len(strict)
    assert [box for box in loose if box.score >= 0.8] == strict


@pytest.mark.parametrize("way", WAYS)
def test_every_way_sees_what_the_float_model_sees(make_detector: Make, way: str, street: Pixels) -> None:
    found = make_detector(way, 0.3).detect([street])[0]
    exact = make_detector("movenet-person-float32", 0.6).detect([street])[0]

    assert exact
    for box in exact:
        assert max(overlap(box, other) for other in found) > 0.5


def test_the_runtime_is_told_with_its_version() -> None:
    _, path, content = load(MODELS[0])
    name, _, version = load_tflite(path, content, threads=1).runtime.partition(" ")

    assert name in {"ai-edge-litert", "tflite-runtime"}
    assert version.count(".") >= 1


def test_a_file_that_is_no_model_is_refused_with_its_path(tmp_path: Path) -> None:
    path = tmp_path / "broken.tflite"
    path.write_bytes(b"no model at all" * 100)

    with pytest.raises(ModelError, match=r"broken\.tflite can't be loaded") as caught:
        load_tflite(path, path.read_bytes(), threads=1)
    assert "\n" not in str(caught.value)


def test_a_manifest_that_promises_another_form_is_refused() -> None:
    manifest, path, content = load("movenet-person-int8")
    wrong = manifest.model_copy(update={"labels": ("background", "person", "car")})

    with pytest.raises(ModelError, match="correct decoder or labels"):
        PersonDetector(load_tflite(path, content, threads=1), wrong, NOWHERE, RgbScaler(), 0.5)
