"""TensorFlow Lite, under its new name where there are wheels of it and under its old one elsewhere."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.core.errors import ModelError

Array = npt.NDArray[Any]


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
        """The model's own input memory, to be filled in place. Let go of it before `run`."""
        view: Array = self._interpreter.tensor(self._input["index"])()
        return view

    def run(self) -> list[Array]:
        """One inference on what the input holds; the outputs as float32. Raises ModelError."""
        try:
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"the model failed in {self.runtime}: {error}") from error
        return [self._as_float(output) for output in self._outputs]

    def _as_float(self, output: dict[str, Any]) -> Array:
        values: Array = self._interpreter.get_tensor(output["index"])
        scale, zero_point = output["quantization"]
        if scale == 0:  # not quantised
            return values
        floats: Array = (values.astype(np.float32) - zero_point) * np.float32(scale)
        return floats


def load_tflite(path: Path, threads: int) -> TfliteInterpreter:
    """Load a model file, which the caller has verified. Raises ModelError."""
    interpreter_class, runtime = _runtime()
    try:
        interpreter = interpreter_class(model_path=str(path), num_threads=threads)
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError, OSError) as error:
        first_line = next(iter(str(error).splitlines()), type(error).__name__)
        raise ModelError(f"{path} can't be loaded by {runtime} ({first_line}): build or fetch it again") from error
    return TfliteInterpreter(interpreter, runtime)


def _runtime() -> tuple[Any, str]:
    try:
        from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415

        return Interpreter, f"ai-edge-litert {version('ai-edge-litert')}"
    except ImportError:
        pass
    try:
        from tflite_runtime.interpreter import Interpreter  # noqa: PLC0415

        return Interpreter, f"tflite-runtime {version('tflite-runtime')}"
    except ImportError as error:
        raise ModelError(
            "neither ai-edge-litert nor tflite-runtime can be imported: install the agent with its `vision` extra"
        ) from error
