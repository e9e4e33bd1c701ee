"""Finds, verifies and loads a model: for the frame loop, a benchmark or a trial."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.adapters import hailo_interpreter, imx500
from agent.adapters import opencv_imaging as imaging
from agent.adapters.hailo_interpreter import HAILO, HailoInterpreter, load_hailo
from agent.adapters.imx500 import IMX500, Imx500, load_imx500
from agent.adapters.tflite_interpreter import NONE, XNNPACK, TfliteInterpreter, load_tflite
from agent.core.camera.camera_kinds import kind_of
from agent.core.camera.model_manifest import ModelManifest
from agent.core.camera.vision_spec import VisionSpec
from agent.core.errors import DelegateError, ModelError
from agent.models.store import RETIRED_MODELS, ModelStore, StoredModel
from agent.vision.person_detector import Interpreter, PersonDetector
from agent.vision.sensor_sight import SensorReader

_COMPILED_FOR = {hailo_interpreter.SUFFIX: ("a Hailo", HAILO), imx500.SUFFIX: ("an IMX500", IMX500)}


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A verified model, ready to run. `runtime` is for example `ai-edge-litert 2.3.0`."""

    manifest: ModelManifest
    detector: PersonDetector
    runtime: str
    close: Callable[[], None]
    """Gives an accelerator back. The detector must not be used after it."""
    delegate_trouble: str | None
    """Why the processor runs the model instead of the delegate; empty if the delegate does, None if none was asked for
    but XNNPACK."""
    refused: str = ""
    """Which model was refused, and what runs instead; empty when none was."""
    retired: str = ""
    """Which model is retired, and what runs instead; empty when none is."""


@dataclass(frozen=True, slots=True)
class SensorModel:
    """A verified model that the sensor of a camera will have once that has started, in place of a `LoadedModel`."""

    manifest: ModelManifest
    reader: SensorReader
    sensor: Imx500
    refused: str
    """As in `LoadedModel`."""
    runtime: str = IMX500
    delegate_trouble: str = ""
    retired: str = ""

    def close(self) -> None:
        """Do nothing: the network goes when the sensor is without power."""


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
    no_delegate: DelegateError | None = None,
) -> LoadedModel:
    """Find, verify and load a model, exactly as the live loop and a benchmark use it. Raises ModelError.

    Give `state_models`, a directory that the agent can write, if another model is better than none: see
    `ModelStore.load_or_fall_back`. Give `around` to measure: what it returns for the interpreter takes its place.
    `no_delegate` is why the delegate of the settings is not even tried.

    If the delegate of the settings fails, the processor runs the model, or the built one if it can't run that: slow is
    better than blind.
    """
    store, refused = ModelStore([Path(entry) for entry in directories]), ""
    if state_models is None:
        stored = store.load(name)
    else:
        stored, refused = store.load_or_fall_back(name, Path(state_models))
    trouble = None if delegate in {XNNPACK, NONE} else ""
    interpreter: TfliteInterpreter | HailoInterpreter
    try:
        interpreter = _load(stored, threads, delegate, delegate_options, no_delegate)
    except DelegateError as error:
        asked = stored.manifest.name
        stored, interpreter = _on_the_processor(store, stored, threads, error)
        instead = "the model" if stored.manifest.name == asked else stored.manifest.name
        trouble = f"{error}: the processor runs {instead} instead"
    manifest, path, _ = stored
    runs: Interpreter = interpreter if around is None else around(interpreter)
    try:
        detector = PersonDetector(runs, manifest, path.parent, imaging.RgbScaler(), score_threshold)
    except ModelError:
        interpreter.close()
        raise
    retired = _retired(name, manifest.name)
    return LoadedModel(manifest, detector, interpreter.runtime, interpreter.close, trouble, refused, retired)


def load_on_sensor(spec: VisionSpec, score_threshold: float, *, masked: bool) -> SensorModel:
    """Find and verify the model of this camera, and give it to its sensor. Raises ModelError, DelegateError."""
    if masked:
        raise DelegateError("an IMX500 sees what masks cover, so a camera with masks can't use one")
    if spec.simulate or kind_of(spec.source).name != "picamera2":
        raise DelegateError(f"an IMX500 is a camera of its own, and {spec.name} is another: set source = picamera2:0")
    store = ModelStore([Path(entry) for entry in spec.model_directories])
    if spec.state_models is None:
        stored, refused = store.load(spec.model), ""
    else:
        stored, refused = store.load_or_fall_back(spec.model, Path(spec.state_models))
    manifest, path, _ = stored
    if manifest.input.fit == "letterbox":
        raise DelegateError(f"an IMX500 stretches the picture to the model's input: set fit in {manifest.name}.json")
    sensor = load_imx500(path, int(spec.source.partition(":")[2]))
    return SensorModel(manifest, SensorReader(manifest, path.parent, score_threshold), sensor, refused)


def _load(
    stored: StoredModel,
    threads: int,
    delegate: str,
    options: Mapping[str, str] | None,
    no_delegate: DelegateError | None,
) -> TfliteInterpreter | HailoInterpreter:
    _, path, content = stored
    if no_delegate is not None:
        raise no_delegate
    if delegate == HAILO:
        return load_hailo(path, content, options)
    if delegate == IMX500:
        raise DelegateError("an IMX500 only runs a model on the pictures that it takes itself")
    if path.suffix in _COMPILED_FOR:
        chip, name = _COMPILED_FOR[path.suffix]
        raise DelegateError(f'{path.name} is compiled for {chip}: set delegate = "{name}"')
    return load_tflite(path, content, threads, delegate, options)


def _on_the_processor(
    store: ModelStore, stored: StoredModel, threads: int, why: DelegateError
) -> tuple[StoredModel, TfliteInterpreter]:
    try:
        return stored, load_tflite(stored.path, stored.content, threads)
    except ModelError as its_own:
        built = store.built()
        if built is None or built.path == stored.path:
            raise ModelError(f"{why}, nor can the processor: {its_own}") from its_own
    return built, load_tflite(built.path, built.content, threads)


def _retired(name: str, runs: str) -> str:
    if RETIRED_MODELS.get(name) != runs:
        return ""
    return f'{name} is retired, and {runs} runs in its place: set model = "{runs}" in the settings of the camera'
