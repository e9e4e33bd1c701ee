"""What runs a model is as the settings say, with whichever TFLite runtime this interpreter has."""

from ctypes.util import find_library
from pathlib import Path

import pytest

from agent.adapters.tflite_interpreter import _runtime, load_tflite
from agent.core.errors import DelegateError, ModelError
from agent.vision.loaded_model import load_model
from tests.support.delegate_library import compile_delegate, needs_compiler
from tests.support.model_families import install


@pytest.fixture
def model(tmp_path: Path) -> Path:
    install(tmp_path, "YOLOv8")
    return tmp_path / "small.tflite"


@pytest.fixture
def library(tmp_path: Path) -> str:
    return str(compile_delegate(tmp_path))


@pytest.mark.parametrize("delegate", ["xnnpack", "none"])
@pytest.mark.parametrize("threads", [1, 3])
def test_the_processor_gives_the_same_with_any_number_of_threads(model: Path, delegate: str, threads: int) -> None:
    interpreter = load_tflite(model, model.read_bytes(), threads, delegate)
    interpreter.input_view()[:] = 1.0
    [scores] = interpreter.run()

    assert scores[0, 4].tolist() == pytest.approx([0.0067] * 16, abs=1e-4)  # white is neither red nor blue


@needs_compiler
def test_a_delegate_runs_the_model(model: Path, library: str) -> None:
    interpreter = load_tflite(model, model.read_bytes(), 1, library, {"device": "usb"})

    assert interpreter.run()[0].shape == (1, 6, 16)


@needs_compiler
@pytest.mark.parametrize(
    ("fails", "text"),
    [("start", r"does not start \(no device is plugged in\)"), ("prepare", r"can't run small\.tflite")],
)
def test_a_delegate_that_fails_says_so_in_one_line(model: Path, library: str, fails: str, text: str) -> None:
    with pytest.raises(DelegateError, match=text) as caught:
        load_tflite(model, model.read_bytes(), 1, library, {"fails": fails})
    assert "\n" not in str(caught.value)


@needs_compiler
def test_a_delegate_whose_device_does_not_answer_is_found_out_when_the_model_is_loaded(
    model: Path, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def invoke(self: object) -> None:
        raise RuntimeError("device lost")

    module, _ = _runtime()
    monkeypatch.setattr(module.Interpreter, "invoke", invoke)
    with pytest.raises(DelegateError, match=r"can't run small\.tflite \(device lost\)"):
        load_tflite(model, model.read_bytes(), 1, library)


def test_a_library_that_is_not_there_or_no_delegate_is_told(model: Path) -> None:
    with pytest.raises(DelegateError, match=r"libnowhere\.so can't be loaded"):
        load_tflite(model, model.read_bytes(), 1, "libnowhere.so")
    with pytest.raises(DelegateError, match="is not a TFLite delegate"):
        load_tflite(model, model.read_bytes(), 1, find_library("m") or "libm.so.6")


@needs_compiler
def test_a_delegate_that_works_is_no_trouble(model: Path, library: str) -> None:
    assert load_model("small", [str(model.parent)], 1, 0.5, delegate=library).delegate_trouble == ""


def test_without_a_delegate_in_the_settings_there_is_nothing_to_tell(model: Path) -> None:
    assert load_model("small", [str(model.parent)], 1, 0.5).delegate_trouble is None


def test_the_processor_takes_over_from_a_delegate_that_fails(model: Path) -> None:
    loaded = load_model("small", [str(model.parent)], 1, 0.5, delegate="libnowhere.so")

    assert "libnowhere.so can't be loaded" in (loaded.delegate_trouble or "")


def test_a_model_that_nothing_can_run_names_both_reasons(tmp_path: Path) -> None:
    install(tmp_path, "YOLOv8", content=b"for another processor")

    with pytest.raises(ModelError, match=r"libnowhere\.so can't be loaded .* nor can the processor: .*small\.tflite"):
        load_model("small", [str(tmp_path)], 1, 0.5, delegate="libnowhere.so")
