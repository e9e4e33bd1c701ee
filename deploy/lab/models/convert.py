"""Turns the TensorFlow.js graph of the person model into TFLite files, float32 and int8; TensorFlow is not needed.

The part of the graph that finds people has only four kinds of layers: convolutions, depthwise convolutions, sums, and
doublings of the size. We add one: what says how sure each joint is at a place is made coarse.
"""

import json
import math
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, NamedTuple

import cv2
import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import interpreter as litert
from ai_edge_litert import schema_py_generated as schema

from agent.core.errors import ModelError

Array = npt.NDArray[Any]

SIDE = 224
STRIDE = 4
INPUT = "StatefulPartitionedCall/sub_1"
"""The picture, scaled to -1 to 1."""
POOL = 4
"""A joint is told to a square of so many cells."""
JOINTS = "StatefulPartitionedCall/kpt_heatmap_0/conv2d_7/BiasAdd"
COARSE = f"{JOINTS}/coarse"
_FOUND = {
    "StatefulPartitionedCall/center_0/conv2d_4/BiasAdd": 1,
    "StatefulPartitionedCall/box_scale_0/conv2d_5/BiasAdd": 2,
    "StatefulPartitionedCall/box_offset_0/conv2d_6/BiasAdd": 2,
}
OUTPUTS = {**_FOUND, COARSE: 17}
"""Logits of centres, sizes and offsets of boxes, and of 17 joints: whether there is one around here, not where."""
_TINY = 1e-6
_CHECKED_FRAMES = 20
_LARGEST_MEAN_DIFFERENCE = 0.05
_ACTIVATIONS = {
    (): schema.ActivationFunctionType.NONE,
    ("BiasAdd",): schema.ActivationFunctionType.NONE,
    ("BiasAdd", "Relu"): schema.ActivationFunctionType.RELU,
    ("BiasAdd", "Relu6"): schema.ActivationFunctionType.RELU6,
}
_PIXEL = (2 / 255, -1)
"""Scale and zero point of the input as int8: -1 to 1."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One operation of the network. `name` is that of its output, `inputs` those of the layers that it reads."""

    kind: Literal["conv", "depthwise", "add", "double", "coarsen"]
    name: str
    inputs: tuple[str, ...]
    weights: Array | None = None
    """conv: out, height, width, in. depthwise: 1, height, width, channels."""
    bias: Array | None = None
    stride: int = 1
    activation: int = schema.ActivationFunctionType.NONE


class Converted(NamedTuple):
    """Both models as files, and how far their scores of a person are apart, in the mean where either may see one."""

    float32: bytes
    int8: bytes
    frames: int
    """How many frames set the integer ranges."""
    difference: float
    side: int = SIDE
    litert: str = metadata.version("ai-edge-litert")


def convert(graph: Path, calibration: Path, frames: int, check: Path) -> Converted:
    """Convert the network, with integer ranges from `frames` frames of the video `calibration`; compare on `check`.

    Takes some seconds. Raises ModelError when a video can't be read, the graph is not the expected one, or the two
    models disagree.
    """
    seen = video_frames(calibration, frames)
    layers = layers_of(graph)
    float32 = _file(layers, {}, OUTPUTS)
    layers = equalised(layers, seen[::5])
    int8 = _file(layers, _value_ranges(layers, seen), OUTPUTS)
    sample = video_frames(check, _CHECKED_FRAMES)
    reference = _person_scores(float32, sample)
    where = reference > 0.1  # elsewhere both say nothing, which would hide any difference in the mean
    difference = float(np.abs(reference - _person_scores(int8, sample))[where].mean()) if where.any() else 0.0
    if not difference <= _LARGEST_MEAN_DIFFERENCE:
        raise ModelError(f"the int8 model scores {difference:.3f} apart from the float32 one: try another video")
    return Converted(float32, int8, len(seen), difference)


