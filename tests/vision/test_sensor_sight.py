from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.adapters import opencv_imaging as imaging
from agent.core.camera.model_decoders import SsdPostprocessed
from agent.core.errors import ModelError
from agent.ports import Detection, Frame, SensorResult
from agent.vision.sensor_sight import SensorReader, SensorSight
from agent.vision.sight import FLOOR, Seen
from tests.support.vision_stand_ins import SECOND, manifest

W, H = 640, 360
WHOLE = (0.0, 0.0, 1.0, 1.0)
OF_THE_ZOO = manifest(
    file="network.rpk",
    decoder=SsdPostprocessed(outputs=("boxes", "scores", "classes", "count")),
    labels=("person", "bicycle"),
)


def result(*people: tuple[float, ...], view: tuple[float, float, float, float] = WHOLE, places: int = 10) -> Any:
    """Boxes of top, left, bottom, right, score and, if it is no person, class."""
    boxes = np.zeros((1, places, 4), np.float32)
    scores, classes = np.zeros((2, 1, places), np.float32)
    for at, (top, left, bottom, right, score, *others) in enumerate(people):
        boxes[0, at], scores[0, at], classes[0, at] = (top, left, bottom, right), score, others[0] if others else 0
    return SensorResult((boxes, scores, classes, np.array([len(people)], np.float32)), view)


STANDS = (0.2, 0.4, 0.7, 0.5, 0.9)


def reader(threshold: float = FLOOR, **changes: Any) -> SensorReader:
    return SensorReader(OF_THE_ZOO.model_copy(update=changes), Path("/nonexistent"), threshold)


def sight(**changes: Any) -> SensorSight:
    return SensorSight(reader(**changes), imaging.small_grey, lambda: None, score_threshold=0.5, smallest_person=0.07)


