"""Finds, verifies and loads a model: for the frame loop, a benchmark or a trial."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.adapters import opencv_imaging as imaging
from agent.adapters.tflite_interpreter import NONE, XNNPACK, load_tflite
from agent.core.camera.model_manifest import ModelManifest
from agent.core.errors import DelegateError, ModelError
from agent.models.store import RETIRED_MODELS, ModelStore
from agent.vision.person_detector import Interpreter, PersonDetector


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A verified model, ready to run. `runtime` is for example `ai-edge-litert 2.3.0`."""

    manifest: ModelManifest
    detector: PersonDetector
    runtime: str
    delegate_trouble: str | None
    """Why the processor runs the model instead of the delegate; empty if the delegate does, None if none was asked for
    but XNNPACK."""
    refused: str = ""
    """Which model was refused, and what runs instead; empty when none was."""
    retired: str = ""
    """Which model is retired, and what runs instead; empty when none is."""


def load_model(
    name: str,
    directories: Sequence[str],
    threads: int,
    score_threshold: float,
    *,
    delegate: str = XNNPACK,
    delegate_options: Mapping[str, str] | None = None,
    state_models: str | None = None,
    around: Callable[[Interpreter], Interpreter] | None = None,
) -> LoadedModel:
    """Find, verify and load a model, exactly as the live loop and a benchmark use it. Raises ModelError.

    Give `state_models`, a directory that the agent can write, if another model is better than none: see
    `ModelStore.load_or_fall_back`. Give `around` to measure: what it returns for the interpreter takes its place.

    If the delegate of the settings fails, the processor runs the model: slow is better than blind.
    """
    store, refused = ModelStore([Path(entry) for entry in directories]), ""
    if state_models is None:
        manifest, path, content = store.load(name)
    else:
        (manifest, path, content), refused = store.load_or_fall_back(name, Path(state_models))
    trouble = None if delegate in {XNNPACK, NONE} else ""
    try:
        interpreter = load_tflite(path, content, threads, delegate, delegate_options)
    except DelegateError as error:
        trouble = f"{error}: the processor runs the model instead"
        try:
            interpreter = load_tflite(path, content, threads)
        except ModelError as its_own:
            raise ModelError(f"{error}, nor can the processor: {its_own}") from its_own
    runs: Interpreter = interpreter if around is None else around(interpreter)
    detector = PersonDetector(runs, manifest, path.parent, imaging.RgbScaler(), score_threshold)
    return LoadedModel(manifest, detector, interpreter.runtime, trouble, refused, _retired(name, manifest.name))


def _retired(name: str, runs: str) -> str:
    if RETIRED_MODELS.get(name) != runs:
        return ""
    return f'{name} is retired, and {runs} runs in its place: set model = "{runs}" in the settings of the camera'
