"""People cut out of the demo video, who run and fall in its empty street."""

import math
from collections.abc import Callable, Sequence
from functools import cache
from itertools import islice
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from deploy.lab.opencv_video import VideoFile
from tests.support.near_scene import Pixels, enlarged
from tests.support.vision_media import demo_video


class Pose(NamedTuple):
    """Where somebody's feet are, as shares of the picture, and by how many degrees they have fallen: to the right, or
    to the left if negative."""

    x: float
    foot: float
    fallen: float = 0.0


class Acting(NamedTuple):
    """Somebody: who, of `PEOPLE`; their height as a share of the picture's; what they do, None: not there."""

    who: int
    height: float
    does: Callable[[float], Pose | None]


def falls(x: float, foot: float, at_s: float, up_s: float = math.inf, by: float = 90) -> Callable[[float], Pose]:
    """Stands, falls at this time by so many degrees, and is up again at another."""

    def does(now_s: float) -> Pose:
        share = min(max((now_s - at_s) / 0.6, 0.0), 1.0) if now_s < up_s else 0.0
        return Pose(x + 0.002 * math.sin(1.7 * now_s), foot, by * share)

    return does


def moves(foot: float, pace: float) -> Callable[[float], Pose | None]:
    """From the left edge to the right, by so many widths of the picture a second."""

    def does(now_s: float) -> Pose | None:
        return Pose(pace * now_s, foot) if pace * now_s < 1.1 else None

    return does


class ActingScene:
    """Pictures of some people in the street, the last one in front; 768x576."""

    def __init__(self, people: Sequence[Acting], noise: float = 2.0) -> None:
        self._noise = noise
        self._people = [(one, *enlarged(one.who, round(one.height * _street().shape[0]))) for one in people]

    def at(self, at_s: float) -> Pixels:
        """The picture of this moment, BGR."""
        picture = _street().copy()
        height, width = picture.shape[:2]
        for one, pixels, mask in self._people:
            if (pose := one.does(at_s)) is None:
                continue
            rows, columns = mask.shape
            # Turned around the feet; then the side that they lie on rests on the ground.
            turn = cv2.getRotationMatrix2D((columns / 2, rows), -pose.fallen, 1.0)
            rest = columns / 2 * abs(math.sin(math.radians(pose.fallen)))
            turn[:, 2] += pose.x * width - columns / 2, pose.foot * height - rows - rest
            moved, share = (cv2.warpAffine(each, turn, (width, height)) for each in (pixels, mask))
            picture += share[:, :, None] * (moved - picture)
        noise = np.zeros_like(picture)
        cv2.setRNGSeed(round(at_s * 1000) + 1)
        cv2.randn(noise, (0, 0, 0), (self._noise,) * 3)
        return np.asarray(cv2.add(picture, noise, dtype=cv2.CV_8U), np.uint8)


@cache
def _street() -> npt.NDArray[np.float32]:
    """The street of the video, with nobody in it."""
    frames = [frame.copy() for frame in islice(VideoFile(demo_video()), 0, 600, 20)]
    return np.asarray(np.median(np.stack(frames), axis=0), np.float32)
