"""The least that looks for people: OpenCV and the interpreter, without a line of the agent.

Run as `python tests/campaigns/bench/bare_look.py VIDEO MODEL THREADS NICENESS PLACES`; PLACES is JSON: regions, which
are looked at again and again. A request `{"frames": N}` or `{"seconds": S}` reads the video on, looks, and answers with
looks, inferences and seconds. With `{"regions": R, "read": F}` a look is at so many regions, and at the last of so many
frames, on average; else at one of one.
"""

import itertools
import json
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

import cv2


class BareLook:
    """A model, and the preprocessing that it needs, for one thread."""

    def __init__(self, model: str, threads: int) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415
        except ImportError:
            from tflite_runtime.interpreter import Interpreter  # noqa: PLC0415
        cv2.setNumThreads(1)
        self._interpreter = Interpreter(model_path=model, num_threads=threads)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]
        self._outputs = self._interpreter.get_output_details()
        _, height, width, _ = self._input["shape"]
        self._size = (int(width), int(height))

    def look(self, pixels: Any) -> list[Any]:
        """Scale, turn BGR into RGB, infer; the raw outputs of a model that takes bytes."""
        scaled = cv2.resize(pixels, self._size, interpolation=cv2.INTER_LINEAR)
        rgb = cv2.cvtColor(scaled, cv2.COLOR_BGR2RGB)
        self._interpreter.set_tensor(self._input["index"], rgb[None])
        self.infer()
        return [self._interpreter.get_tensor(output["index"]) for output in self._outputs]

    def infer(self) -> None:
        """One inference of what the input holds, and nothing else."""
        self._interpreter.invoke()

    def look_at(self, pixels: Any, regions: Sequence[tuple[int, int, int, int]]) -> list[list[Any]]:
        """Look at these parts of a picture; a region is left, top, width, height."""
        return [
            self.look(pixels[max(top, 0) : top + high, max(left, 0) : left + wide])  # one may begin before the picture
            for left, top, wide, high in regions
        ]


def main() -> None:
    """Answer until the input ends."""
    video, model, threads, niceness = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    places = itertools.cycle(json.loads(sys.argv[5]))
    os.nice(niceness)
    bare = BareLook(model, threads)
    capture = cv2.VideoCapture(video, cv2.CAP_FFMPEG)

    def read() -> Any:
        nonlocal capture
        good, pixels = capture.read()
        if not good:
            capture = cv2.VideoCapture(video, cv2.CAP_FFMPEG)
            good, pixels = capture.read()
        return pixels

    def run(request: dict[str, Any]) -> dict[str, Any]:
        looks = inferences = frames = 0
        began = time.perf_counter()
        while looks < request.get("frames", 10**9) and time.perf_counter() - began < request.get("seconds", 60):
            looks += 1
            pixels = read()
            for _ in range(round(looks * request.get("read", 1)) - frames - 1):
                pixels = read()
            frames = max(round(looks * request.get("read", 1)), looks)
            regions = round(looks * request.get("regions", 1)) - inferences
            bare.look_at(pixels, list(itertools.islice(places, regions)))
            inferences += regions
        return {"looks": looks, "inferences": inferences, "seconds": time.perf_counter() - began}

    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
