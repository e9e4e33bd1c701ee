"""A Hailo that is missing, taken, lost or answers nonsense. What it promises otherwise is in tests/ports."""

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from agent.adapters.hailo_interpreter import HailoInterpreter, load_hailo
from agent.adapters.opencv_imaging import RgbScaler
from agent.core.errors import DelegateError, ModelError
from agent.vision.loaded_model import load_model
from agent.vision.person_detector import PersonDetector
from tests.support.hailo import MODEL, hailo, hailo_model
from tests.support.small_models import yolo
from tests.support.vision_media import MODELS, model_directories

__all__ = ["hailo"]

PICTURE = np.zeros((64, 64, 3), np.uint8)


def loaded(
    directory: Path, compiled: dict[str, Any] | None = None, options: dict[str, str] | None = None
) -> HailoInterpreter:
    _, path, content = hailo_model(directory, compiled)
    return load_hailo(path, content, options)


def test_the_runtime_is_named_with_its_version(tmp_path: Path, hailo: ModuleType) -> None:
    assert loaded(tmp_path).runtime == f"hailort {hailo.__version__}"


def test_without_its_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hailo_platform", None)
    with pytest.raises(DelegateError, match=r"hailo_platform can't be imported \(.*\): install hailo-all"):
        loaded(tmp_path)


