"""Tiny TFLite models that tests build: each sees red blocks in a picture of 4 x 4 cells, and calls them people.

Blue blocks are cars. They have the inputs, outputs and custom operations of the families that people bring.
"""

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
import tflite
from flatbuffers import flexbuffers

Array = npt.NDArray[Any]

SIDE = 32
"""Width and height of the input, in pixels."""
CELLS = 4
"""Cells a side; one anchor or row each, in reading order."""
LABELS = ("person", "car")
_TYPES = {"float32": tflite.TensorType.FLOAT32, "uint8": tflite.TensorType.UINT8, "int8": tflite.TensorType.INT8}
_POST_PROCESS = "TFLite_Detection_PostProcess"
_SEES = np.array([[20, -10, -10], [-10, -10, 20]], np.float32)
"""Weight of red, green and blue in the logit of a person and of a car; with the bias of -5, red gives 15."""


class Graph:
    """A TFLite graph with one input, put together operation by operation. Tensors are known by their number."""

    def __init__(self, dtype: str = "float32") -> None:
        """The input is SIDE x SIDE RGB; `uint8` and `int8` are quantised so that a pixel is 0 to 1 inside."""
        self._tensors: list[tuple[Sequence[int], str, int, tuple[float, int] | None]] = []
        self._buffers: list[bytes] = [b""]
        self._codes: list[tuple[int, str]] = []
        self._operators: list[tuple[int, list[int], list[int], Any, bytes]] = []
        quantised = {"float32": None, "uint8": (1 / 255, 0), "int8": (1 / 255, -128)}[dtype]
        self.is_quantised = quantised is not None
        self.input = self.tensor((1, SIDE, SIDE, 3), dtype, quantised)

    def tensor(self, shape: Sequence[int], dtype: str = "float32", quantised: tuple[float, int] | None = None) -> int:
        """A tensor that is worked out; `quantised` is scale and zero point."""
        self._tensors.append((shape, dtype, 0, quantised))
        return len(self._tensors) - 1

    def constant(self, values: Any, dtype: Any = np.float32) -> int:
        """A tensor of the file."""
        array = np.ascontiguousarray(values, dtype)
        self._buffers.append(array.tobytes())
        self._tensors.append((array.shape, array.dtype.name, len(self._buffers) - 1, None))
        return len(self._tensors) - 1

    def depth(self, tensor: int) -> int:
        """Its last dimension."""
        return self._tensors[tensor][0][-1]

    def add(self, name: str, inputs: list[int], outputs: list[int], options: Any = None, custom: bytes = b"") -> None:
        """An operation. `options` is (name of the options' table, its fields)."""
        custom_name = name if custom else ""
        code = (tflite.BuiltinOperator.CUSTOM if custom else getattr(tflite.BuiltinOperator, name), custom_name)
        if code not in self._codes:
            self._codes.append(code)
        self._operators.append((self._codes.index(code), inputs, outputs, options, custom))

    def file(self, outputs: list[int]) -> bytes:
        """The content of the .tflite file with these outputs, in this order."""
        b = flatbuffers.Builder(4096)
        buffers = _vector(b, [_table(b, "Buffer", Data=_bytes(b, data)) for data in self._buffers])
        codes = _vector(
            b,
            [
                _table(
                    b,
                    "OperatorCode",
                    DeprecatedBuiltinCode=code,
                    BuiltinCode=code,
                    Version=1,
                    CustomCode=b.CreateString(name) if name else None,
                )
                for code, name in self._codes
            ],
        )
        tensors = _vector(b, [self._tensor(b, *each) for each in self._tensors])
        operators = _vector(b, [self._operator(b, *each) for each in self._operators])
        subgraph = _table(
            b,
            "SubGraph",
            Tensors=tensors,
            Inputs=_ints(b, [self.input]),
            Outputs=_ints(b, outputs),
            Operators=operators,
        )
        model = _table(b, "Model", Version=3, OperatorCodes=codes, Subgraphs=_vector(b, [subgraph]), Buffers=buffers)
        b.Finish(model, b"TFL3")
        return bytes(b.Output())

    @staticmethod
    def _tensor(b: Any, shape: Sequence[int], dtype: str, buffer: int, quantised: tuple[float, int] | None) -> int:
        quantisation = None
        if quantised is not None:
            scale = b.CreateNumpyVector(np.array([quantised[0]], np.float32))
            zero = b.CreateNumpyVector(np.array([quantised[1]], np.int64))
            quantisation = _table(b, "QuantizationParameters", Scale=scale, ZeroPoint=zero)
        kind = _TYPES.get(dtype, tflite.TensorType.INT32)
        return _table(b, "Tensor", Shape=_ints(b, shape), Type=kind, Buffer=buffer, Quantization=quantisation)

    @staticmethod
    def _operator(b: Any, code: int, inputs: list[int], outputs: list[int], options: Any, custom: bytes) -> int:
        fields: dict[str, Any] = {}
        if options is not None:
            name, values = options
            fields = {
                "BuiltinOptionsType": getattr(tflite.BuiltinOptions, name),
                "BuiltinOptions": _table(b, name, **values),
            }
        if custom:
            fields = {"CustomOptions": _bytes(b, custom)}
        return _table(b, "Operator", OpcodeIndex=code, Inputs=_ints(b, inputs), Outputs=_ints(b, outputs), **fields)


def raw_ssd(dtype: str = "float32") -> bytes:
    """Boxes 1 x 16 x 4, each its anchor, and logits 1 x 16 x 2."""
    graph = Graph(dtype)
    cells = _cells(graph)
    return graph.file([_rows(graph, _boxes(graph, cells)), _rows(graph, _logits(graph, cells))])


