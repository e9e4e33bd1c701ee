"""The decoder of a raw SSD on plain arrays."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.decoded import Array, read

FOUR_ANCHORS = "0.25,0.25,0.2,0.2\n0.25,0.75,0.2,0.4\n0.75,0.25,0.4,0.2\n0.75,0.75,0.4,0.4\n"
FOUR_SHA256 = hashlib.sha256(FOUR_ANCHORS.encode()).hexdigest()


@pytest.fixture
def anchors(tmp_path: Path) -> Path:
    """A directory with a file of four anchors."""
    (tmp_path / "anchors.csv").write_text(FOUR_ANCHORS)
    return tmp_path


def ssd(**changes: Any) -> dict[str, Any]:
    return {
        "name": "ssd-raw",
        "anchors": {"formula": "file", "file": "anchors.csv", "sha256": FOUR_SHA256},
        "box_variances": (1, 1, 1, 1),
        **changes,
    }


def raw_outputs(scores: Any, box: Any = (0, 0, 0, 0)) -> list[Array]:
    """The second of four anchors has this box and these scores; the others see nothing."""
    boxes = np.zeros((1, 4, 4), np.float32)
    boxes[0, 1] = box
    every = np.full((1, 4, len(scores)), -20, np.float32)
    every[0, 1] = scores
    return [boxes, every]


def test_a_raw_ssd_finds_the_person_at_the_anchor(anchors: Path) -> None:
    boxes, scores = read(raw_outputs([2.0, -9, -9]), ssd(), directory=anchors)

    np.testing.assert_allclose(boxes, [[0.55, 0.15, 0.95, 0.35]], rtol=1e-5)
    np.testing.assert_allclose(scores, [1 / (1 + np.exp(-2))], rtol=1e-5)


@pytest.mark.parametrize(
    ("order", "box"), [("yxhw", (0.5, 0.25, np.log(0.5), 0.0)), ("xywh", (0.25, 0.5, 0.0, np.log(0.5)))]
)
def test_the_order_of_a_raw_box_is_the_manifests(anchors: Path, order: str, box: Any) -> None:
    boxes, _ = read(raw_outputs([2.0, -9, -9], box), ssd(box_order=order), directory=anchors)

    # The anchor (0.25, 0.75, 0.2, 0.4) goes down by half its height and right by a quarter of its width.
    np.testing.assert_allclose(boxes, [[0.65, 0.3, 1.0, 0.4]], rtol=1e-5)


def test_the_variances_are_in_the_order_of_the_box(anchors: Path) -> None:
    spec = ssd(box_order="xywh", box_variances=(2, 4, 1, 1))
    boxes, _ = read(raw_outputs([2.0, -9, -9], (0.5, 2, 0, np.log(0.5))), spec, directory=anchors)

    np.testing.assert_allclose(boxes, [[0.65, 0.3, 1.0, 0.4]], rtol=1e-5)


def test_scores_that_are_probabilities_stay_as_they_are(anchors: Path) -> None:
    _, scores = read(raw_outputs([0.75, 0.1, 0.9]), ssd(score_activation="none"), directory=anchors)

    np.testing.assert_allclose(scores, [0.75])


def test_a_softmax_weighs_the_classes_against_each_other(anchors: Path) -> None:
    outputs = raw_outputs([3.0, 1.0, 1.0])
    outputs[1][0, 0] = [3.0, 3.0, 3.0]  # a third each
    _, scores = read(outputs, ssd(score_activation="softmax"), directory=anchors)

    np.testing.assert_allclose(scores, [np.exp(2) / (np.exp(2) + 2)], rtol=1e-5)


def test_outputs_of_the_same_shape_are_told_apart_by_their_names(anchors: Path) -> None:
    labels = ("background", "person", "cat", "dog")
    boxes, scores = raw_outputs([-9, 2.0, -9, -9], (0, 0, 0, 0))
    found, _ = read([scores, boxes], ssd(outputs=("scores", "boxes")), directory=anchors, labels=labels)

    np.testing.assert_allclose(found, [[0.55, 0.15, 0.95, 0.35]], rtol=1e-5)


def test_an_output_that_nobody_needs_is_passed_over(anchors: Path) -> None:
    boxes, scores = raw_outputs([2.0, -9, -9])
    spec = ssd(outputs=("unused", "boxes", "scores"))

    assert len(read([np.zeros((1, 7)), boxes, scores], spec, directory=anchors)[0]) == 1


@pytest.mark.parametrize("scores", [[2.0, -9, -9], [-9, 2.0, -9]])
def test_several_classes_may_be_people(anchors: Path, scores: list[float]) -> None:
    assert len(read(raw_outputs(scores), ssd(), directory=anchors, person_classes=(0, 1))[0]) == 1
    assert len(read(raw_outputs([-9, -9, 5.0]), ssd(), directory=anchors, person_classes=(0, 1))[0]) == 0


@pytest.mark.parametrize("activation", ["sigmoid", "softmax", "none"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_raw_score_that_is_no_number_is_nobody(anchors: Path, activation: str, value: float) -> None:
    assert len(read(raw_outputs([value, 0, 0]), ssd(score_activation=activation), directory=anchors)[0]) == 0
