"""Real video at 10 frames a second of its own time, with something done to the camera for a while."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from agent.adapters import opencv_imaging as imaging
from agent.contract.vocabulary import TamperKind
from agent.core.camera.tamper import TamperChanged
from agent.ports import Frame
from agent.sim.spoil import SPOILS
from agent.vision.small_grey import with_grey
from agent.vision.tamper import TamperWatch

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating[Any]]
Spoil = Callable[[Pixels, float], Pixels]
"""What is done to a picture, so many seconds after it began."""

FRAMES_PER_SECOND = 10
SECOND = 1_000_000_000
PICTURE_KINDS = tuple(kind for kind in TamperKind if kind is not TamperKind.SIGNAL_LOST)


@cache
def frames_of(video: Path, widest: int = 4096) -> tuple[Pixels, ...]:
    """Every frame, decoded once, made smaller if it is wider than that."""
    capture = cv2.VideoCapture(str(video), cv2.CAP_FFMPEG)
    frames: list[Pixels] = []
    while True:
        good, pixels = capture.read()
        if not good:
            capture.release()
            return tuple(frames)
        height, width = pixels.shape[:2]
        frames.append(imaging.scaled(pixels, widest, height * widest // width) if width > widest else pixels)


def tamper_watch(frames_per_second: float = FRAMES_PER_SECOND) -> TamperWatch:
    """For every kind, as the camera process has it."""
    return TamperWatch(tuple(TamperKind), imaging.grey, imaging.scaled, frames_per_second)


def spoil_of(kind: TamperKind) -> Spoil:
    """What the simulated camera does for this kind. Frozen: the first picture stays."""
    first: list[Pixels] = []

    def freeze(pixels: Pixels, _: float) -> Pixels:
        first.append(pixels)
        return first[0]

    return freeze if kind is TamperKind.FROZEN else lambda pixels, _: SPOILS[kind](pixels)


def looped(video: Path, seconds: float, spoil: Spoil | None = None, widest: int = 384) -> Iterator[tuple[Pixels, int]]:
    """Pictures with their stamps. Small ones are spoiled faster."""
    frames = itertools.cycle(frames_of(video, widest))
    for number in range(round(seconds * FRAMES_PER_SECOND)):
        pixels = next(frames)
        yield (
            (pixels if spoil is None else spoil(pixels, number / FRAMES_PER_SECOND)),
            number * (SECOND // FRAMES_PER_SECOND),
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was told."""

    told: tuple[tuple[float, TamperChanged], ...]
    """With the second at which it was told."""

    @property
    def kinds(self) -> list[TamperKind]:
        """In order of their beginning."""
        return [change.kind for _, change in self.told if change.active]

    def found_s(self, kind: TamperKind, began_s: float) -> float | None:
        """How long after its beginning it was told."""
        return next((at_s - began_s for at_s, c in self.told if c.active and c.kind is kind), None)

    def restored_s(self, kind: TamperKind, ended_s: float) -> float | None:
        """How long after its end that was told."""
        return next((at_s - ended_s for at_s, c in self.told if not c.active and c.kind is kind), None)


def watch(pictures: Iterator[tuple[Pixels, int]], watcher: TamperWatch | None = None) -> Outcome:
    """Let a new watch look at all of them."""
    watcher = watcher or tamper_watch()
    told = [(at_ns / SECOND, change) for pixels, at_ns in pictures for change in process(watcher, pixels, at_ns)]
    return Outcome(tuple(told))


def process(watcher: TamperWatch, pixels: Pixels, at_ns: int) -> Sequence[TamperChanged]:
    """Let it look at one picture, as the camera process does."""
    frame = with_grey(Frame(pixels, at_ns, number=1), imaging.reduced_grey)
    return watcher.process(frame.pixels, frame.boottime_ns, frame.grey)


def between(begin_s: float, end_s: float, spoil: Spoil) -> Spoil:
    """Spoil pictures of that time only."""

    def spoiled(pixels: Pixels, at_s: float) -> Pixels:
        return spoil(pixels, at_s - begin_s) if begin_s <= at_s < end_s else pixels

    return spoiled


def defocused_by(radius: float, within_s: float = 0.0) -> Spoil:
    """Each point becomes a disc of this radius, in widths of the picture, and the sensor's noise stays as sharp."""

    def spoil(pixels: Pixels, after_s: float) -> Pixels:
        reach = radius * pixels.shape[1] * (min(after_s / within_s, 1) if within_s else 1)
        across = np.arange(-np.ceil(reach), np.ceil(reach) + 1)
        disc = np.clip(reach + 0.5 - np.hypot(across[:, None], across), 0, 1)
        return noisy(cv2.filter2D(pixels, -1, disc / disc.sum(), borderType=cv2.BORDER_REPLICATE))

    return spoil


def noisy(pixels: Pixels) -> Pixels:
    """With the noise of a small sensor in a lit room, another for each picture."""
    draw = np.random.default_rng(int(pixels[::7, ::5].sum(dtype=np.int64)))
    return clipped(pixels + draw.normal(0, 1.5, pixels.shape[:2])[:, :, None])


def clipped(levels: npt.ArrayLike) -> Pixels:
    """Numbers as a picture."""
    return np.asarray(np.clip(levels, 0, 255)).astype(np.uint8)