@pytest.mark.usefixtures("hailo")
def test_a_device_that_is_not_there_is_to_be_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAILO_STAND_IN", "no-device")
    with pytest.raises(DelegateError, match=r"PHYSICAL_DEVICES\); `hailortcli scan` must show it") as caught:
        loaded(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("hailo")
def test_a_device_is_one_users_until_it_is_closed(tmp_path: Path) -> None:
    first = loaded(tmp_path)
    with pytest.raises(DelegateError, match="one process can have it"):
        loaded(tmp_path)
    first.close()
    with pytest.raises(ModelError):
        first.run()

    loaded(tmp_path).run()


@pytest.mark.usefixtures("hailo")
@pytest.mark.parametrize(
    ("compiled", "text"),
    [
        ({"chip": "hailo8"}, r"not compatible with device; fetch the file for the chip"),
        ({"classes": 0}, r"promises 0 classes of 100 boxes; fetch the file"),
        ({"classes": 10**9}, r"promises 1000000000 classes"),
        ({"classes": 3}, "gave boxes of 2 classes where it had promised 3; fetch the file"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_and_the_device_is_free(
    tmp_path: Path, compiled: dict[str, Any], text: str
) -> None:
    with pytest.raises(DelegateError, match=text):
        loaded(tmp_path, compiled)

    loaded(tmp_path)


@pytest.mark.usefixtures("hailo")
def test_a_file_of_another_kind_is_refused() -> None:
    with pytest.raises(DelegateError, match=r"street\.tflite is not compiled for a Hailo: set a model whose file ends"):
        load_hailo(Path("street.tflite"), b"")
    with pytest.raises(DelegateError, match=r"HAILO_HEF_NOT_SUPPORTED\); fetch the file"):
        load_hailo(Path("street.hef"), yolo(columns=True, objectness=False))


@pytest.mark.usefixtures("hailo")
@pytest.mark.parametrize("options", [{"device": "0"}, {"nms_score_threshold": "much"}, {"nms_score_threshold": "nan"}])
def test_an_unknown_option_is_refused(tmp_path: Path, options: dict[str, str]) -> None:
    with pytest.raises(DelegateError, match="nms_score_threshold, between 0 and 1: correct delegate_options"):
        loaded(tmp_path, options=options)


@pytest.mark.usefixtures("hailo")
def test_a_device_that_is_lost_fails_the_run_and_can_be_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interpreter = loaded(tmp_path)
    monkeypatch.setenv("HAILO_STAND_IN", "lost")
    with pytest.raises(ModelError, match=r"the model failed in hailort 4\.23\.0: Failure in hailort driver ioctl"):
        interpreter.run()
    interpreter.close()


def answers(hailo: ModuleType, monkeypatch: pytest.MonkeyPatch, directory: Path, answer: Any) -> list[Any]:
    """What is found when the device, which was well until now, answers this."""
    manifest, path, content = hailo_model(directory)
    detector = PersonDetector(load_hailo(path, content), manifest, directory, RgbScaler(), 0.1)
    monkeypatch.setattr(hailo, "answer", lambda _: answer)
    [found] = detector.detect([PICTURE])
    return found


NOT_A_NUMBER = float("nan")


@pytest.mark.parametrize(
    "people",
    [
        [],
        np.empty((0, 5)),
        np.zeros((100, 5)),
        [[NOT_A_NUMBER] * 5],
        [[0.1, 0.1, NOT_A_NUMBER, 0.5, 0.9]],
        [[0.1, 0.1, 0.5, 0.5, NOT_A_NUMBER]],
        [[float("-inf"), 0.1, float("inf"), 0.5, 0.9]],
        [[0.5, 0.5, 0.1, 0.1, 0.9]],
        [[1.1, 1.1, 1.5, 1.5, 0.9]],
    ],
)
def test_boxes_that_are_none_find_nobody(
    hailo: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, people: Any
) -> None:
    assert answers(hailo, monkeypatch, tmp_path, [[], people]) == []


def test_a_box_is_where_the_device_says_and_one_of_another_class_is_nobody(
    hailo: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    [found] = answers(
        hailo, monkeypatch, tmp_path, [[[0.0, 0.0, 1.0, 1.0, 0.9]], np.array([[0.25, 0.5, 0.75, 1.0, 0.8]])]
    )

    assert (found.left, found.top, found.width, found.height) == (32, 16, 32, 32)
    assert found.score == pytest.approx(0.8)


@pytest.mark.parametrize(
    "answer",
    [
        [],
        [[]],
        [[], [], []],
        [[], np.zeros((101, 5))],
        [[], np.zeros((2, 6))],
        [[], np.zeros((3, 1))],
        [[], np.zeros(5)],
        [[], [[0.1, 0.1], [0.5, 0.5, 0.9]]],
        [[], [["a"] * 5]],
        [[], [object()]],
        [[], None],
        np.zeros((2, 5, 99)),
        None,
    ],
)
def test_an_answer_in_another_form_fails_the_run(
    hailo: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: Any
) -> None:
    with pytest.raises(ModelError, match=r"the model failed in hailort") as caught:
        answers(hailo, monkeypatch, tmp_path, answer)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("hailo")
@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"labels": ("person",)}, "gives 1 x 2 x 100 x 5, and nms-by-class needs one output, 1 x 1 x N x 5"),
        ({"decoder": "centres"}, "gives 1 x 2 x 100 x 5, and centres needs"),
        ({"person_classes": (2,)}, "2 labels, and person_classes names 2"),
        ({"input": {"width": 640, "height": 640, "dtype": "uint8"}}, "takes uint8 .* manifest says"),
        ({"input": {"width": 224, "height": 224, "dtype": "float32"}}, "takes uint8 .* manifest says float32"),
    ],
)
def test_a_manifest_that_promises_another_form_is_refused(tmp_path: Path, changes: dict[str, Any], text: str) -> None:
    hailo_model(tmp_path, **changes)
    with pytest.raises(ModelError, match=text):
        load_model(MODEL, [str(tmp_path)], 1, 0.5, delegate="hailo")


@pytest.mark.usefixtures("hailo")
def test_a_model_for_a_hailo_is_loaded_and_gives_the_device_back(tmp_path: Path) -> None:
    hailo_model(tmp_path)
    model = load_model(MODEL, [str(tmp_path)], 1, 0.5, delegate="hailo")
    model.close()

    assert (model.manifest.name, model.delegate_trouble) == (MODEL, "")
    assert load_model(MODEL, [str(tmp_path)], 1, 0.5, delegate="hailo").delegate_trouble == ""


@pytest.mark.usefixtures("hailo")
@pytest.mark.parametrize(
    ("name", "delegate", "fault", "text"),
    [
        (MODEL, "hailo", "no-device", rf"PHYSICAL_DEVICES.*: the processor runs {MODELS[0]} instead"),
        (MODEL, "xnnpack", "", rf'\.hef is compiled for a Hailo: set delegate = "hailo": .* runs {MODELS[0]} instead'),
        (MODELS[0], "hailo", "", r"is not compiled for a Hailo: .*: the processor runs the model instead"),
    ],
)
def test_without_the_hailo_the_processor_runs_what_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, delegate: str, fault: str, text: str
) -> None:
    hailo_model(tmp_path)
    monkeypatch.setenv("HAILO_STAND_IN", fault)
    model = load_model(name, [str(tmp_path), *model_directories()], 1, 0.5, delegate=delegate)

    assert re.search(text, model.delegate_trouble or "")
    assert model.manifest.name == MODELS[0]
    assert model.detector.detect([PICTURE]) == [[]]


@pytest.mark.usefixtures("hailo")
def test_without_a_built_model_both_reasons_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hailo_model(tmp_path)
    monkeypatch.setenv("HAILO_STAND_IN", "no-device")
    with pytest.raises(ModelError, match=r"PHYSICAL_DEVICES.*, nor can the processor: .*\.hef can't be loaded"):
        load_model(MODEL, [str(tmp_path)], 1, 0.5, delegate="hailo")
