"""The TensorFlow half of `edge-agent model build`: a TensorFlow.js graph in, a float32 and an int8 TFLite file out.

A script, run by path in an environment of its own that holds TensorFlow and OpenCV: nothing of the agent
imports it, and it imports nothing of the agent. Its standard output is one JSON object a line:
`{"step": text}` as it goes, and last `{"tensorflow", "python", "frames", "difference"}`. Everything that
TensorFlow says goes to standard error.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tensorflow as tf
from google.protobuf import json_format

SIDE = 224
STRIDE = 4
INPUT = "StatefulPartitionedCall/sub_1"
"""The picture, scaled to -1 to 1."""
OUTPUTS = {
    "StatefulPartitionedCall/center_0/conv2d_4/BiasAdd": 1,
    "StatefulPartitionedCall/box_scale_0/conv2d_5/BiasAdd": 2,
    "StatefulPartitionedCall/box_offset_0/conv2d_6/BiasAdd": 2,
}
"""Logits of centres, sizes and offsets of boxes: all that finds people. What finds their joints is left out."""
TINY = 1e-6
CHECKED_FRAMES = 20
LARGEST_MEAN_DIFFERENCE = 0.05


def say(**values: object) -> None:
    """Print one line for the parent process."""
    print(json.dumps(values), flush=True)


def graph_of(model: Path) -> Any:
    """Return the GraphDef of a TensorFlow.js graph with its weights, without the operations that only the web has."""
    described = json.loads(model.read_text())
    topology = described["modelTopology"]
    weights = weights_of(described["weightsManifest"], model.parent)
    graph = json_format.ParseDict({"versions": topology["versions"]}, tf.compat.v1.GraphDef())
    for described_node in topology["node"]:
        node = json_format.ParseDict(described_node, tf.compat.v1.NodeDef())
        if node.op == "Const":
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(weights[node.name]))
        graph.node.extend(unfused(node))
    return tf.compat.v1.graph_util.extract_sub_graph(graph, list(OUTPUTS))


def weights_of(groups: Any, directory: Path) -> dict[str, Any]:
    """Return every constant by name; those stored as float16 are made float32 again."""
    weights = {}
    for group in groups:
        data, at = b"".join((directory / name).read_bytes() for name in group["paths"]), 0
        for entry in group["weights"]:
            stored = np.dtype(entry.get("quantization", entry)["dtype"])
            count = int(np.prod(entry["shape"]))
            values = np.frombuffer(data, stored, count, at).reshape(entry["shape"])
            weights[entry["name"]] = values.astype(entry["dtype"])
            at += count * stored.itemsize
    return weights


def unfused(node: Any) -> Iterator[Any]:
    """Yield the convolution, the addition and the activation of a node that does all in one, else the node itself."""
    plain = {"_FusedConv2D": "Conv2D", "FusedDepthwiseConv2dNative": "DepthwiseConv2dNative"}.get(node.op)
    if plain is None:
        yield node
        return
    steps = [plain, *(name.decode() for name in node.attr["fused_ops"].list.s)]
    value = ""
    for step in steps:
        made = tf.compat.v1.NodeDef(op=step, name=node.name if step == steps[-1] else f"{node.name}/{step}")
        made.attr["T"].CopyFrom(node.attr["T"])
        if step == plain:
            made.input.extend(node.input[:2])
            for name in ("strides", "padding", "data_format", "dilations"):
                made.attr[name].CopyFrom(node.attr[name])
        else:
            made.input.extend([value, node.input[2]] if step == "BiasAdd" else [value])
        value = made.name
        yield made


def calibration_frames(video: Path, count: int) -> Any:
    """Return at most `count` frames, evenly spread over the video: N x 224 x 224 x 3, RGB, uint8."""
    capture = cv2.VideoCapture(str(video))
    frames: list[Any] = []
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
        sys.exit(f"{video} holds no frame that OpenCV can read")
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(count, len(frames))).astype(int))
    return np.stack([frames[index] for index in chosen])


def equalise(graph: Any, frames: Any) -> None:
    """Bring the channels between two linear layers to like ranges, in place: the network computes the same.

    All channels of a layer share one step of their integers, so a large one would leave the small ones hardly any. What
    one layer divides a channel by, the next one multiplies it with.
    """
    nodes = {node.name: node for node in graph.node}
    users: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    pairs = [
        (node, users[node.name][0])
        for node in graph.node
        if node.op in {"BiasAdd", "DepthwiseConv2dNative"}
        and [user.op for user in users.get(node.name, [])] == ["Conv2D"]
    ]
    ranges = largest_values(graph, [node.name for node, _ in pairs], frames)
    for node, following in pairs:
        weights = nodes[following.input[1]]
        factors = np.sqrt(ranges[node.name] / np.maximum(np.abs(constant(weights)).max((0, 1, 3)), TINY))
        factors = np.maximum(factors / np.exp(np.log(np.maximum(factors, TINY)).mean()), TINY)
        set_constant(weights, constant(weights) * factors[:, np.newaxis])
        if node.op == "BiasAdd":
            before = nodes[nodes[node.input[0]].input[1]]
            set_constant(before, constant(before) / factors)
            set_constant(nodes[node.input[1]], constant(nodes[node.input[1]]) / factors)
        else:
            set_constant(nodes[node.input[1]], constant(nodes[node.input[1]]) / factors[:, np.newaxis])


def largest_values(graph: Any, names: list[str], frames: Any) -> dict[str, Any]:
    """Return the largest absolute value of each channel of these nodes on any of the frames."""
    with tf.Graph().as_default() as loaded, tf.compat.v1.Session(graph=loaded) as session:
        tf.graph_util.import_graph_def(graph, name="")
        largest = [np.zeros(())] * len(names)
        for frame in frames:
            values = session.run([f"{name}:0" for name in names], {f"{INPUT}:0": scaled(frame)})
            largest = [np.maximum(old, np.abs(new).max((0, 1, 2))) for old, new in zip(largest, values, strict=True)]
    return dict(zip(names, largest, strict=True))


def constant(node: Any) -> Any:
    """Return the value of a Const."""
    return tf.make_ndarray(node.attr["value"].tensor)


def set_constant(node: Any, values: Any) -> None:
    """Replace the value of a Const."""
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values.astype(np.float32)))


def scaled(frame: Any) -> Any:
    """Return what the network is fed for a frame: 1 x 224 x 224 x 3, -1 to 1."""
    return ((frame.astype(np.float32) - 127.5) / 127.5)[np.newaxis]


def converter(graph: Path) -> Any:
    """Return a converter of the graph between `INPUT` and `OUTPUTS`."""
    return tf.compat.v1.lite.TFLiteConverter.from_frozen_graph(
        str(graph),
        input_arrays=[INPUT],
        output_arrays=list(OUTPUTS),
        input_shapes={INPUT: [1, SIDE, SIDE, 3]},
    )


def to_float32(graph: Path) -> bytes:
    """Convert the network as it was trained."""
    return bytes(converter(graph).convert())


def to_int8(graph: Path, frames: Any) -> bytes:
    """Convert to integers throughout, with ranges taken from `frames`; the model takes uint8 and gives float32."""

    def samples() -> Iterator[list[Any]]:
        for frame in frames:
            yield [scaled(frame)]

    made = converter(graph)
    made.optimizations = [tf.lite.Optimize.DEFAULT]
    made.representative_dataset = samples
    made.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    made.inference_input_type = tf.uint8
    made.inference_output_type = tf.float32
    return bytes(made.convert())


def person_scores(model: bytes, frames: Any) -> Any:
    """Check the model's outputs, and return the score of a person in every cell of every frame."""
    interpreter = tf.lite.Interpreter(model_content=model, num_threads=os.cpu_count())
    interpreter.allocate_tensors()
    (entry,) = interpreter.get_input_details()
    outputs = interpreter.get_output_details()
    shapes = [tuple(output["shape"]) for output in outputs]
    cells = SIDE // STRIDE
    if shapes != [(1, cells, cells, depth) for depth in OUTPUTS.values()]:
        sys.exit(f"the converted model gives {shapes}, which is not a grid of {cells} x {cells} centres")
    scores = []
    for frame in frames:
        pixels = scaled(frame) if entry["dtype"] is np.float32 else frame[np.newaxis]
        interpreter.set_tensor(entry["index"], pixels)
        interpreter.invoke()
        logits = interpreter.get_tensor(outputs[0]["index"])
        scores.append(1 / (1 + np.exp(-logits.astype(np.float64))))
    return np.stack(scores)


