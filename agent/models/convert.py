"""The TensorFlow half of `edge-agent model build`: a frozen graph in, a float32 and an int8 TFLite file out.

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

SIDE = 300
ANCHORS = 1917
CHECKED_FRAMES = 5
LARGEST_MEAN_DIFFERENCE = 0.05


def say(**values: object) -> None:
    """Print one line for the parent process."""
    print(json.dumps(values), flush=True)


def calibration_frames(video: Path, count: int) -> Any:
    """Return at most `count` frames, evenly spread over the video: N x 300 x 300 x 3, RGB, uint8."""
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


def converter(graph: Path) -> Any:
    """Return a converter that cuts the graph after its resizing and before its postprocessing."""
    return tf.compat.v1.lite.TFLiteConverter.from_frozen_graph(
        str(graph),
        input_arrays=["Preprocessor/sub"],
        output_arrays=["Squeeze", "concat_1"],
        input_shapes={"Preprocessor/sub": [1, SIDE, SIDE, 3]},
    )


def to_float32(graph: Path) -> bytes:
    """Convert the network as it was trained."""
    return bytes(converter(graph).convert())


def to_int8(graph: Path, frames: Any) -> bytes:
    """Convert to integers throughout, with ranges taken from `frames`; the model takes uint8 and gives float32."""

    def samples() -> Iterator[list[Any]]:
        for frame in frames:
            yield [((frame.astype(np.float32) - 127.5) / 127.5)[np.newaxis]]

    made = converter(graph)
    made.optimizations = [tf.lite.Optimize.DEFAULT]
    made.representative_dataset = samples
    made.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    made.inference_input_type = tf.uint8
    made.inference_output_type = tf.float32
    return bytes(made.convert())


def person_scores(model: bytes, frames: Any) -> Any:
    """Check the model's shapes, and return the score of `person` at every anchor of every frame."""
    interpreter = tf.lite.Interpreter(model_content=model, num_threads=os.cpu_count())
    interpreter.allocate_tensors()
    (entry,) = interpreter.get_input_details()
    by_shape = {tuple(output["shape"]): output["index"] for output in interpreter.get_output_details()}
    if set(by_shape) != {(1, ANCHORS, 4), (1, ANCHORS, 2)}:
        sys.exit(f"the converted model gives {sorted(by_shape)}, which is not an SSD of {ANCHORS} anchors")
    scores = []
    for frame in frames:
        pixels = frame[np.newaxis]
        if entry["dtype"] is np.float32:
            pixels = (pixels.astype(np.float32) - 127.5) / 127.5
        interpreter.set_tensor(entry["index"], pixels)
        interpreter.invoke()
        raw = interpreter.get_tensor(by_shape[1, ANCHORS, 2])[0, :, 1]
        scores.append(1 / (1 + np.exp(-raw.astype(np.float64))))
    return np.stack(scores)


def main() -> None:
    """Convert, compare, and only then write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graph", type=Path, required=True)
    parser.add_argument("--video", type=Path, required=True)
    parser.add_argument("--frames", type=int, required=True)
    parser.add_argument("--float32", type=Path, required=True)
    parser.add_argument("--int8", type=Path, required=True)
    options = parser.parse_args()

    say(step="Reading calibration frames")
    frames = calibration_frames(options.video, options.frames)

    say(step="Converting to float32")
    float32 = to_float32(options.graph)
    say(step=f"Converting to int8, calibrated on {len(frames)} frames")
    int8 = to_int8(options.graph, frames)
    say(step="Comparing the two")
    sample = frames[:: max(1, len(frames) // CHECKED_FRAMES)][:CHECKED_FRAMES]
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
