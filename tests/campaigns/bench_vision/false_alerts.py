"""Who is announced where nobody is: the clips that show nobody, and the PETS video with its people painted out."""

from collections.abc import Iterator
from itertools import groupby, islice

import numpy as np

from tests.campaigns.bench_vision.ground_truth import Truth
from tests.campaigns.bench_vision.negatives import clips
from tests.campaigns.bench_vision.row import Row
from tests.campaigns.bench_vision.stage import DEFAULT_BUDGET, RATE, Pixels, Stage
from tests.campaigns.bench_vision.watched import Watched, watch

SHEET = "People announced where there is nobody"
MOST_AN_HOUR = 0.5
_LEAST = 6
"""Frames of a clip."""
_WIDER = 0.5
"""People are painted out with so much of their box on each side."""
_BEYOND = 10
_SAMPLES = 40


def rows(stage: Stage, truth: Truth | None) -> list[Row]:
    """One a kind, and at the end that of all of them."""
    found: dict[str, dict[str, Watched]] = {}
    for kind, each in groupby(clips(), lambda clip: clip.kind):
        chosen = list(each)[: max(stage.effort.quiet // _LEAST, 1)]
        frames = stage.effort.quiet // len(chosen)
        found[kind] = {clip.name: _watched(stage, kind, clip.film(frames), frames) for clip in chosen}
    found["people painted out"] = {"PETS": _watched(stage, "painted", _painted(stage, truth), stage.total)}
    everything = {f"{kind}: {name}": each for kind, of_it in found.items() for name, each in of_it.items()}
    return [*(row_of(kind, of_it) for kind, of_it in found.items()), row_of("all", everything)]


def row_of(kind: str, found: dict[str, Watched]) -> Row:
    """What was announced in clips of one kind, and in how many frames an alarm would name somebody."""
    persons = [count for watched in found.values() for count in watched.persons]
    announced = {name: len(watched.entered) for name, watched in found.items()}
    counted = {name: _share(watched.persons) for name, watched in found.items()}
    seconds, total = len(persons) / RATE, sum(announced.values())
    an_hour = total * 3600 / seconds
    cells = {
        "seconds": f"{seconds:.0f}",
        "announced": str(total),
        "an hour": f"{an_hour:.1f}",
        "frames with somebody": f"{_share(persons):.1%}",
    }
    values = {"an_hour": an_hour, "announced_by_clip": announced, "counted_by_clip": counted}
    target, reached = f"≤ {MOST_AN_HOUR} an hour", an_hour <= MOST_AN_HOUR
    return Row(f"nobody_{kind.replace(' ', '_')}", kind, target, "", reached, values, SHEET, cells)


def beside_accuracy(everything: Row) -> Row:
    """The row of all kinds as it stands in the table of accuracy, which no setting may win by announcing nobody."""
    minutes = float(everything.cells["seconds"]) / 60
    title = f"people announced an hour on {minutes:.0f} minutes that show nobody"
    return Row("negatives", title, everything.target, everything.cells["an hour"], everything.reached)


def _share(persons: list[int]) -> float:
    return sum(count > 0 for count in persons) / max(len(persons), 1)


def _watched(stage: Stage, title: str, pictures: Iterator[Pixels], total: int) -> Watched:
    replay = stage.replay(inferences_per_second=DEFAULT_BUDGET)
    return watch(replay, pictures, lambda done: stage.say(f"nobody: {title}", done, total))


def _painted(stage: Stage, truth: Truth | None) -> Iterator[Pixels]:
    """The PETS video with nobody in it; without its truth, its background with as much noise."""
    total = stage.total
    background = median_background(list(islice(stage.frames(total), 0, None, max(total // _SAMPLES, 1))))
    frames = stage.frames(total)
    return noisy(frames, background) if truth is None else painted_out(frames, background, truth)


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