def watch(eyes: SensorSight, results: list[Any], per_s: int = 10, size: tuple[int, int] = (W, H)) -> list[Seen]:
    pixels = np.full((size[1], size[0], 3), 90, np.uint8)
    return [
        eyes.process(Frame(pixels, 1000 * SECOND + at * SECOND // per_s, at + 1, result=each))
        for at, each in enumerate(results)
    ]


def test_a_person_whom_the_sensor_finds_twice_is_believed_to_be_real() -> None:
    first, second = watch(sight(), [result(STANDS)] * 2)

    assert not first.people
    [person] = second.people
    assert person.seen
    assert person.box == pytest.approx((0.4, 0.2, 0.1, 0.5), abs=0.01)
    assert second.regions == ((0, 0, W, H),), "one inference"


def test_frames_without_a_result_take_nobody_away() -> None:
    seen = watch(sight(), [result(STANDS)] * 3 + [None] * 40 + [result(STANDS)])

    assert all(len(each.people) == 1 and each.people[0].seen for each in seen[2:])
    assert {each.people[0].id for each in seen[2:]} == {seen[2].people[0].id}
    assert all(each.regions == () for each in seen[3:-1])


def test_a_result_without_people_does() -> None:
    seen = watch(sight(), [result(STANDS)] * 3 + [result()] * 40)

    assert not seen[3].people[0].seen
    assert not seen[-1].people


def test_a_sensor_that_gives_no_result_for_ten_seconds_is_a_failure() -> None:
    watch(sight(), [result(STANDS)] * 3 + [None] * 99)

    with pytest.raises(ModelError, match=r"given no result for 10 s \(it gives"):
        watch(sight(), [result(STANDS)] * 3 + [None] * 102)


def test_a_camera_that_was_away_for_a_minute_is_none() -> None:
    eyes = sight()
    watch(eyes, [None, None, result(STANDS)], per_s=1)
    pixels = np.zeros((H, W, 3), np.uint8)

    assert not eyes.process(Frame(pixels, 1060 * SECOND, 4)).people


def test_outputs_of_another_form_are_no_look_and_named_in_the_failure() -> None:
    foreign = SensorResult((np.zeros((1, 5, 4), np.float32), np.zeros((1, 7), np.float32)), WHOLE)
    seen = watch(sight(), [result(STANDS)] * 3 + [foreign] * 90)
    assert len(seen[-1].people) == 1

    with pytest.raises(ModelError, match=r"gives 1 x 5 x 4 and 1 x 7, and ssd-postprocessed needs"):
        watch(sight(), [foreign] * 120)


def test_after_a_restart_another_number_of_boxes_is_read_as_well() -> None:
    seen = watch(sight(), [result(STANDS)] * 3 + [result(STANDS, places=25)] * 3)

    assert [len(each.people) for each in seen[2:]] == [1] * 4


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_boxes_and_scores_that_are_not_numbers_are_left_out(value: float) -> None:
    found = reader().read(result(STANDS, (value, 0.1, 0.5, 0.2, 0.9), (0.2, 0.4, 0.7, 0.5, value)), W, H)
    strange = replace(result(STANDS), outputs=(*result(STANDS).outputs[:3], np.array([value])))

    assert [box.score for box in found if np.isfinite(box.score)] == pytest.approx([box.score for box in found])
    assert Detection(256, 72, 64, 180, 0.9) in [
        Detection(round(box.left), round(box.top), round(box.width), round(box.height), round(box.score, 2))
        for box in found
    ]
    assert len(reader().read(strange, W, H)) <= 10


def test_other_classes_and_places_beyond_the_count_are_nobody() -> None:
    given = result((0.2, 0.4, 0.7, 0.5, 0.9, 1), STANDS)
    none = replace(given, outputs=(*given.outputs[:3], np.array([0])))

    assert len(reader().read(given, W, H)) == 1
    assert reader().read(none, W, H) == []


def test_a_network_without_a_count_gives_all_its_boxes() -> None:
    without = SsdPostprocessed(outputs=("boxes", "scores", "classes"), box_order="xyxy", box_unit="pixel")
    given = result((60, 120, 210, 150, 0.9))
    [box] = reader(decoder=without).read(replace(given, outputs=given.outputs[:3]), W, H)

    assert (box.left, box.top) == pytest.approx((W * 60 / 300, H * 120 / 300))


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ((0.0, -0.5, 1.0, 2.0), (256, -36, 64, 360)),
        ((-1.0, 0.0, 2.0, 1.0), (-128, 72, 128, 180)),
        ((0.25, 0.25, 0.5, 0.5), (288, 126, 32, 90)),
    ],
)
def test_boxes_are_moved_from_what_the_network_sees_to_the_picture_and_cut_there(
    view: tuple[float, float, float, float], expected: tuple[float, ...]
) -> None:
    found = reader().read(result(STANDS, view=view), W, H)
    left, top = max(expected[0], 0), max(expected[1], 0)
    right, bottom = min(expected[0] + expected[2], W), min(expected[1] + expected[3], H)
    expected_boxes = [] if right <= left else [pytest.approx((left, top, right - left, bottom - top))]

    assert [(box.left, box.top, box.width, box.height) for box in found] == expected_boxes


@pytest.mark.parametrize("view", [(5.0, 0.0, 1.0, 1.0), (0.0, 0.0, 0.0, 0.0), (0.0, 0.0, -1.0, -1.0)])
def test_a_view_that_does_not_show_the_picture_shows_nobody(view: tuple[float, float, float, float]) -> None:
    assert reader().read(result(STANDS, view=view), W, H) == []


def test_people_who_are_too_small_are_left_out() -> None:
    seen = watch(sight(), [result((0.2, 0.4, 0.25, 0.42, 0.9))] * 3)

    assert not any(each.people or each.detections for each in seen)


def test_pictures_of_another_size_begin_with_nobody() -> None:
    eyes = sight()
    watch(eyes, [result(STANDS)] * 3)

    assert not watch(eyes, [result(STANDS)], size=(320, 240))[0].people
