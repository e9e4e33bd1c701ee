"""A model, found, verified and loaded: for the look loop, a benchmark, a try."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.adapters import opencv_imaging as imaging
from agent.adapters.tflite_interpreter import NONE, XNNPACK, load_tflite
from agent.core.errors import DelegateError, ModelError
from agent.core.model_manifest import ModelManifest
from agent.models.store import ModelStore
from agent.vision.person_detector import Interpreter, PersonDetector


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A verified model, ready to look. `runtime` is for example `ai-edge-litert 2.3.0`."""

    manifest: ModelManifest
    detector: PersonDetector
    runtime: str
    delegate_trouble: str | None
    """Why the processor works instead of the delegate; empty if it does not, None without such a delegate."""


def load_model(
    name: str,
    directories: Sequence[str],
    threads: int,
    score_threshold: float,
    *,
    delegate: str = XNNPACK,
    delegate_options: Mapping[str, str] | None = None,
    around: Callable[[Interpreter], Interpreter] | None = None,
) -> LoadedModel:
    """Find, verify and load a model, exactly as the live loop and a benchmark use it. Raises ModelError.

    Whoever measures gives `around`: what it makes of the interpreter takes the interpreter's place.

    A slow look is better than none: without the delegate of the settings, the processor runs the model.
    """
    manifest, path = ModelStore([Path(entry) for entry in directories]).load(name)
    trouble = None if delegate in {XNNPACK, NONE} else ""
    try:
        interpreter = load_tflite(path, threads, delegate, delegate_options)
    except DelegateError as error:
        trouble = f"{error}: the processor runs the model instead"
        try:
            interpreter = load_tflite(path, threads)
        except ModelError as its_own:
            raise ModelError(f"{error}, nor can the processor: {its_own}") from its_own
    runs: Interpreter = interpreter if around is None else around(interpreter)
    detector = PersonDetector(runs, manifest, path.parent, imaging.RgbScaler(), score_threshold)
    return LoadedModel(manifest, detector, interpreter.runtime, trouble)
