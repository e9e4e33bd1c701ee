"""People cut out of the demo video, who stand large before another background, as at a kiosk."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice

import cv2
import numpy as np
import numpy.typing as npt

from deploy.lab.opencv_video import VideoFile
from tests.support.vision_media import demo_video

Pixels = npt.NDArray[np.uint8]
Way = Callable[[float], tuple[float, float]]
"""How far somebody is from their place so many seconds after the start, in pixels: to the right, down."""
PEOPLE = (
    (61, (619, 235, 31, 106)),
    (201, (621, 269, 36, 100)),
    (241, (439, 251, 40, 101)),
    (431, (681, 268, 46, 102)),
    (491, (514, 253, 31, 106)),
    (551, (636, 301, 36, 104)),
)
"""Frame of the demo video, from 1, and the box of somebody who is alone there: left, top, width, height."""
_MARGIN_PX = 6
_OTHER = 22
"""Of 255: what differs from the street by more is the person."""


def stock_still(_at_s: float) -> tuple[float, float]:
    """A poster."""
    return 0.0, 0.0


def sways(by_px: float, every_s: float = 4.0) -> Way:
    """As whoever stands does."""
    return lambda at_s: (
        by_px * math.sin(2 * math.pi * at_s / every_s),
        0.3 * by_px * math.sin(2 * math.pi * at_s / every_s * 1.3),
    )


def trembles(by_px: int = 1) -> Way:
    """Jumps by a whole pixel or none, at random."""

    def way(at_s: float) -> tuple[float, float]:
        x, y = np.random.default_rng(round(at_s * 1000)).integers(-by_px, by_px + 1, 2).tolist()
        return x, y

    return way


@dataclass(frozen=True, slots=True)
class Standing:
    """Somebody: who, of `PEOPLE`; height, middle and foot as shares of the picture, whose lower edge may cut them."""

    who: int
    x: float = 0.5
    height: float = 0.85
    foot: float = 0.97
    way: Way = stock_still


class NearScene:
    """Pictures of some people, the last one in front. `light(at_s)` is the brightness, `noise` in grey levels."""

    def __init__(
        self,
        people: Sequence[Standing],
        size: tuple[int, int] = (640, 480),
        *,
        noise: float = 2.0,
        light: Callable[[float], float] = lambda _at_s: 1.0,
    ) -> None:
        self._size = size
        self._noise = noise
        self._light = light
        self._background = _shop(*size)
        self._people = [(one, *enlarged(one.who, round(one.height * size[1]))) for one in people]
        self._composed = lru_cache(1)(self._compose)  # a poster is in one place for a minute

    def at(self, at_s: float) -> Pixels:
        """The picture of this moment, BGR."""
        picture = self._composed(tuple(one.way(at_s) for one, _, _ in self._people))
        noise = np.zeros_like(picture)
        if self._noise:  # OpenCV's numbers by chance take a third of the time of numpy's
            cv2.setRNGSeed(int(np.random.default_rng([1, round(at_s * 1000)]).integers(2**31)))
            cv2.randn(noise, (0, 0, 0), (self._noise,) * 3)
        shown = cv2.addWeighted(picture, self._light(at_s), noise, 1, 0, dtype=cv2.CV_8U)
        return np.asarray(shown, np.uint8)

    def _compose(self, ways: tuple[tuple[float, float], ...]) -> npt.NDArray[np.float32]:
        """Everybody in front of the background, so far from their places."""
        width, height = self._size
        picture = self._background.copy()
        for (x, y), (one, pixels, mask) in zip(ways, self._people, strict=True):
            rows, columns = mask.shape
            place = np.array(
                [[1, 0, one.x * width - columns / 2 + x], [0, 1, one.foot * height - rows + y]], np.float32
            )
            moved = cv2.warpAffine(pixels, place, self._size)
            share = cv2.warpAffine(mask, place, self._size)[:, :, None]
            picture += share * (moved - picture)
        return picture


@cache
def _near_everybody() -> list[tuple[Pixels, Pixels]]:
    """For each of `PEOPLE` their surroundings, with them and as an empty street, in the size of the video."""
    places = [
        (
            slice(max(top - _MARGIN_PX, 0), top + height + _MARGIN_PX),
            slice(max(left - _MARGIN_PX, 0), left + width + _MARGIN_PX),
        )
        for _, (left, top, width, height) in PEOPLE
    ]
    with_them: dict[int, Pixels] = {}
    street: list[list[Pixels]] = [[] for _ in PEOPLE]
    for index, frame in enumerate(islice(VideoFile(demo_video()), 600)):
        for who, place in enumerate(places):
            if index == PEOPLE[who][0] - 1:
                with_them[who] = frame[place].copy()
            if index % 15 == 0:
                street[who].append(frame[place].copy())
    return [(with_them[who], np.median(np.stack(street[who]), axis=0)) for who in range(len(PEOPLE))]


@cache
def _cut_out(who: int) -> tuple[Pixels, Pixels]:
    """Pixels and mask, in the size of the video."""
    pixels, street = _near_everybody()[who]
    other = (np.abs(pixels - street).max(axis=2) > _OTHER).astype(np.uint8)
    other = np.asarray(cv2.morphologyEx(other, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)), np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(other)
    largest = 1 + int(stats[1:, 4].argmax())
    x, y, across, down, _ = stats[largest].tolist()
    return pixels[y : y + down, x : x + across], (labels == largest).astype(np.uint8)[y : y + down, x : x + across]


def enlarged(who: int, height_px: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Pixels and mask, from 0 to 1, of one of `PEOPLE` in this height."""
    pixels, mask = _cut_out(who)
    size = (round(mask.shape[1] * height_px / mask.shape[0]), height_px)
    large = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC), np.float32)
    soft = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return large, np.asarray(np.clip(2 * soft - 0.5, 0, 1), np.float32)


def _shop(width: int, height: int) -> npt.NDArray[np.float32]:
    """A wall of uneven light, with shelves and goods on them."""
    chance = np.random.default_rng(7)
    wall = chance.integers(120, 190, (5, 7, 3), np.uint8)
    picture = np.asarray(cv2.resize(wall, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    for row in range(4):
        y = round((0.1 + 0.22 * row) * height)
        for column in range(14):
            left = round((column + 0.2) * width / 14)
            right, lower = left + round(width / 22), y + round(height * 0.1)
            picture[y:lower, left:right] = chance.integers(40, 220, 3)
        picture[round(y + height * 0.1) : round(y + height * 0.12)] = 70
    return picture