def video_frames(video: Path, count: int) -> Array:
    """Return at most `count` frames, evenly spread over the video: N x 224 x 224 x 3, RGB, uint8. Raises ModelError."""
    capture = cv2.VideoCapture(str(video))
    frames: list[Array] = []
    stride, number = 1, 0
    while capture.grab():
        if number % stride == 0:
            ok, frame = capture.retrieve()
            if ok:
                frames.append(cv2.cvtColor(cv2.resize(frame, (SIDE, SIDE)), cv2.COLOR_BGR2RGB))
        number += 1
        if len(frames) >= 2 * count:  # a long video must not fill the memory, and its length is not known
            del frames[1::2]
            stride *= 2
    capture.release()
    if not frames:
        raise ModelError(f"{video} holds no frame that OpenCV can read")
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(count, len(frames))).astype(int))
    return np.stack([frames[index] for index in chosen])


def layers_of(graph: Path) -> list[Layer]:
    """Return the layers between `INPUT` and `OUTPUTS`, each after those that it reads. Raises ModelError."""
    try:
        described = json.loads(graph.read_text())
        nodes = {node["name"]: node for node in described["modelTopology"]["node"]}
        constants = _constants(described["weightsManifest"], graph.parent)
        layers: dict[str, Layer] = {}
        for output in (*_FOUND, JOINTS):
            _add_layer(output, nodes, constants, layers)
        layers[COARSE] = Layer("coarsen", COARSE, (JOINTS,))
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise ModelError(f"{graph} is not the graph that this version knows ({error!r})") from error
    return list(layers.values())


def _constants(groups: Any, directory: Path) -> dict[str, Array]:
    """Return every constant by name; those stored as float16 are made float32 again."""
    constants = {}
    for group in groups:
        data, at = b"".join((directory / name).read_bytes() for name in group["paths"]), 0
        for entry in group["weights"]:
            stored = np.dtype(entry.get("quantization", entry)["dtype"])
            count = math.prod(entry["shape"])
            values = np.frombuffer(data, stored, count, at).reshape(entry["shape"])
            constants[entry["name"]] = values.astype(entry["dtype"])
            at += count * stored.itemsize
    return constants


def _add_layer(name: str, nodes: Mapping[str, Any], constants: Mapping[str, Array], layers: dict[str, Layer]) -> None:
    """Add the layer `name` to `layers`, and before it those that it reads."""
    if name == INPUT or name in layers:
        return
    node = nodes[name]
    resize = node["op"] == "ResizeBilinear"  # its size is reckoned from its input's: twice as much
    inputs = [each for each in node["input"][: 1 if resize else None] if each not in constants]
    given = [constants[each] for each in node["input"] if each in constants]
    for each in inputs:
        _add_layer(each, nodes, constants, layers)
    read = tuple(inputs)
    match node["op"]:
        case "_FusedConv2D" | "FusedDepthwiseConv2dNative" | "DepthwiseConv2dNative" as op:
            layers[name] = _convolution(name, read, node["attr"], given, depthwise="Depthwise" in op)
        case "AddV2":
            layers[name] = Layer("add", name, read)
        case "ResizeBilinear" if node["attr"]["half_pixel_centers"]["b"]:
            layers[name] = Layer("double", name, read)
        case other:
            raise ValueError(f"{name} is {other}")


def _convolution(name: str, read: tuple[str, ...], attributes: Any, given: list[Array], *, depthwise: bool) -> Layer:
    kernel = given[0]  # height, width, in, out; of a depthwise one: height, width, channels, 1
    fused = tuple(b64decode(each).decode() for each in attributes.get("fused_ops", {"list": {"s": []}})["list"]["s"])
    strides = [int(each) for each in attributes["strides"]["list"]["i"]]
    padding = b64decode(attributes["padding"]["s"])
    same_at_one = padding == b"VALID" and kernel.shape[:2] == (1, 1)
    if fused not in _ACTIVATIONS or not (padding == b"SAME" or same_at_one):
        raise ValueError(f"{name} is a convolution with {fused} and padding {padding!r}")
    weights = kernel.transpose(3, 0, 1, 2)
    bias = given[1] if fused else np.zeros(weights.shape[3 if depthwise else 0], np.float32)
    return Layer(
        "depthwise" if depthwise else "conv",
        name,
        read,
        np.ascontiguousarray(weights),
        bias,
        stride=strides[1],
        activation=_ACTIVATIONS[fused],
    )


