"""What runs on the emulated processor: imports, then a look at a real picture. It tells all in JSON lines.

Started by the package's own interpreter with -I, so only the package's environment is there. The host, too, runs
`decoded` and `look`.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

MODEL = "movenet-person-int8"
PICTURE = 66
"""A picture of the demo video with several people in it, and late enough that most of it comes from earlier ones."""
SCORE_THRESHOLD = 0.5
TOP, LEFT, SIDE = 100, 200, 300
"""The part of it at which the model looks, as large as a camera's regions."""

Tell = Callable[[dict[str, Any]], None]


def import_all(names: Sequence[str], tell: Tell) -> None:
    """Import each module; what can't be imported is told and passed over. A crash leaves its name as the last line."""
    for name in names:
        tell({"trying": f"to import {name}"})
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what was looked for
            tell({"failed": name, "error": f"{type(error).__name__}: {error}"})


def decoded(video: Path, number: int = PICTURE) -> Any:
    """One picture of `video`: BGR, height x width x 3, uint8."""
    import cv2  # noqa: PLC0415

    capture = cv2.VideoCapture(str(video))
    for _ in range(number):
        capture.grab()
    good, pixels = capture.read()
    assert good, f"{video} has no picture {number}"
    return pixels


def difference(one: Any, other: Any) -> float:
    """Mean difference of the values of two pictures, 0 to 255."""
    return float(abs(one.astype("int16") - other).mean())


def look(picture: Any, models: Path) -> list[list[float]]:
    """People in a part of a BGR picture, as the agent finds them with a model of the directory `models`, best first.

    Each is left, top, width, height in pixels of that part, and a score of 0 to 1.
    """
    from agent.vision.loaded_model import load_model  # noqa: PLC0415

    loaded = load_model(MODEL, [str(models)], threads=1, score_threshold=SCORE_THRESHOLD)
    people = loaded.detector.detect([picture[TOP : TOP + SIDE, LEFT : LEFT + SIDE]])[0]
    return [[one.left, one.top, one.width, one.height, one.score] for one in people]


def main(arguments: Sequence[str]) -> None:
    """`NAMES VIDEO PICTURE MODELS`: a module a line, the video, its picture as the host decodes it, a directory."""
    names, video, picture, models = map(Path, arguments)
    told = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # libraries may print

    def tell(line: dict[str, Any]) -> None:
        print(json.dumps(line), file=told, flush=True)

    listed, began_s = names.read_text().split(), time.monotonic()
    import_all(listed, tell)
    tell({"imported": len(listed), "seconds": time.monotonic() - began_s})
    tell({"trying": f"to decode {video.name}"})
    import numpy as np  # noqa: PLC0415 - its import is what was tried

    theirs = np.load(picture)
    tell({"decoded": difference(decoded(video), theirs)})
    tell({"trying": f"to load {MODEL} and to look"})
    began_s = time.monotonic()
    tell({"seen": look(theirs, models), "seconds": time.monotonic() - began_s})


if __name__ == "__main__":
    main(sys.argv[1:])
