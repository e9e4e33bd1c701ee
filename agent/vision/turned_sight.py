"""Looks for people who have fallen. The models know upright people only, so the picture is turned for them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from agent.core.analytics.fall import UPRIGHT
from agent.core.analytics.tracks import TrackedPerson, is_cut, shape
from agent.ports import Detection, Detector, Frame
from agent.vision.regions import Region, cut_out
from agent.vision.sight import FindsPeople, Seen

Pixels = npt.NDArray[np.uint8]

SHARE = 0.1
"""Share of the inferences that is set aside for looks for the fallen, whether or not somebody may have fallen."""
_STOOD_NS = 1_000_000_000
"""How long somebody must have been seen upright; what comes and goes has not fallen."""
_MISSED_NS = 500_000_000
"""So long after they were last seen upright they may have fallen."""
_SOUGHT_NS = 8_000_000_000
"""How long they are looked for, and how long after they were last found lying they are given up."""
_HELD_NS = 4_000_000_000
"""So long after they were last found lying they still count as there, but hidden."""
_SIDE = 1.7
"""Side of the region in heights of the person."""
_HEIGHTS = (0.5, 1.4)
"""Whoever lies is so long, in heights of the one who stood there."""
_TO_THE_RIGHT, _TO_THE_LEFT = 1, -1
"""Where their head is; also the quarter turns, against the clock, after which they stand upright."""


@dataclass(slots=True)
class _Stood:
    """Somebody who was upright, in pixels."""

    x: float
    foot: float
    height: float
    first_ns: int
    last_ns: int
    side: int = _TO_THE_RIGHT
    """Which side to look at next."""
    looked_ns: int = 0
    lying: Detection | None = None
    """As the last look that found them lying showed them."""
    lying_ns: int = 0
    missed: bool = False
    """Whether the last look has not found them."""


class TurnedSight:
    """Another Sight, and beside what that sees the people who lie where they stood. One thread.

    Whoever is lost where they stood for a second is looked for with the picture turned by a quarter, to one side and
    the other in turn. They keep the number of their track.
    """

    def __init__(
        self,
        sight: FindsPeople,
        detector: Detector,
        repaired: Callable[[Pixels], Pixels],
        *,
        score_threshold: float,
        inferences_per_second: float,
    ) -> None:
        """`repaired(picture)` returns what a region shows, repaired for the model. `inferences_per_second` are for
        these looks alone."""
        self._sight = sight
        self._detector = detector
        self._repaired = repaired
        self._threshold = score_threshold
        self._period_ns = round(1e9 / inferences_per_second)
        self._next_ns = 0
        self._size = (0, 0)
        self._stood: dict[int, _Stood] = {}

    def process(self, frame: Frame) -> Seen:
        """Process the next frame. Raises ModelError."""
        seen = self._sight.process(frame)
        height, width = frame.pixels.shape[:2]
        if self._size != (width, height):
            self._size = (width, height)
            self._stood = {}
        now_ns = frame.boottime_ns
        shown = {person.id for person in seen.people if person.seen}
        for person in seen.people:
            self._note(person, width, height, now_ns)
        self._stood = {number: one for number, one in self._stood.items() if _is_sought(one, now_ns)}
        lost = [one for number, one in self._stood.items() if number not in shown and _has_gone(one, now_ns)]
        regions, found = self._look(frame, lost)
        down = {
            number: _person(number, one.lying, width, height, seen=not one.missed)
            for number, one in self._stood.items()
            if one.lying is not None and number not in shown and now_ns - one.lying_ns <= _HELD_NS
        }
        others = [person for person in seen.people if person.id not in down]
        return replace(
            seen,
            people=(*others, *down.values()),
            detections=(*seen.detections, *found),
            regions=(*seen.regions, *regions),
        )

    def _note(self, person: TrackedPerson, width: int, height: int, now_ns: int) -> None:
        if not person.seen:
            return
        if shape(person.box, width / height) < UPRIGHT or is_cut(person.box):
            return
        (x, foot), tall = person.foot, person.box[3] * height
        before = self._stood.get(person.id)
        first_ns = now_ns if before is None else before.first_ns
        self._stood[person.id] = _Stood(x * width, foot * height, tall, first_ns, now_ns)

    def _look(self, frame: Frame, lost: Sequence[_Stood]) -> tuple[list[Region], list[Detection]]:
        """Look for one of them if it is time, and return where, and who was found."""
        now_ns = frame.boottime_ns
        if not lost or 0 < self._next_ns - now_ns <= self._period_ns:
            return [], []
        self._next_ns = now_ns + self._period_ns
        one = min(lost, key=lambda each: each.looked_ns)
        one.looked_ns = now_ns
        height, width = frame.pixels.shape[:2]
        region = _region(one, width, height)
        picture = np.ascontiguousarray(np.rot90(self._repaired(cut_out(frame.pixels, region)), one.side))
        lying = max(
            (each for each in self._detector.detect([picture])[0] if self._fits(each, one)),
            key=lambda each: each.score,
            default=None,
        )
        one.missed = lying is None
        if lying is None:
            one.side = one.side if one.lying is not None else -one.side
            return [region], []
        one.lying, one.lying_ns = _turned_back(lying, region, one.side), now_ns
        return [region], [one.lying]

    def _fits(self, box: Detection, one: _Stood) -> bool:
        least, most = _HEIGHTS
        is_as_long = least * one.height <= box.height <= most * one.height
        return box.score >= self._threshold and is_as_long and box.height >= UPRIGHT * box.width


def _is_sought(one: _Stood, now_ns: int) -> bool:
    return 0 <= now_ns - max(one.last_ns, one.lying_ns) <= _SOUGHT_NS


def _has_gone(one: _Stood, now_ns: int) -> bool:
    return one.last_ns - one.first_ns >= _STOOD_NS and now_ns - one.last_ns >= _MISSED_NS


def _region(one: _Stood, width: int, height: int) -> Region:
    side = min(math.ceil(_SIDE * one.height), width, height)
    x, y = one.x + one.side * one.height / 2, one.foot - 0.2 * one.height
    if one.lying is not None:
        x, y = one.lying.left + one.lying.width / 2, one.lying.top + one.lying.height / 2
    left = min(max(round(x - side / 2), 0), width - side)
    return left, min(max(round(y - side / 2), 0), height - side), side, side


def _turned_back(box: Detection, region: Region, side: int) -> Detection:
    """Return where in the picture a box of the turned region is."""
    left, top, size, _ = region
    if side == _TO_THE_RIGHT:
        x, y = size - box.top - box.height, box.left
    else:
        x, y = box.top, size - box.left - box.width
    return Detection(left + x, top + y, box.height, box.width, box.score, box.body)


def _person(number: int, box: Detection, width: int, height: int, *, seen: bool) -> TrackedPerson:
    place = (box.left / width, box.top / height, box.width / width, box.height / height)
    return TrackedPerson(number, place, box.score, seen=seen)