def equalised(layers: Sequence[Layer], frames: Array) -> list[Layer]:
    """Bring the channels between two linear layers to like ranges: the network computes the same.

    All channels of a layer share one step of their integers, so a large one would leave the small ones hardly any. What
    one layer divides a channel by, the next one multiplies it with.
    """
    users: dict[str, list[Layer]] = {}
    for layer in layers:
        for name in layer.inputs:
            users.setdefault(name, []).append(layer)
    linear = [layer.name for layer in layers if layer.weights is not None and not layer.activation]
    before = [name for name in linear if [user.kind for user in users.get(name, [])] == ["conv"]]
    largest = {name: np.abs(values).max((0, 1, 2)) for name, values in _extremes(layers, before, frames).items()}
    changed = {layer.name: layer for layer in layers}
    for name in before:
        layer, following = changed[name], changed[users[name][0].name]
        assert layer.weights is not None
        assert layer.bias is not None
        assert following.weights is not None
        factors = np.sqrt(largest[name] / np.maximum(np.abs(following.weights).max((0, 1, 2)), _TINY))
        factors = np.maximum(factors / np.exp(np.log(np.maximum(factors, _TINY)).mean()), _TINY)
        out = (-1, 1, 1, 1) if layer.kind == "conv" else (1, 1, 1, -1)
        weights, bias = layer.weights / factors.reshape(out), layer.bias / factors
        changed[name] = replace(layer, weights=weights.astype(np.float32), bias=bias.astype(np.float32))
        changed[following.name] = replace(following, weights=(following.weights * factors).astype(np.float32))
    return list(changed.values())


def _value_ranges(layers: Sequence[Layer], frames: Array) -> dict[str, tuple[float, int]]:
    """Return scale and zero point of each layer's output as int8."""
    ranges: dict[str, tuple[float, int]] = {INPUT: _PIXEL}
    extremes = _extremes(layers, [layer.name for layer in layers], frames)
    for layer in layers:
        low, high = min(float(extremes[layer.name].min()), 0.0), max(float(extremes[layer.name].max()), _TINY)
        scale = (high - low) / 255
        # The runtime resizes and pools integers as they are.
        same = layer.kind in {"double", "coarsen"}
        ranges[layer.name] = ranges[layer.inputs[0]] if same else (scale, round(-128 - low / scale))
    return ranges


def _extremes(layers: Sequence[Layer], names: Sequence[str], frames: Array) -> dict[str, Array]:
    """Return the smallest and the largest value of each channel of these outputs on any frame: 2 x 1 x 1 x channels."""
    model = _interpreter(_file(layers, {}, names))
    (entry,) = model.get_input_details()
    details = {detail["name"]: detail["index"] for detail in model.get_output_details()}
    found: dict[str, Array] = {}
    for frame in frames:
        model.set_tensor(entry["index"], _scaled(frame))
        model.invoke()
        for name in names:
            values = model.get_tensor(details[name])
            both = np.concatenate([values.min((1, 2), keepdims=True), values.max((1, 2), keepdims=True)])
            old = found.setdefault(name, both)
            found[name] = np.concatenate([np.minimum(old[:1], both[:1]), np.maximum(old[1:], both[1:])])
    return found