def main() -> None:
    """Convert, compare, and only then write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graph", type=Path, required=True)
    parser.add_argument("--calibration", type=Path, required=True)
    parser.add_argument("--frames", type=int, required=True)
    parser.add_argument("--check", type=Path, required=True)
    parser.add_argument("--float32", type=Path, required=True)
    parser.add_argument("--int8", type=Path, required=True)
    options = parser.parse_args()

    say(step="Reading the graph and the calibration frames")
    frames = calibration_frames(options.calibration, options.frames)
    graph, written = graph_of(options.graph), options.int8.with_suffix(".pb")

    say(step="Converting to float32")
    written.write_bytes(graph.SerializeToString())
    float32 = to_float32(written)
    say(step=f"Converting to int8, calibrated on {len(frames)} frames")
    equalise(graph, frames[::5])
    written.write_bytes(graph.SerializeToString())
    int8 = to_int8(written, frames)
    say(step="Comparing the two")
    sample = calibration_frames(options.check, CHECKED_FRAMES)
    reference = person_scores(float32, sample)
    seen = reference > 0.1  # elsewhere both say nothing, which would hide any difference in the mean
    difference = float(np.abs(reference - person_scores(int8, sample))[seen].mean()) if seen.any() else 0.0
    if not difference <= LARGEST_MEAN_DIFFERENCE:
        sys.exit(f"the int8 model scores {difference:.3f} apart from the float32 one: try another video")
    options.float32.write_bytes(float32)
    options.int8.write_bytes(int8)
    say(
        tensorflow=tf.__version__,
        python=platform.python_version(),
        frames=len(frames),
        difference=round(difference, 4),
    )


if __name__ == "__main__":
    main()