def postprocessed_ssd(order: Sequence[int] = (0, 1, 2, 3)) -> bytes:
    """What TFLite_Detection_PostProcess makes of it: boxes, classes, scores and count, or another order of these."""
    graph = Graph()
    cells = _cells(graph)
    with_background = _logits(graph, cells, np.vstack([np.zeros((1, 3)), _SEES]))
    scores = graph.tensor((1, CELLS * CELLS, 3))
    graph.add("LOGISTIC", [_rows(graph, with_background)], [scores])
    anchors = graph.constant(np.concatenate([_centres()[:, ::-1], np.full((CELLS**2, 2), 1 / CELLS)], axis=1))
    made = [graph.tensor(shape) for shape in ((1, 10, 4), (1, 10), (1, 10), (1,))]
    options = flexbuffers.Dumps(
        {
            "max_detections": 10,
            "max_classes_per_detection": 1,
            "num_classes": 2,
            "nms_score_threshold": 0.1,
            "nms_iou_threshold": 0.5,
            "y_scale": 10.0,
            "x_scale": 10.0,
            "h_scale": 5.0,
            "w_scale": 5.0,
            "use_regular_nms": False,
        }
    )
    graph.add(_POST_PROCESS, [_rows(graph, _boxes(graph, cells)), scores, anchors], made, custom=bytes(options))
    return graph.file([made[at] for at in order])


def yolo(*, columns: bool, objectness: bool, dtype: str = "float32") -> bytes:
    """1 x 16 x values or 1 x values x 16: centre, size, a sure object if there is `objectness`, and both classes.

    With `int8` the output is quantised as well.
    """
    graph = Graph(dtype)
    cells = _cells(graph)
    places = np.concatenate([_centres(), np.full((CELLS**2, 2), 1 / CELLS)], axis=1)
    if objectness:
        places = np.concatenate([places, np.ones((CELLS**2, 1))], axis=1)
    scores = graph.tensor((1, CELLS, CELLS, 2))
    graph.add("LOGISTIC", [_logits(graph, cells)], [scores])
    constant = graph.constant(places.reshape(1, CELLS, CELLS, -1))
    values = places.shape[1] + 2
    together = graph.tensor((1, CELLS, CELLS, values))
    graph.add("CONCATENATION", [constant, scores], [together], ("ConcatenationOptions", {"Axis": 3}))
    output = _rows(graph, together)
    if columns:
        turned = graph.tensor((1, values, CELLS**2))
        graph.add("TRANSPOSE", [output, graph.constant([0, 2, 1], np.int32)], [turned], ("TransposeOptions", {}))
        output = turned
    if dtype == "int8":
        shape = (1, values, CELLS**2) if columns else (1, CELLS**2, values)
        quantised = graph.tensor(shape, "int8", (1 / 255, -128))
        graph.add("QUANTIZE", [output], [quantised], ("QuantizeOptions", {}))
        output = quantised
    return graph.file([output])


def _cells(graph: Graph) -> int:
    """The mean colour of each cell, 0 to 1."""
    pixels = graph.input
    if graph.is_quantised:
        pixels = graph.tensor((1, SIDE, SIDE, 3))
        graph.add("DEQUANTIZE", [graph.input], [pixels], ("DequantizeOptions", {}))
    cells = graph.tensor((1, CELLS, CELLS, 3))
    step = SIDE // CELLS
    window = {"Padding": tflite.Padding.VALID, "StrideW": step, "StrideH": step}
    graph.add(
        "AVERAGE_POOL_2D",
        [pixels],
        [cells],
        ("Pool2DOptions", {**window, "FilterWidth": step, "FilterHeight": step}),
    )
    return cells


def _logits(graph: Graph, cells: int, weights: Array = _SEES) -> int:
    return _mixed(graph, cells, weights, np.full(len(weights), -5))


def _boxes(graph: Graph, cells: int) -> int:
    return _mixed(graph, cells, np.zeros((4, 3)), np.zeros(4))


def _mixed(graph: Graph, cells: int, weights: Array, bias: Array) -> int:
    """A 1 x 1 convolution."""
    made = graph.tensor((1, CELLS, CELLS, len(weights)))
    inputs = [cells, graph.constant(weights.reshape(-1, 1, 1, 3)), graph.constant(bias)]
    options = {"Padding": tflite.Padding.VALID, "StrideW": 1, "StrideH": 1}
    graph.add("CONV_2D", inputs, [made], ("Conv2DOptions", {**options, "DilationWFactor": 1, "DilationHFactor": 1}))
    return made


def _rows(graph: Graph, grid: int) -> int:
    """One row a cell."""
    shape = (1, CELLS**2, graph.depth(grid))
    made = graph.tensor(shape)
    graph.add("RESHAPE", [grid, graph.constant(shape, np.int32)], [made], ("ReshapeOptions", {}))
    return made


def _centres() -> Array:
    """x and y of each cell, in reading order."""
    ys, xs = np.divmod(np.arange(CELLS**2), CELLS)
    return (np.stack([xs, ys], axis=1) + 0.5) / CELLS


def _table(b: Any, kind: str, **fields: Any) -> int:
    """A table of the schema with these fields; those that are None are left out."""
    getattr(tflite, f"{kind}Start")(b)
    for name, value in fields.items():
        if value is not None:
            getattr(tflite, f"{kind}Add{name}")(b, value)
    return int(getattr(tflite, f"{kind}End")(b))


def _vector(b: Any, tables: list[int]) -> int:
    b.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        b.PrependUOffsetTRelative(table)
    return int(b.EndVector())


def _ints(b: Any, values: Sequence[int]) -> int:
    return int(b.CreateNumpyVector(np.array(values, np.int32)))


def _bytes(b: Any, data: bytes) -> int | None:
    return int(b.CreateByteVector(data)) if data else None