def _person_scores(model: bytes, frames: Array) -> Array:
    """Check the model's outputs, and return the score of a person in every cell of every frame. Raises ModelError."""
    interpreter = _interpreter(model)
    (entry,) = interpreter.get_input_details()
    outputs = interpreter.get_output_details()
    shapes = [tuple(output["shape"]) for output in outputs]
    cells = SIDE // STRIDE
    expected = [(1, cells, cells, depth) for depth in _FOUND.values()]
    if shapes != [*expected, (1, cells // POOL, cells // POOL, OUTPUTS[COARSE])]:
        raise ModelError(f"the converted model gives {shapes}, which is not a grid of {cells} x {cells} centres")
    scores = []
    for frame in frames:
        pixels = _scaled(frame) if entry["dtype"] is np.float32 else frame[np.newaxis]
        interpreter.set_tensor(entry["index"], pixels)
        interpreter.invoke()
        logits = interpreter.get_tensor(outputs[0]["index"])
        scores.append(1 / (1 + np.exp(-logits.astype(np.float64))))
    return np.stack(scores)


def _scaled(frame: Array) -> Array:
    """Return what the network is fed for a frame: 1 x 224 x 224 x 3, -1 to 1."""
    scaled: Array = ((frame.astype(np.float32) - 127.5) / 127.5)[np.newaxis]
    return scaled


def _interpreter(model: bytes) -> Any:
    interpreter = litert.Interpreter(model_content=model, num_threads=2)
    interpreter.allocate_tensors()
    return interpreter


def _file(
    layers: Sequence[Layer], ranges: Mapping[str, tuple[float, int]], outputs: Sequence[str] | Mapping[str, Any]
) -> bytes:
    """Write a TFLite file with these outputs. With `ranges` it computes in int8, takes uint8 and gives float32."""
    writer = _Writer(ranges)
    writer.input(INPUT, (1, SIDE, SIDE, 3))
    for layer in layers:
        writer.layer(layer)
    return writer.finish(list(outputs))


class _Writer:
    """Builds one TFLite file (the schema is LiteRT's own), layer by layer."""

    def __init__(self, ranges: Mapping[str, tuple[float, int]]) -> None:
        self._ranges = ranges
        self._graph = schema.SubGraphT()
        self._graph.tensors, self._graph.operators, self._graph.name = [], [], "main"
        self._graph.inputs = [0]
        self._buffers: list[Any] = [schema.BufferT()]
        self._codes: list[tuple[int, int]] = []
        self._at: dict[str, int] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}

    def input(self, name: str, shape: tuple[int, ...]) -> None:
        """Add the picture."""
        if not self._ranges:
            self._value(name, shape)
            return
        scale, zero = self._ranges[name]
        pixels = self._tensor(f"{name}_uint8", shape, schema.TensorType.UINT8, ([scale], [zero + 128]))
        self._value(name, shape)
        self._operator(schema.BuiltinOperator.QUANTIZE, 2, [pixels], self._at[name])

    def layer(self, layer: Layer) -> None:
        """Add a layer whose inputs are there."""
        batch, height, width, channels = self._shapes[layer.inputs[0]]
        inputs = [self._at[name] for name in layer.inputs]
        if layer.weights is not None and layer.bias is not None:
            depthwise = layer.kind == "depthwise"
            inputs += self._parameters(
                layer.inputs[0], layer.name, layer.weights, layer.bias, axis=3 if depthwise else 0
            )
            shape = (batch, -(-height // layer.stride), -(-width // layer.stride), len(layer.bias))
            options = schema.DepthwiseConv2DOptionsT() if depthwise else schema.Conv2DOptionsT()
            options.strideW = options.strideH = layer.stride
            options.dilationWFactor = options.dilationHFactor = 1
            options.padding = schema.Padding.SAME
            options.fusedActivationFunction = layer.activation
            if depthwise:
                options.depthMultiplier = 1
                code, kind = schema.BuiltinOperator.DEPTHWISE_CONV_2D, schema.BuiltinOptions.DepthwiseConv2DOptions
            else:
                code, kind = schema.BuiltinOperator.CONV_2D, schema.BuiltinOptions.Conv2DOptions
            version = 3 if self._ranges else 1
        elif layer.kind == "add":
            shape = (batch, height, width, channels)
            options, kind = schema.AddOptionsT(), schema.BuiltinOptions.AddOptions
            code, version = schema.BuiltinOperator.ADD, 2 if self._ranges else 1
        elif layer.kind == "coarsen":
            shape = (batch, height // POOL, width // POOL, channels)
            options, kind = schema.Pool2DOptionsT(), schema.BuiltinOptions.Pool2DOptions
            options.strideW = options.strideH = options.filterWidth = options.filterHeight = POOL
            options.padding = schema.Padding.VALID
            code, version = schema.BuiltinOperator.MAX_POOL_2D, 2 if self._ranges else 1
        else:
            shape = (batch, 2 * height, 2 * width, channels)
            size = np.array(shape[1:3], np.int32)
            inputs.append(self._constant(f"{layer.name}/size", size, schema.TensorType.INT32))
            options, kind = schema.ResizeBilinearOptionsT(), schema.BuiltinOptions.ResizeBilinearOptions
            options.halfPixelCenters = True
            code, version = schema.BuiltinOperator.RESIZE_BILINEAR, 3
        self._value(layer.name, shape)
        self._operator(code, version, inputs, self._at[layer.name], kind, options)

    def finish(self, outputs: Sequence[str]) -> bytes:
        """Return the file."""
        self._graph.outputs = [self._output(name) for name in outputs]
        model = schema.ModelT()
        model.version, model.subgraphs, model.buffers = 3, [self._graph], self._buffers
        model.operatorCodes = []
        for code, version in self._codes:
            entry = schema.OperatorCodeT()
            entry.builtinCode, entry.version = code, version
            entry.deprecatedBuiltinCode = min(code, 127)
            model.operatorCodes.append(entry)
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _output(self, name: str) -> int:
        if not self._ranges:
            return self._at[name]
        at = self._tensor(f"{name}_float", self._shapes[name], schema.TensorType.FLOAT32)
        self._operator(schema.BuiltinOperator.DEQUANTIZE, 2, [self._at[name]], at)
        return at

    def _value(self, name: str, shape: tuple[int, ...]) -> None:
        """Add what a layer computes."""
        self._shapes[name] = shape
        if self._ranges:
            scale, zero = self._ranges[name]
            self._at[name] = self._tensor(name, shape, schema.TensorType.INT8, ([scale], [zero]))
        else:
            self._at[name] = self._tensor(name, shape, schema.TensorType.FLOAT32)

    def _parameters(self, read: str, name: str, weights: Array, bias: Array, *, axis: int) -> list[int]:
        names = f"{name}/weights", f"{name}/bias"
        if not self._ranges:
            values = (weights.astype(np.float32), bias.astype(np.float32))
            return [self._constant(*each, schema.TensorType.FLOAT32) for each in zip(names, values, strict=True)]
        others = tuple(each for each in range(4) if each != axis)
        scales = np.maximum(np.abs(weights).max(others), _TINY).astype(np.float64) / 127  # a channel each
        shape = [1] * 4
        shape[axis] = -1
        whole = np.clip(np.round(weights / scales.reshape(shape)), -127, 127).astype(np.int8)
        bias_scales = scales * self._ranges[read][0]
        limit = 2**31 - 1
        whole_bias = np.clip(np.round(bias / bias_scales), -limit, limit).astype(np.int32)
        zeros = [0] * len(scales)
        return [
            self._constant(names[0], whole, schema.TensorType.INT8, (scales.tolist(), zeros), axis),
            self._constant(names[1], whole_bias, schema.TensorType.INT32, (bias_scales.tolist(), zeros)),
        ]

    def _constant(
        self, name: str, values: Array, kind: int, quantized: tuple[list[float], list[int]] | None = None, axis: int = 0
    ) -> int:
        buffer = _AlignedBuffer()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self._buffers.append(buffer)
        return self._tensor(name, values.shape, kind, quantized, axis, len(self._buffers) - 1)

    def _tensor(
        self,
        name: str,
        shape: Sequence[int],
        kind: int,
        quantized: tuple[list[float], list[int]] | None = None,
        axis: int = 0,
        buffer: int = 0,
    ) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), kind, buffer
        if quantized is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = quantized
            tensor.quantization.quantizedDimension = axis
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _operator(
        self, code: int, version: int, inputs: list[int], output: int, kind: int = 0, options: Any = None
    ) -> None:
        operator = schema.OperatorT()
        if (code, version) not in self._codes:
            self._codes.append((code, version))
        operator.opcodeIndex = self._codes.index((code, version))
        operator.inputs, operator.outputs = inputs, [output]
        operator.builtinOptionsType, operator.builtinOptions = kind, options
        self._graph.operators.append(operator)


class _AlignedBuffer(schema.BufferT):  # type: ignore[misc]
    """A constant that begins at a multiple of 16 bytes, as the schema wants and as its Python code forgets."""

    def Pack(self, builder: Any) -> int:  # noqa: N802
        """Write it."""
        content = self.data.tobytes()
        builder.StartVector(1, len(content), 16)
        builder.head -= len(content)
        builder.Bytes[builder.head : builder.head + len(content)] = content
        data = builder.EndVector()
        schema.BufferStart(builder)
        schema.BufferAddData(builder, data)
        end: int = schema.BufferEnd(builder)
        return end
