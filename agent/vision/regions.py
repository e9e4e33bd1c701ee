"""Where the model looks: squares at the picture's own resolution, chosen for what they are expected to show.

A region shows a person well if it is about two to four times as high as the person. So each wish has a height, and
the choice is greedy: the region that is expected to show most, then the one that adds most to it, and so on.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Pixels = npt.NDArray[np.uint8]
Region = tuple[int, int, int, int]
"""Left, top, width, height in pixels. One that is larger than the picture has a negative left or top: see `whole`."""

_TIMES = (1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.5)
"""Side of the region divided by the person's height. For each of these, how well a person is found who is..."""
_PLAIN = (0.4, 0.9, 1.0, 1.0, 1.0, 0.97, 0.93, 0.6, 0.0)
"""...plainly in view: measured on PETS with SSDLite, the model before MoveNet, with a region around each person."""
_HARD = (0.7, 1.0, 0.9, 0.75, 0.6, 0.45, 0.3, 0.1, 0.0)
"""...half hidden, or missed at the last look."""
_SMALLEST_TIMES = 2.5
"""Smaller regions show less for the same price, though what they show is found a little better."""
_STEP = 1.18
"""Ratio of one size of region to the next smaller one."""
_SMALLEST_PX = 64
_MOST = 24
"""Only this many wishes, the weightiest, are compared; with more, choosing would cost as much as an inference."""
_GRID_PX = 4
"""Regions begin on multiples of this, or end at the edge of the picture."""
_BEYOND = 114
"""The grey around a picture that is smaller than its region."""
_PLENTY_PX = 900
"""Copies of a picture are thinned out towards this side: a model sees no more."""
_SMALL_TIMES = 4.0
"""A region larger than the picture is only for people at least as high as its side divided by this."""
_SHOWN = 0.6
_LEFT_OVER = 0.05
"""What another region is worth for a person who is already shown well."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Something that is worth a look."""

    left: float
    top: float
    right: float
    bottom: float
    """Pixels; the region must hold all of it."""
    person_px: float
    """How high a person is there, in pixels."""
    weight: float
    """What finding it is worth; 1 is a person who was there a moment ago."""
    hard: float = 0.0
    """0: plain; 1: hard to see."""


