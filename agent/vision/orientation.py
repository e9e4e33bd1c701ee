"""Tells whether a camera is mounted sideways or upside down: the model finds upright people in the turned picture only.

One model finds nobody in a picture that lies on its side, another finds them as boxes that are wider than high.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.ports import Detection
from agent.vision.regions import Region, step_of

Pixels = npt.NDArray[np.uint8]
Place = tuple[float, float, float]
"""The middle of a person and their size, in pixels of the picture."""

_EVERY_NS = 3_300_000_000
_MOST_SHARE = 0.1
"""A region is looked at turned so often at most, but by no more than this share of the inferences."""
_FRESH_NS = 1_000_000_000
"""A region in which the model has found nobody is looked at turned within this time."""
_WINDOW_NS = 60_000_000_000
_SURE = 0.6
"""The score from which a person counts..."""
_TALL = 1.2
"""...if their box is so many times as high as wide."""
_FEW = 2
"""With so many people upright in a frame, no turned region is looked at."""
_PLACES = 3
"""People must be found in a turned picture at so many places: one could be lying on the ground."""
_TIMES = 2
"""And at so many times as many as there were people upright."""
_QUARTERS = (1, 3, 2)
"""Quarter turns against the clock that are tried, one after the other."""


@dataclass(frozen=True, slots=True)
class _Trial:
    """What one turned region has shown, and how many people the same frame, or one shortly before it, upright."""

    at_ns: int
    quarters: int
    places: tuple[Place, ...]
    upright: int


class Orientation:
    """Looks at a turned region every few seconds, while something is looked at and few are found. One thread.

    For each frame: `wish`, then `learn`, then `looked`.
    """

    def __init__(self, inferences_per_second: float) -> None:
        self._every_ns = max(_EVERY_NS, round(1e9 / (_MOST_SHARE * inferences_per_second)))
        self._trials: deque[_Trial] = deque()
        self._tried_ns: int | None = None
        self._empty: tuple[Region, int] | None = None
        """A region in which nobody upright was found, and when."""
        self._upright = 0
        self._next = 0
        self.quarters = 0
        """How many quarter turns against the clock the picture seems to need; 0 if it seems to be upright."""

    def wish(self, boottime_ns: int) -> list[Region]:
        """Return the region of the frame captured at `boottime_ns` that should be looked at turned, if any."""
        if self._empty is None or (self._tried_ns is not None and 0 <= boottime_ns - self._tried_ns < self._every_ns):
            return []
        region, at_ns = self._empty
        return [region] if 0 <= boottime_ns - at_ns <= _FRESH_NS else []

    def turned(self, shown: Pixels) -> Pixels:
        """Return what a region shows, H x W x 3, turned as it is to be looked at."""
        return np.ascontiguousarray(np.rot90(shown, _QUARTERS[self._next]))

    def looked(self, by_region: Iterable[tuple[Region, Sequence[Detection]]], boottime_ns: int) -> None:
        """Take in what the upright regions of a frame have shown that were looked at because something moves there; the
        boxes are in pixels of their region."""
        shown = [(region, sum(_is_upright(box) for box in boxes)) for region, boxes in by_region]
        if not shown:
            return
        self._upright = sum(count for _, count in shown)
        empty = [region for region, count in shown if not count]
        self._empty = (empty[0], boottime_ns) if empty and self._upright < _FEW else None
        if self._empty is None and (self._tried_ns is None or boottime_ns - self._tried_ns >= self._every_ns):
            self._judge(_Trial(boottime_ns, 0, (), self._upright))

    def learn(self, regions: Sequence[Region], found: Sequence[Sequence[Detection]], boottime_ns: int) -> None:
        """Take in what the turned region has shown, if it was looked at; the boxes are in pixels of what `turned` has
        returned."""
        for region, boxes in zip(regions, found, strict=True):
            quarters = _QUARTERS[self._next]
            places = tuple(_place(box, region, quarters) for box in boxes if _is_upright(box))
            if not places:
                self._next = (self._next + 1) % len(_QUARTERS)
            self._judge(_Trial(boottime_ns, quarters, places, self._upright))

    def _judge(self, trial: _Trial) -> None:
        self._tried_ns = trial.at_ns
        trials = self._trials
        if trials and trial.at_ns < trials[-1].at_ns:  # the camera's clock was set back
            trials.clear()
        trials.append(trial)
        while trials[0].at_ns <= trial.at_ns - _WINDOW_NS:
            trials.popleft()
        upright = sum(each.upright for each in trials)
        places = {quarters: _distinct(trials, quarters) for quarters in _QUARTERS}
        best = max(places, key=lambda quarters: places[quarters])
        if places[best] >= max(_PLACES, _TIMES * upright):
            self.quarters = best
        elif upright > places[best]:
            self.quarters = 0


def _is_upright(box: Detection) -> bool:
    return box.score >= _SURE and box.height >= _TALL * box.width


def _place(box: Detection, region: Region, quarters: int) -> Place:
    step = step_of(region)
    left, top, width, height = region
    x, y = step * (box.left + box.width / 2), step * (box.top + box.height / 2)
    x, y = {1: (width - y, x), 2: (width - x, height - y), 3: (y, height - x)}[quarters]
    return left + x, top + y, step * max(box.width, box.height)


def _distinct(trials: Iterable[_Trial], quarters: int) -> int:
    """Return the number of places in pictures turned so that are at least half a person apart."""
    kept: list[Place] = []
    for trial in trials:
        for x, y, size in trial.places if trial.quarters == quarters else ():
            if all(math.hypot(x - other_x, y - other_y) > size / 2 for other_x, other_y, _ in kept):
                kept.append((x, y, size))
    return len(kept)
