"""TensorFlow Lite, under its new name where there are wheels for it and under its old one elsewhere."""

import ctypes
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.core.diagnosis.vision_extra import install_advice
from agent.core.errors import DelegateError, ModelError

Array = npt.NDArray[Any]

XNNPACK = "xnnpack"
NONE = "none"


class TfliteInterpreter:
    """One loaded model with one input and its output tensors. One thread."""

    def __init__(self, interpreter: Any, runtime: str) -> None:
        self._interpreter = interpreter
        self.runtime = runtime
        """For example `ai-edge-litert 2.3.0`."""
        self._input = interpreter.get_input_details()[0]
        self._outputs = interpreter.get_output_details()

    @property
    def input_shape(self) -> tuple[int, ...]:
        """1, height, width, channels for a picture."""
        return tuple(int(length) for length in self._input["shape"])

    @property
    def input_dtype(self) -> str:
        """`uint8`, `int8` or `float32`, or whatever else the model takes."""
        return str(np.dtype(self._input["dtype"]).name)

    @property
    def output_shapes(self) -> list[tuple[int, ...]]:
        """Shape of each output, in the order of `run`."""
        return [tuple(int(length) for length in output["shape"]) for output in self._outputs]

    def input_view(self) -> Array:
        """Return the model's own input memory, to fill in place. Let go of it before `run`."""
        view: Array = self._interpreter.tensor(self._input["index"])()
        return view

    def run(self) -> list[Array]:
        """Run one inference on what the input holds; return the outputs as float32. Raises ModelError."""
        try:
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"the model failed in {self.runtime}: {error}") from error
        return [self._as_float(output) for output in self._outputs]

    def close(self) -> None:
        """Do nothing: what a delegate holds goes with the process."""

    def _as_float(self, output: dict[str, Any]) -> Array:
        values: Array = self._interpreter.get_tensor(output["index"])
        scale, zero_point = output["quantization"]
        if scale == 0:  # not quantised
            return values
        floats: Array = (values.astype(np.float32) - zero_point) * np.float32(scale)
        return floats


def load_tflite(
    path: Path, content: bytes, threads: int, delegate: str = XNNPACK, delegate_options: Mapping[str, str] | None = None
) -> TfliteInterpreter:
    """Load `content`, which the caller has read from `path` and verified; it will run on `threads` processor threads.

    `delegate` is `xnnpack`, the runtime's own fast one, or `none`, or the shared library of another one, which gets
    `delegate_options`. Raises ModelError; DelegateError when the model may still run without that library.
    """
    module, runtime = _runtime()
    chosen: dict[str, Any] = {}
    if delegate == NONE:
        chosen["experimental_op_resolver_type"] = module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    elif delegate != XNNPACK:
        chosen["experimental_delegates"] = [_load_delegate(module, delegate, delegate_options or {})]
    try:
        interpreter = module.Interpreter(model_content=content, num_threads=threads, **chosen)
        interpreter.allocate_tensors()
        if "experimental_delegates" in chosen:
            interpreter.invoke()  # some delegates find out only now that their device does not answer
    except (RuntimeError, ValueError, OSError) as error:
        if "experimental_delegates" in chosen:
            raise DelegateError(f"delegate {delegate} can't run {path.name} ({_first_line(error)})") from error
        raise ModelError(
            f"{path} can't be loaded by {runtime} ({_first_line(error)}): build or fetch it again"
        ) from error
    return TfliteInterpreter(interpreter, runtime)


def _load_delegate(module: Any, library: str, options: Mapping[str, str]) -> Any:
    # If the runtime itself can't load a library, it leaves half an object behind, whose finalizer fails again.
    try:
        found = ctypes.CDLL(library)
    except OSError as error:
        raise DelegateError(f"delegate {library} can't be loaded ({_first_line(error)})") from error
    if not all(hasattr(found, f"tflite_plugin_{what}_delegate") for what in ("create", "destroy")):
        raise DelegateError(f"{library} is not a TFLite delegate")
    try:
        return module.load_delegate(library, dict(options))
    except (RuntimeError, ValueError, OSError) as error:
        raise DelegateError(f"delegate {library} does not start ({_last_line(error)})") from error


def _runtime() -> tuple[Any, str]:
    try:
        from ai_edge_litert import interpreter  # noqa: PLC0415

        return interpreter, f"ai-edge-litert {version('ai-edge-litert')}"
    except ImportError:
        pass
    try:
        from tflite_runtime import interpreter  # noqa: PLC0415

        return interpreter, f"tflite-runtime {version('tflite-runtime')}"
    except ImportError as error:
        raise ModelError(f"neither ai-edge-litert nor tflite-runtime can be imported: {install_advice()}") from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _last_line(error: Exception) -> str:
    return next(iter(reversed(str(error).splitlines())), type(error).__name__)
