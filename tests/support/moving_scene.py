"""Drawn scenes in which rectangles move over a textured background, and a detector that knows them by their colour.

Nothing of a model is needed: a person is a dark rectangle of a colour of its own, and what the detector finds is what
the region really shows of it, cut at the region's edge and hidden by what stands before it, as with a real model.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from agent.adapters.opencv_imaging import blobs, follow_points, small_grey
from agent.core.analytics.tracks import TrackedPerson
from agent.ports import Detection, Frame
from agent.vision.sight import Seen, Sight

Pixels = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]
"""Left, top, width, height in pixels."""
Path = Callable[[float], Box | None]
"""Where something is so many seconds after the scene began; None: nowhere."""
START_NS = 1_000_000_000_000
_SHARPEST, _FARTHEST = 0.9, 6.0
"""A person fills at most so much more than the region, and is no less than 1 / so much of it, or is not found."""


def stands(left: float, top: float, height: float, since_s: float = 0.0, until_s: float = 1e9) -> Path:
    """Somebody of this height who stands there for a while."""
    return lambda at_s: (left, top, 0.4 * height, height) if since_s <= at_s < until_s else None


def walks(left: float, top: float, height: float, pace: tuple[float, float], since_s: float = 0.0) -> Path:
    """Somebody of this height who walks, `pace` in pixels a second, and is nowhere before `since_s`."""

    def path(at_s: float) -> Box | None:
        gone_s = at_s - since_s
        return (left + pace[0] * gone_s, top + pace[1] * gone_s, 0.4 * height, height) if gone_s >= 0 else None

    return path


def flickers(box: Box, seed: int = 0) -> Path:
    """Leaves: something that is in this box about half of the time, and jumps by a few pixels."""

    def path(at_s: float) -> Box | None:
        chance = np.random.default_rng([seed, round(at_s * 1000)])
        left, top, width, height = box
        x, y = chance.integers(-3, 4, 2).tolist()
        return (left + x, top + y, width, height) if chance.random() < 0.5 else None

    return path


@dataclass(frozen=True)
class MovingScene:
    """People by their number, from 1, and other things that move; those who come later stand before the others."""

    width: int
    height: int
    people: Sequence[Path] = ()
    things: Sequence[Path] = ()
    light: Callable[[float], float] = lambda _at_s: 1.0
    """Brightness of the background at a time."""
    noise: int = 2

    def at(self, at_s: float, number: int = 1, *, grey: bool = False) -> Frame:
        """The frame of this time, with a grey one beside it if it is wanted."""
        pixels = cv2.cvtColor(self._background(at_s), cv2.COLOR_GRAY2BGR)
        for path in self.things:
            _fill(pixels, path(at_s), (60, 60, 60))
        for index, path in enumerate(self.people):
            _fill(pixels, path(at_s), (index + 1, 0, 0))
        picture = np.asarray(pixels, np.uint8)
        beside = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8) if grey else None
        return Frame(picture, START_NS + round(at_s * 1e9), number, beside)

    def _background(self, at_s: float) -> Pixels:
        picture: npt.NDArray[np.float32] = _texture(self.width, self.height) * np.float32(self.light(at_s))
        chance = np.random.default_rng(round(at_s * 1000))
        picture += chance.integers(-self.noise, self.noise + 1, picture.shape, np.int8)
        return np.clip(picture, 40, 255).astype(np.uint8)


@lru_cache(1)
def _texture(width: int, height: int) -> npt.NDArray[np.float32]:
    coarse = np.random.default_rng(7).integers(130, 200, (9, 13), np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


class ColourDetector:
    """The port Detector for pictures of a MovingScene. Counts inferences; the n-th person has the blue level n."""

    def __init__(self) -> None:
        self.inferences = 0

    def detect(self, pictures: Sequence[Pixels]) -> list[list[Detection]]:
        return [self._detect(pixels) for pixels in pictures]

    def _detect(self, pixels: Pixels) -> list[Detection]:
        self.inferences += 1
        height, width = pixels.shape[:2]
        assert height > 0
        assert width > 0
        blue = pixels[:, :, 0]
        person = (blue > 0) & (pixels[:, :, 1] == 0) & (pixels[:, :, 2] == 0)
        if not person.any():
            return []
        found = [_found(person & (blue == number), height) for number in np.unique(blue[person]).tolist()]
        return sorted((box for box in found if box is not None), key=lambda box: -box.score)


def sight(detector: ColourDetector, inferences_per_second: float = 10.0, score_threshold: float = 0.5) -> Sight:
    """A Sight with the real OpenCV around it."""
    return Sight(
        detector,
        small_grey,
        blobs,
        follow_points,
        score_threshold=score_threshold,
        inferences_per_second=inferences_per_second,
    )


def times(until_s: float, since_s: float = 0.0, per_s: float = 10.0) -> list[float]:
    """The times of the frames from `since_s` on, before `until_s`."""
    return [since_s + number / per_s for number in range(round((until_s - since_s) * per_s))]


def watch(scene: MovingScene, looker: Sight, at: Iterable[float], *, grey: bool = False) -> list[tuple[float, Seen]]:
    """Show the frames of these times one after the other; each time and what was seen then."""
    return [(at_s, looker.process(scene.at(at_s, number, grey=grey))) for number, at_s in enumerate(at, 1)]


def is_seen(scene: MovingScene, seen: Seen, person: int, at_s: float) -> bool:
    """Whether this person, counted from 1, is known to be where they are at this time, to half their height."""
    return any(one.seen for one in tracks_of(scene, seen, person, at_s))


def tracks_of(scene: MovingScene, seen: Seen, person: int, at_s: float) -> list[TrackedPerson]:
    """Those whose foot is within half the height of this person, counted from 1, of where that person stands."""
    box = scene.people[person - 1](at_s)
    if box is None:
        return []
    left, top, width, height = box
    near = []
    for one in seen.people:
        x, y = one.foot[0] * scene.width, one.foot[1] * scene.height
        if np.hypot(x - left - width / 2, y - top - height) < height / 2:
            near.append(one)
    return near


def _fill(pixels: npt.NDArray[np.generic], box: Box | None, colour: tuple[int, int, int]) -> None:
    if box is not None:
        left, top = max(round(box[0]), 0), max(round(box[1]), 0)
        right, bottom = max(round(box[0] + box[2]), 0), max(round(box[1] + box[3]), 0)
        pixels[top:bottom, left:right] = colour


def _found(mask: npt.NDArray[np.bool_], region_px: int) -> Detection | None:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    height, width = int(rows[-1]) - top + 1, int(columns[-1]) - left + 1
    if height > _SHARPEST * region_px or height * _FARTHEST < region_px:
        return None
    return Detection(left, top, width, height, 0.9 if 4.5 * height >= region_px else 0.4)


def looks(shown: list[tuple[float, Seen]], since_s: float = 0.0, until_s: float = 1e9) -> list[float]:
    """The time of each inference."""
    return [at_s for at_s, seen in shown if since_s <= at_s < until_s for _ in seen.regions]


def most_in_a_second(shown: list[tuple[float, Seen]]) -> int:
    made = looks(shown)
    return max((sum(end_s - 1 + 1e-6 < at_s <= end_s for at_s in made) for end_s in made), default=0)


def seen_at(shown: list[tuple[float, Seen]], wanted_s: float) -> Seen:
    return next(seen for at_s, seen in shown if at_s >= wanted_s - 1e-6)


def strolls(x: float, y: float, phase: float, height: float = 70) -> Path:
    """Somebody who walks to and fro around a place."""
    return lambda at_s: (x + 0.4 * height * math.sin(1.5 * at_s + phase), y, 0.4 * height, height)


def leaves(count: int) -> list[Path]:
    return [flickers((40 + 97 * n % 560, 20 + 53 * n % 120, 30, 24), n) for n in range(count)]


def sound(seen: Seen) -> bool:
    """What holds for every answer."""
    assert len({one.id for one in seen.people}) == len(seen.people)
    for one in seen.people:
        assert all(math.isfinite(side) for side in one.box)
        assert 0 <= one.score <= 1
    for left, top, width, height in seen.regions:
        assert width == height >= 1
        assert (left >= 0 and top >= 0) or (left <= 0 and top <= 0), "in the picture, or all around it"
    return True
