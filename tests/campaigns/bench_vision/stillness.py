"""How soon somebody is found after the start, and how soon a scene in which nothing moves costs nothing."""

import time
from collections.abc import Sequence
from itertools import repeat
from typing import Any

from deploy.lab.replay import Replay
from tests.campaigns.bench_vision.ground_truth import Truth, iou
from tests.campaigns.bench_vision.row import Row
from tests.campaigns.bench_vision.stage import RATE, Pixels, Stage
from tests.campaigns.bench_vision.watched import Watched, watch

LATEST_FIRST, LATEST_STILL = 3, 20
MOST_STILL_SHARE = 0.08
_SWEEP_FRAMES = round(5 * RATE)
"""In so many frames a still scene may cost one inference."""
_LAST = 100
_LEAST_IOU = 0.5


def found_row(truth: Truth | None, watched: Watched) -> Row:
    """The first frame in which somebody who is there is reported."""
    first = next((line["frame"] for line in watched.lines if _finds(truth, line)), None)
    return Row(
        "start",
        "frames at start until a person in view is found",
        f"≤ {LATEST_FIRST}",
        "never" if first is None else str(first),
        first is not None and first <= LATEST_FIRST,
        {"frame": first},
    )


def _finds(truth: Truth | None, line: dict[str, Any]) -> bool:
    if truth is None:
        return bool(line["tracks"])
    people = truth.at(line["frame"]).values()
    return any(iou(box, track["box"]) >= _LEAST_IOU for box in people for track in line["tracks"])


def frames_until_still(inferences: Sequence[int]) -> int | None:
    """How many frames pass before a still scene costs one inference in 5 s at most; None if it never does so."""
    for settled in range(len(inferences) - _SWEEP_FRAMES + 1):
        rest = inferences[settled:]
        if all(sum(rest[start : start + _SWEEP_FRAMES]) <= 1 for start in range(len(rest) - _SWEEP_FRAMES + 1)):
            return settled
    return None


def still_rows(stage: Stage, replay: Replay, *, last: Pixels, first: Pixels) -> list[Row]:
    """`replay` has just looked at the video and sees its last frame on; another sees the first from the start."""
    total = stage.effort.still
    runs = {
        "last frame repeated": (replay, last),
        "first frame from the start": (stage.replay(), first),
    }
    until: dict[str, int | None] = {}
    spent_ms: dict[str, float] = {}
    for name, (eyes, pixels) in runs.items():
        tell = lambda done, name=name: stage.say(name, done, total)  # noqa: E731
        watched = watch(eyes, repeat(pixels, total), tell)
        until[name] = frames_until_still(watched.inferences)
        both = zip(watched.inference_ms[-_LAST:], watched.other_ms[-_LAST:], strict=True)
        spent_ms[name] = sum(map(sum, both)) / len(watched.other_ms[-_LAST:])
    worst = [frames for frames in until.values() if frames is not None]
    settled = len(worst) == len(until) and max(worst) <= LATEST_STILL
    words = ", ".join(f"{name}: {'never' if frames is None else frames}" for name, frames in until.items())
    whole_ms = _whole_ms(stage, first)
    share = max(spent_ms.values()) / whole_ms
    return [
        Row(
            "still",
            "frames until a still scene costs only the sweep",
            f"≤ {LATEST_STILL}",
            words,
            settled,
            {"until": until},
        ),
        Row(
            "still_processor",
            "processor time of a still scene, beside one inference a frame",
            f"≤ {MOST_STILL_SHARE:.0%}",
            f"{share:.1%}",
            share <= MOST_STILL_SHARE,
            {"ms_a_frame": spent_ms, "bare_ms_a_frame": whole_ms},
        ),
    ]


def _whole_ms(stage: Stage, pixels: Pixels) -> float:
    """Processor time of a bare look at the whole of each frame."""
    bare = stage.bare(threads=0)
    bare.look(pixels)
    began_s = time.process_time()
    for _ in range(_LAST):
        bare.look(pixels)
    return (time.process_time() - began_s) / _LAST * 1000
