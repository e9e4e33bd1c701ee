"""What a camera should show: the scene that was learned, and how much of it a picture still shows.

A scene is recognised by its edges at a coarse scale, block by block. They stay when the light changes, and a person
hides few of them.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.core.camera import masks
from agent.vision.median import median

Grey = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating[Any]]
Scaled = Callable[[Grey, int, int], Grey]
"""`scaled(grey, width, height)` returns a smaller copy of a grey picture."""

FINE = (320, 240)
"""Width and height of the grey picture that is examined; every picture is stretched to it."""
COARSE = (80, 60)
BLOCKS = (8, 6)
_TEXTURE = 2.0
"""Grey levels, root mean square of the edges. A block with weaker ones is no landmark."""
_KEPT = 0.35
"""The correlation of edges from which a block shows what it should."""
_FLAT = 0.5
"""A lost block with a smaller share of the edges it had shows nothing new in their place; one that shows what it should
so faintly, while others do not, is behind a veil."""
_LIT = 0.8
"""Light and weather make all blocks fainter: a veiled one is faint beside the one that this share of them is below."""
_VEIL = 0.2
"""What is fainter than this is behind a veil, even if all blocks are: no fog falls at once."""
_UNLIT = 0.65
"""The same, after allowing for a contrast that falls with the level, as in the shade."""
_FAINTEST = 4.0
"""Grey levels. Below about so many, levels tell nothing of the light."""
_STAYS = 3
"""Looks over which is judged what moves and what stays."""
_CHANGED = 0.2
"""They count from the look in which so many landmarks went."""
_MOVES = 3.0
"""Grey levels, the mean of a block."""
_ALIKE = 12.0
"""Grey levels. What differs by less may be the same surface."""
_PLAIN = 6.0
"""Grey levels, across two points of the coarse picture. Where it changes by less, there is a surface, and no edge."""
_AROUND = 0.1
"""A surface is around a block if it takes this share of the block and of one and a half blocks to each side."""
_ROUGH_FLOOR, _FINE_FLOOR = 0.5, 0.05
_DEAD = 0.25
"""Fine edges, squared: a block with weaker ones is masked or burnt out, and shows not even the sensor's noise."""
_NOISE_RANK = 0.05
"""The noise of a picture is what this share of its blocks has less of."""
_STILL_SHARP = 0.6
"""The scene is blurred if this share of its blocks with edges is: people and lamps blur only where they are."""
_FEWEST_SHARP = 3
_TOO_SHARP = 1.3
"""Rain, snow and the noise of a dark night make a picture sharper than its scene: that is nothing to compare with."""
_WHITE = 240.0
_BLACK = 1.5
"""Only under a privacy mask, the camera's or ours, is the mean of many pictures this black or exactly the mask's grey.
The rim of a mask stays whatever the camera sees, so it can't be a landmark."""
_RIM = 0.05
_LEVELS = np.arange(256)
FEWEST_LANDMARKS = 5
"""Of the 48 blocks. A scene with fewer can't be recognised: the camera was covered from the start, or it is dark."""
_STEADY = 0.65
"""A block that shows what it should in a smaller share of the time is no landmark: things come and go there."""
_STEADY_S = 20.0
"""That share is of about this many seconds; at first, of as many as there were, as if it had been there for..."""
_SEEN_BEFORE_S = 4.0


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
    sharpness: Floats
    """Fine edges divided by coarse edges, squared, for each block, without the noise: falls when the focus is lost,
    stays when the light changes."""
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
    """Share of the landmarks that are lost and show nothing else, neither edges nor white, in their place, or that
    are behind a veil."""
    painted: float
    """Share of the view that is behind a veil, or flat and of another grey than any surface around it in the scene.

    Where a thing has left, one sees what was behind it, and mostly that could be seen beside it before."""
    bare: float
    """The same as a share of the landmarks."""
    moving: float
    """Share of the flat blocks in which something moves: paint doesn't."""
    other: float
    """Share of the landmarks that are lost, with something else in their place that stays: not rain, nor noise."""
    sharpness: float
    """Divided by the scene's; 1 if it has too few edges to tell."""


def outline(grey: Grey, scaled: Scaled) -> Outline:
    """Boil down a grey picture of the size `FINE`."""
    coarse = scaled(grey, *COARSE).astype(np.float32)
    histogram = np.bincount(grey.ravel()[::4], minlength=256)
    histogram[masks.LEVEL] = 0  # what we have masked is neither light nor dark
    total = max(histogram.sum(), 1)
    bright = int(np.searchsorted(np.cumsum(histogram), 0.99 * total))
    return Outline(
        coarse=coarse,
        mean=float(histogram @ _LEVELS / total),
        bright=float(bright),
        saturated=float(histogram[250:].sum() / total),
        sharpness=_sharpness(grey, coarse),
        contrast=float(coarse.std()),
    )