def choose_regions(wishes: Sequence[Wish], width: int, height: int, most: int, least_gain: float) -> list[Region]:
    """Choose at most `most` regions of a picture of this size, best first, none that gains less than `least_gain`."""
    if not wishes or most <= 0:
        return []
    best = sorted(wishes, key=lambda wish: -wish.weight)[:_MOST]
    boxes = np.array([(wish.left, wish.top, wish.right, wish.bottom) for wish in best])
    boxes = np.minimum(np.maximum(boxes, 0), (width, height, width, height))
    corners = boxes.tolist()
    heights = np.array([wish.person_px for wish in best])
    hard = np.array([wish.hard for wish in best])
    sides = _sides(boxes, heights, width, height)
    # A person too small even for the smallest region is seen in that one or not at all.
    times = sides[:, None] / np.maximum(heights, min(_SMALLEST_PX, width, height) / 4)
    worth = np.interp(times, _TIMES, _PLAIN) * (1 - hard) + np.interp(times, _TIMES, _HARD) * hard
    # Any square can be moved until its left and top touch a box without losing one, so no other is tried.
    across = _reaches(boxes[:, 0], boxes[:, 2], sides, width)
    down = _reaches(boxes[:, 1], boxes[:, 3], sides, height)
    worth = (worth[:, None, None, :] * across[:, :, None, :] * down[:, None, :, :]).reshape(-1, len(best))
    weights = [wish.weight for wish in best]
    regions: list[Region] = []
    while len(regions) < most:
        index = int((worth @ np.array(weights)).argmax())
        shares = worth[index].tolist()
        gains = [share * weight for share, weight in zip(shares, weights, strict=True)]
        if sum(gains) < least_gain:
            break
        least = min(_LEFT_OVER, max(gains) / 2)
        shown = [corner for corner, gain in zip(corners, gains, strict=True) if gain > least]
        region = _centred(shown, int(sides[index // len(best) ** 2]), width, height)
        if region not in regions:  # a second look at the same pixels would say the same
            regions.append(region)
            weights = [
                weight * (_LEFT_OVER if share > _SHOWN else 1 - 0.9 * share)
                for share, weight in zip(shares, weights, strict=True)
            ]
        worth[index] = 0
    return regions


def square(centre_x: float, centre_y: float, side: int, width: int, height: int) -> Region:
    """Return a square around a point, moved into the picture; it is never empty, and touches an edge it is moved to."""
    side = max(min(side, width, height), 1)
    return _begin(centre_x - side / 2, width - side), _begin(centre_y - side / 2, height - side), side, side


def whole(side: int, width: int, height: int) -> Region:
    """Return a square with the whole picture in its middle. `side` is limited to one to two times what that needs."""
    side = min(max(side, width, height, 1), 2 * max(width, height, 1))
    return (width - side) // 2, (height - side) // 2, side, side


def shows(region: Region, person_px: float, width: int, height: int) -> bool:
    """Whether the region is made to show people of this height: one larger than the picture is for people nearby."""
    return region[2] <= min(width, height) or region[2] <= _SMALL_TIMES * person_px


def step_of(region: Region) -> int:
    """Return n if `cut_out` shows every n-th pixel of the region."""
    left, top, side, _ = region
    return 1 if left >= 0 and top >= 0 else max(side // _PLENTY_PX, 1)


def cut_out(picture: Pixels, region: Region) -> Pixels:
    """Return what the region shows, height x width x 3: a view of the picture, or a copy of it with grey around."""
    left, top, width, height = region
    if left >= 0 and top >= 0:
        return picture[top : top + height, left : left + width]
    step = step_of(region)
    shown = np.full((-(-height // step), -(-width // step), 3), _BEYOND, np.uint8)
    small, x, y = picture[::step, ::step], max(-left, 0) // step, max(-top, 0) // step
    shown[y : y + small.shape[0], x : x + small.shape[1]] = small
    return shown


def _begin(wanted: float, last: int) -> int:
    return last if wanted >= last else int(max(wanted, 0)) // _GRID_PX * _GRID_PX


def _sides(boxes: Floats, heights: Floats, width: int, height: int) -> Floats:
    """Return the sizes to try, smallest first."""
    largest = max(4 * float(heights.max()), _SMALLEST_PX, float((boxes[:, 2:] - boxes[:, :2]).max()))
    largest = min(largest, width, height)
    smallest = min(max(_SMALLEST_TIMES * float(heights.min()), _SMALLEST_PX), largest)
    steps = math.ceil(math.log(largest / smallest) / math.log(_STEP))
    ratio = (largest / smallest) ** (1 / steps) if steps else 1.0
    return np.asarray(np.maximum(np.floor(smallest * ratio ** np.arange(steps + 1)), 1))


def _reaches(starts: Floats, ends: Floats, sides: Floats, length: int) -> npt.NDArray[np.bool_]:
    """Return sides x boxes x boxes, along one axis of a picture of this length: whether a region of that side that
    begins with the one box, or as near to it as the picture allows, reaches all of the other."""
    begins = np.minimum(np.floor(starts), length - sides[:, None])[:, :, None]
    return np.asarray((starts >= begins) & (ends <= begins + sides[:, None, None] + 1))


def _centred(shown: Sequence[Sequence[float]], side: int, width: int, height: int) -> Region:
    """Return the region with the people it shows in the middle: those at an edge are not found as well."""
    lefts, tops, rights, bottoms = zip(*shown, strict=True)
    return square((min(lefts) + max(rights)) / 2, (min(tops) + max(bottoms)) / 2, side, width, height)
