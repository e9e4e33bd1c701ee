"""What a camera should show: the scene that was learned, and how much of it a picture still shows.

A scene is recognised by its edges at a coarse scale, block by block. They stay when the light changes, and a person
hides few of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.core.camera import masks

Grey = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating[Any]]
Scaled = Callable[[Grey, int, int], Grey]
"""`scaled(grey, width, height)` returns a smaller copy of a grey picture."""

FINE = (320, 240)
"""Width and height of the grey picture that is examined; every picture is stretched to it."""
COARSE = (80, 60)
_BLOCKS = (8, 6)
_TEXTURE = 2.0
"""Grey levels, root mean square of the edges. A block with weaker ones is no landmark."""
_KEPT = 0.35
"""The correlation of edges from which a block shows what it should."""
_FLAT = 0.5
"""A lost block with a smaller share of the edges it had shows nothing new in their place."""
_SHARP_FLOOR = 0.5
_WHITE = 240.0
_BLACK = 1.5
"""Only under a privacy mask, the camera's or ours, is the mean of many pictures this black or exactly the mask's grey.
The rim of a mask stays whatever the camera sees, so it can't be a landmark."""
_RIM = 0.05
_LEVELS = np.arange(256)
FEWEST_LANDMARKS = 5
"""Of the 48 blocks. A scene with fewer can't be recognised: the camera was covered from the start, or it is dark."""


@dataclass(frozen=True, slots=True)
class Outline:
    """One picture, boiled down."""

    coarse: Floats
    """Grey levels, `COARSE`."""
    mean: float
    """Grey level, 0 to 255, of what is not masked."""
    bright: float
    """The level that only 1 % of the picture is above."""
    saturated: float
    """Share of the picture that is white."""
    sharpness: float
    """Fine edges divided by coarse edges: falls when the focus is lost, stays when the light changes."""
    contrast: float
    """Standard deviation of the grey levels."""


@dataclass(frozen=True, slots=True)
class Match:
    """How much of a scene a picture shows."""

    landmarks: int
    """Blocks of the scene with edges to recognise it by."""
    lost: float
    """Share of the landmarks that are not where they were."""
    flat: float
    """Share of the landmarks that are lost and show nothing else, neither edges nor white, in their place."""
    sharpness: float
    """Divided by the scene's."""


def outline(grey: Grey, scaled: Scaled) -> Outline:
    """Boil down a grey picture of the size `FINE`."""
    coarse = scaled(grey, *COARSE).astype(np.float32)
    histogram = np.bincount(grey.ravel()[::4], minlength=256)
    histogram[masks.LEVEL] = 0  # what we have masked is neither light nor dark
    total = max(histogram.sum(), 1)
    bright = int(np.searchsorted(np.cumsum(histogram), 0.99 * total))
    signed = grey.astype(np.int16)
    fine = float(np.abs(signed[:, 1:] - signed[:, :-1]).mean() + np.abs(signed[1:] - signed[:-1]).mean())
    rough = float(np.abs(np.diff(coarse, axis=1)).mean() + np.abs(np.diff(coarse, axis=0)).mean())
    return Outline(
        coarse=coarse,
        mean=float(histogram @ _LEVELS / total),
        bright=float(bright),
        saturated=float(histogram[250:].sum() / total),
        sharpness=fine / max(rough, _SHARP_FLOOR),
        contrast=float(coarse.std()),
    )


class Scene:
    """A running mean of pictures: people who walk through vanish from it, and it follows the daylight."""

    def __init__(self, coarse: Floats, sharpness: float, saturated: float) -> None:
        """Start from the figures of `Outline`, those of one picture or of many."""
        self.coarse = coarse.copy()
        self.sharpness = sharpness
        self.saturated = saturated
        self._take()

    @property
    def landmarks(self) -> int:
        """Number of blocks with edges to recognise the scene by."""
        return int(self._landmarks.sum())

    def learn(self, seen: Outline, share: float) -> None:
        """Mix the picture in: it counts by `share` (0 to 1), the scene so far by the rest."""
        self.coarse += share * (seen.coarse - self.coarse)
        self.sharpness += share * (seen.sharpness - self.sharpness)
        self.saturated += share * (seen.saturated - self.saturated)
        self._take()

    def match(self, seen: Outline) -> Match:
        """Compare a picture with the scene."""
        edges = _edges(seen.coarse)
        energy = _by_block(edges * edges)
        likeness = _by_block(edges * self._edges) / np.sqrt(np.maximum(energy * self._energy, 1e-3))
        landmarks = self._landmarks
        count = self.landmarks
        lost = landmarks & (likeness < _KEPT)
        flat = lost & (energy < _FLAT * _FLAT * self._energy) & (_by_block(seen.coarse[None]) < _WHITE)
        return Match(
            landmarks=count,
            lost=float(lost.sum() / max(count, 1)),
            flat=float(flat.sum() / max(count, 1)),
            sharpness=seen.sharpness / max(self.sharpness, 1e-3),
        )

    def _take(self) -> None:
        self._edges = _edges(self.coarse)
        self._energy = _by_block(self._edges * self._edges)
        masked = (self.coarse < _BLACK) | (self.coarse == masks.LEVEL)
        at_mask = _by_block(masked[None].astype(np.float32)) > _RIM
        self._landmarks = (self._energy > _TEXTURE * _TEXTURE) & ~at_mask


def _edges(coarse: Floats) -> Floats:
    """Return the differences across and down, 2 x height x width; zero at the rim."""
    edges = np.zeros((2, *coarse.shape), np.float32)
    edges[0, :, 1:-1] = coarse[:, 2:] - coarse[:, :-2]
    edges[1, 1:-1] = coarse[2:] - coarse[:-2]
    return edges


def _by_block(values: Floats) -> Floats:
    """Return the means over the blocks of the picture, all layers together."""
    columns, rows = _BLOCKS
    layers, height, width = values.shape
    return np.asarray(values.reshape(layers, rows, height // rows, columns, width // columns).mean(axis=(0, 2, 4)))