class Scene:
    """A running mean of pictures: people who walk through vanish from it, and it follows the daylight."""

    def __init__(self, coarse: Floats, sharpness: Floats, saturated: float) -> None:
        """Start from the figures of `Outline`, those of one picture or of many."""
        self.coarse = coarse.copy()
        self.sharpness = sharpness.copy()
        self.saturated = saturated
        self._rough = _rough(coarse)
        self._steady = np.ones(BLOCKS[::-1], np.float32)
        self._shown = np.ones(BLOCKS[::-1], np.bool_)
        self._looks: deque[Floats] = deque(maxlen=_STAYS)
        self._watched_s = _SEEN_BEFORE_S
        self._take()

    @property
    def landmarks(self) -> int:
        """Number of blocks with edges to recognise the scene by."""
        return int(self._landmarks.sum())

    def learn(self, seen: Outline, share: float, after_s: float = 0.0) -> None:
        """Mix the picture in: it counts by `share` (0 to 1), the scene so far by the rest.

        What the last `match` has found tells how steady each block is; `after_s` is for how long that was so.
        """
        self._watched_s = min(self._watched_s + after_s, _STEADY_S)
        self._steady += min(after_s / self._watched_s, 1) * (self._shown - self._steady)
        self.coarse += share * (seen.coarse - self.coarse)
        self._rough += share * (_rough(seen.coarse) - self._rough)
        if self._sharpness_of(seen, self._landmarks) < _TOO_SHARP:
            self.sharpness += share * (seen.sharpness - self.sharpness)
        self.saturated += share * (seen.saturated - self.saturated)
        self._take()

    def match(self, seen: Outline) -> Match:
        """Compare a picture with the scene."""
        edges = _edges(seen.coarse)
        energy = _by_block(edges * edges)
        level = _by_block(seen.coarse[None])
        likeness = _by_block(edges * self._edges) / np.sqrt(np.maximum(energy * self._energy, 1e-3))
        self._shown = likeness >= _KEPT
        landmarks = self._landmarks & (self._steady >= _STEADY)
        count = int(landmarks.sum())
        lost = landmarks & ~self._shown
        white = level >= _WHITE
        veiled = landmarks & self._shown & ~white & self._faint(energy, level, landmarks)
        flat = lost & (energy < _FLAT * _FLAT * self._energy) & ~white
        painted = self._painted(seen.coarse, flat, landmarks & self._shown) | veiled
        if lost.sum() + veiled.sum() < _CHANGED * count:
            self._looks.clear()
        else:
            self._looks.append(seen.coarse)
        before = self._looks[0] if self._looks else seen.coarse
        moving = flat & (_by_block(np.abs(seen.coarse - before)[None]) > _MOVES)
        old = _edges(before)
        stays = _by_block(edges * old) >= _KEPT * np.sqrt(energy * _by_block(old * old))
        covered = (flat | veiled).sum()
        return Match(
            landmarks=count,
            lost=float(lost.sum() / max(count, 1)),
            flat=float(covered / max(count, 1)),
            painted=float(painted.sum() / max(int((~self._masked).sum()), 1)),
            bare=float((painted & landmarks).sum() / max(count, 1)),
            moving=float(moving.sum() / max(flat.sum(), 1)),
            other=float((lost & ~flat & stays).sum() / max(count, 1)),
            sharpness=self._sharpness_of(seen, self._landmarks & ~white),
        )

    def _faint(self, energy: Floats, level: Floats, landmarks: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Return which blocks have lost more contrast than the others and than their level: paint does that, not light
        and not fog."""
        contrast = np.sqrt(energy / np.maximum(self._energy, 1e-3))
        unlit = contrast * (self._level + _FAINTEST) / (level + _FAINTEST)
        if not landmarks.any():
            return landmarks
        usual, usual_unlit = (min(_highest(each[landmarks]), 1.0) for each in (contrast, unlit))
        return np.asarray(
            ((contrast < _FLAT * usual) & (unlit < _UNLIT * usual_unlit)) | ((contrast < _VEIL) & (unlit < _VEIL))
        )

    def _sharpness_of(self, seen: Outline, blocks: npt.NDArray[np.bool_]) -> float:
        # Light raises coarse edges with the level, and fine ones alike. What rises more is the rim of the light itself.
        lit = np.maximum(_by_block(seen.coarse[None]) / np.maximum(self._level, 1), 1)
        glare = np.maximum(_rough(seen.coarse) / (self._rough * lit * lit), 1)
        shares = np.sort((seen.sharpness / self.sharpness * glare)[blocks])
        return float(np.sqrt(shares[int(_STILL_SHARP * shares.size)])) if shares.size >= _FEWEST_SHARP else 1.0

    def _painted(
        self, coarse: Floats, flat: npt.NDArray[np.bool_], kept: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        """Return which of the flat blocks have another grey than the surfaces around them in the scene, and which
        bare blocks beside them have that grey now and had not.

        The blocks that are `kept` tell how the light has changed.
        """
        painted = np.zeros_like(flat)
        if not flat.any():
            return painted
        light = _by_block(coarse[None])[kept] / np.maximum(self._level[kept], 1)
        scene = self.coarse * (median(light) if light.size >= FEWEST_LANDMARKS else 1)
        scene = np.where(np.hypot(*_edges(scene)) < _PLAIN, scene, np.inf)
        width, height = COARSE[0] // BLOCKS[0], COARSE[1] // BLOCKS[1]
        down, across = 3 * height // 2, 3 * width // 2
        levels = median(coarse.reshape(BLOCKS[1], height, BLOCKS[0], width).swapaxes(1, 2).reshape(*BLOCKS[::-1], -1))
        found = np.argwhere(flat).tolist()
        asked = flat | self._landmarks | self._masked
        while found:
            row, column = found.pop()
            top, left = row * height, column * width
            around = scene[max(top - down, 0) : top + height + down, max(left - across, 0) : left + width + across]
            if (np.abs(around - levels[row, column]) < _ALIKE).mean() >= _AROUND:
                continue
            painted[row, column] = True
            beside = (slice(max(row - 1, 0), row + 2), slice(max(column - 1, 0), column + 2))
            next_to = ~asked[beside] & (np.abs(levels[beside] - levels[row, column]) < _ALIKE)
            asked[beside] |= next_to
            corner = np.array([beside[0].start, beside[1].start])
            found.extend((np.argwhere(next_to) + corner).tolist())
        return painted

    def _take(self) -> None:
        self._edges = _edges(self.coarse)
        self._energy = _by_block(self._edges * self._edges)
        self._level = _by_block(self.coarse[None])
        masked = (self.coarse < _BLACK) | (self.coarse == masks.LEVEL)
        self._masked = _by_block(masked[None].astype(np.float32)) > _RIM
        self._landmarks = (self._energy > _TEXTURE * _TEXTURE) & ~self._masked


def _sharpness(grey: Grey, coarse: Floats) -> Floats:
    fine = _fine(grey)
    alive = np.sort(fine[fine > _DEAD])
    noise = alive[int(_NOISE_RANK * alive.size)] if alive.size else 0
    return np.asarray(np.maximum(fine - noise, _FINE_FLOOR) / _rough(coarse))


def _highest(shares: Floats) -> float:
    return float(np.sort(shares)[int(_LIT * shares.size)])  # np.quantile loads numpy's masked arrays


def _rough(coarse: Floats) -> Floats:
    """Return the squares of the steps over 16 points of the picture, for each block."""
    return np.asarray(np.maximum(_by_block(np.square(_edges(coarse, 4))), _ROUGH_FLOOR))


def _fine(grey: Grey) -> Floats:
    """Return the squares of the steps from point to point, for each block. One row of blocks after another: a quarter
    of what it costs with arrays of the whole picture, for which memory is fetched and given back each time."""
    columns, rows = BLOCKS
    sums = []
    for band in grey.reshape(rows, -1, grey.shape[1]):
        steps = _edges(band.astype(np.int16), 1).astype(np.float32)
        sums.append(np.einsum("lhw,lhw->w", steps, steps).reshape(columns, -1).sum(axis=1))
    return np.stack(sums) * (columns * rows / grey.size)


def _edges(levels: npt.NDArray[Any], apart: int = 2) -> npt.NDArray[Any]:
    """Return the differences across and down of points so far apart, 2 x height x width; zero at the rim."""
    edges = np.zeros((2, *levels.shape), levels.dtype)
    before, after = apart // 2, (apart + 1) // 2
    np.subtract(levels[:, apart:], levels[:, :-apart], out=edges[0, :, before:-after])
    np.subtract(levels[apart:], levels[:-apart], out=edges[1, before:-after])
    return edges


def _by_block(values: Floats) -> Floats:
    """Return the means over the blocks of the picture, all layers together."""
    columns, rows = BLOCKS
    layers, height, width = values.shape
    bands = values.reshape(layers, rows, height // rows, width).sum(axis=2).sum(axis=0)  # faster than all axes at once
    return np.asarray(bands.reshape(rows, columns, -1).sum(axis=2) * (columns * rows / (height * width)))
