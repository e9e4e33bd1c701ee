"""What is announced where nobody is: trees in the wind, and the PETS video with its people painted out."""

from collections.abc import Iterator
from itertools import chain, islice, repeat
from pathlib import Path

import numpy as np

from deploy.lab.opencv_video import VideoFile
from tests.campaigns.bench_vision.ground_truth import Truth
from tests.campaigns.bench_vision.row import Row
from tests.campaigns.bench_vision.stage import RATE, Pixels, Stage
from tests.campaigns.bench_vision.watched import watch

_WIDER = 0.5
"""People are painted out with so much of their box on each side."""
_BEYOND = 10
_SAMPLES = 40


def tree_row(stage: Stage, tree: Path) -> Row:
    """The video of a tree, again and again."""
    total = stage.effort.quiet
    name = ("tree", f"alerts on {total / RATE / 60:.0f} minutes of tree.avi", "0")
    pictures = islice(chain.from_iterable(repeat(VideoFile(tree))), total)
    watched = watch(stage.replay(), pictures, lambda done: stage.say("tree.avi", done, total))
    return Row(
        *name, str(len(watched.alerts)), not watched.alerts, {"alerts": watched.alerts, **_cost(watched.inferences)}
    )


def painted_row(stage: Stage, truth: Truth | None) -> Row:
    """The PETS video with nobody in it."""
    total = stage.total
    background = median_background(list(islice(stage.frames(total), 0, None, max(total // _SAMPLES, 1))))
    if truth is None:
        pictures, title = noisy(stage.frames(total), background), "the background of PETS with its noise"
    else:
        pictures, title = painted_out(stage.frames(total), background, truth), "PETS with its people painted out"
    watched = watch(stage.replay(), pictures, lambda done: stage.say(title, done, total))
    return Row(
        "painted",
        f"alerts on {title}",
        "0",
        str(len(watched.alerts)),
        not watched.alerts,
        {"alerts": watched.alerts, **_cost(watched.inferences)},
    )


def median_background(pictures: list[Pixels]) -> Pixels:
    """What is there most of the time."""
    return np.asarray(np.median(np.stack(pictures), axis=0), np.uint8)


def painted_out(frames: Iterator[Pixels], background: Pixels, truth: Truth) -> Iterator[Pixels]:
    """Everybody is replaced by what is behind them; all else moves and flickers as it does."""
    height, width = background.shape[:2]
    for number, pixels in enumerate(frames, start=1):
        painted = pixels.copy()
        for left, top, across, down in truth.at(number, beyond=_BEYOND).values():
            x, y = max(round(left - _WIDER * across), 0), max(round(top - _WIDER * down), 0)
            right = min(round(left + (1 + _WIDER) * across), width)
            bottom = min(round(top + (1 + _WIDER) * down), height)
            painted[y:bottom, x:right] = background[y:bottom, x:right]
        yield painted


def noisy(frames: Iterator[Pixels], background: Pixels) -> Iterator[Pixels]:
    """The background, with as much noise as there is between two frames of the video."""
    random = np.random.default_rng(1)
    before: Pixels | None = None
    for pixels in frames:
        change = np.zeros(1) if before is None else pixels.astype(np.int16) - before
        deviation = float(np.median(np.abs(change))) * 1.4826 / 2**0.5
        yield np.clip(background + random.normal(0, max(deviation, 0.5), background.shape), 0, 255).astype(np.uint8)
        before = pixels


def _cost(inferences: list[int]) -> dict[str, float]:
    return {"inferences_per_frame": sum(inferences) / len(inferences)}
