"""Signs of life: a person who stands still breathes and sways, and a poster does not.

Compares what is in a person's box, block by block, with what was there a moment ago. Where something has moved by a
fraction of a pixel, brightness has changed in proportion to its slope; noise, a change of the light and an encoder
change it in other ways. So each block tells how far it has moved and how sure that is. The surroundings of the box,
other people excepted, tell how far the camera itself has moved. Only a patch of grey levels is kept, for a few samples
(POPIA).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.vision.median import median
from agent.vision.track import Track

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating[Any]]
Blocks = npt.NDArray[np.bool_]
"""One flag for each block of a patch, row by row."""
Box = tuple[float, float, float, float]
"""Left, top, width, height in pixels of the picture."""
Scaled = Callable[[Pixels, int, int], Pixels]
"""`scaled(picture, width, height)` returns a smaller grey copy of a picture."""

_HEIGHTS_PX = 72, 108
"""Least and most height of a person in the patch; people who are smaller in the picture are not enlarged."""
_COARSENS = 4
"""Between the two, a pixel of the patch is so many of the picture wide. In a coarser one somebody who stands hardly
moves, and half of one, cut by the picture's edge, has few blocks; in a finer one an encoder moves a poster.
"""
_BLOCK_PX = 12
_AROUND = 0.25
"""Margin around the box that belongs to the patch, as a share of the person's height."""
_FAR_PX = 0.06
"""Pixels of the patch, less than a thousandth of the height. A block has moved if it is farther away than this..."""
_SURE = 9.0
"""...and than this many times its error."""
_LEAST_SLOPE = 1.5
"""Grey levels per pixel, root mean square. A block with weaker slopes tells nothing."""
_FEWEST_OUTSIDE = 4
_SHARE = 0.15
"""A sample shows a sign of life if this share of the person's usable blocks, and `_FEWEST_BLOCKS`, have moved."""
_OF_A_BODY = 0.6, 0.5
"""Of whoever has a body as sure as the first, or surer, this part of the share is enough: who waits with folded arms
moves but their head. A poster of somebody has as sure a body; none of its blocks move."""
_FEWEST_BLOCKS = 2
_BESIDE = 0.05
"""Margin around another person's box, as a share of their height, in which a block may still show them."""
_OWN_SHARE = 0.3
"""With a smaller share of their blocks outside all other boxes, a person is judged by all their blocks."""
_SIGNS = 3
_SIGN_SHARE = 0.5
"""A person is alive after this many signs, seen in this share of the samples: a shadow glides on..."""
_LEAST_NS = 800_000_000
"""...and no sooner than this: someone who walks by is gone by then."""
_MOST_NS = 2_000_000_000
"""After this, counting starts over: what moves more slowly is a shadow."""
_MOST_SAMPLES = 8
"""But not before this many samples, in case they are rare."""
_GONE = 0.25
"""Counting also starts over, with a new patch, once the person's travel and change of height add up to more than this,
in their heights."""
_SWAYS = 0.06
"""Once the box has moved by more than this, in heights, slopes tell nothing: the patch is replaced, the counts stay."""
_AWAY = 1.0
"""A person who has moved by more than this, in heights, is alive: no poster does that."""
_EVERY_NS = 180_000_000
_FRESH_NS = 4_000_000_000
_MOST_SELDOM = 3
"""After this long without life, a track is looked at half as often, and after twice as long a third as often: it may be
a poster, and stay for years."""
_WALKS = 0.3
"""Heights per second. A patch of a faster person would soon show something else; their travel tells that they live. If
they have been here for `_FRESH_NS`, they get a patch anyway."""


class Patch:
    """A place in the picture at one moment, and how it would change if what is there moved."""

    def __init__(self, picture: Pixels, box: Box, scaled: Scaled) -> None:
        """Take the patch around a box, in pixels; the box must reach into the picture."""
        self._box = left, top, width, height = box
        margin = _AROUND * height
        rows, columns = picture.shape[:2]
        x, right = max(int(left - margin), 0), min(int(left + width + margin) + 1, columns)
        y, bottom = max(int(top - margin), 0), min(int(top + height + margin) + 1, rows)
        least, most = _HEIGHTS_PX
        scale = min(min(max(least, height / _COARSENS), most) / height, 1.0) / _BLOCK_PX
        across, down = max(int((right - x) * scale), 1), max(int((bottom - y) * scale), 1)
        self._scaled = scaled
        self._place = slice(y, bottom), slice(x, right)
        self._size = across * _BLOCK_PX, down * _BLOCK_PX
        grey = self._grey(picture)
        slope_y, slope_x = (np.asarray(slope) for slope in np.gradient(grey))
        self._blocks = _by_block(grey)
        self._light = _changes_of_light(self._blocks)
        self._slopes = np.stack([self._but_light(_by_block(slope)) for slope in (slope_x, slope_y)])
        """2 x blocks x pixels: across, down."""
        self._weights = np.maximum(np.einsum("abp,abp->ab", self._slopes, self._slopes), 1e-6)
        tells = self._weights.max(axis=0) >= _LEAST_SLOPE**2 * _BLOCK_PX**2
        self._middles = (
            y + (np.arange(down) + 0.5) * (bottom - y) / down,
            x + (np.arange(across) + 0.5) * (right - x) / across,
        )
        in_box = self._within(box)
        self._inside, self._outside = tells & in_box, tells & ~in_box

    def moved(self, picture: Pixels, others: Sequence[Box] = (), share: float = _SHARE) -> bool:
        """Return whether this share of the blocks in the box has moved in another way than its surroundings.

        `others` are the boxes of all other people: motion there is theirs, and they are no part of the surroundings.

        The comparison must say so in both directions, from then to now and back: a shadow has slopes only in the
        picture in which it lies there.
        """
        shared = self._shared(others)
        own = self._inside & ~shared
        if own.sum() < _OWN_SHARE * self._inside.sum():
            own = self._inside
        moved = own & self.blocks_moved(_by_block(self._grey(picture)), shared)
        if not _enough(moved, own, share):
            return False
        now = Patch(picture, self._box, self._scaled)
        return _enough(moved & now.blocks_moved(self._blocks, shared), own, share)

    def blocks_moved(self, blocks: Floats, shared: Blocks) -> Blocks:
        """Return which blocks in the box show something that has moved since the patch.

        `blocks` is blocks x pixels. Blocks in `shared` have no say in how the camera has moved.
        """
        change = self._but_light(blocks - self._blocks)
        way = -np.einsum("abp,bp->ab", self._slopes, change) / self._weights
        rest = np.maximum(np.einsum("bp,bp->b", change, change) - way * way * self._weights, 0)
        error = np.sqrt(rest / _BLOCK_PX**2 / self._weights)
        far = _FAR_PX
        outside = self._outside & ~shared
        if np.count_nonzero(outside) >= _FEWEST_OUTSIDE:
            camera = median(way[:, outside])
            way -= camera[:, None]
            far = max(far, float(np.hypot(*camera)))
        way = np.abs(way)
        return np.asarray(((way > far) & (way > _SURE * error)).any(axis=0) & self._inside)

    def _shared(self, others: Sequence[Box]) -> Blocks:
        """Return the blocks that lie in another person's box, or close to it."""
        shared = np.zeros(self._inside.shape, np.bool_)
        for left, top, width, height in others:
            margin = _BESIDE * height
            shared |= self._within((left - margin, top - margin, width + 2 * margin, height + 2 * margin))
        return shared

    def _within(self, box: Box) -> Blocks:
        left, top, width, height = box
        y, x = self._middles
        rows, columns = (y >= top) & (y <= top + height), (x >= left) & (x <= left + width)
        return np.asarray(np.logical_and.outer(rows, columns).ravel())

    def _grey(self, picture: Pixels) -> Floats:
        return self._scaled(picture[self._place], *self._size).astype(np.float32)

    def _but_light(self, blocks: Floats) -> Floats:
        return np.asarray(blocks - np.einsum("bpk,bk->bp", self._light, np.einsum("bpk,bp->bk", self._light, blocks)))


def _enough(moved: Blocks, of: Blocks, share: float) -> bool:
    return bool(moved.sum() >= max(share * of.sum(), _FEWEST_BLOCKS))


_A_LITTLE = (0.01 * np.sin(np.arange(_BLOCK_PX**2) ** 2)).astype(np.float32)
"""As good as noise: numpy's own would load 7 MiB for it."""


@dataclass(slots=True)
class _Watch:
    """What one track is compared with, and what that has shown so far."""

    patch: Patch
    x: float
    y: float
    height: float
    began_ns: int
    sampled_ns: int
    samples: int = 0
    signs: int = 0


@dataclass(slots=True)
class _Stay:
    """Where a person was first, and their watch while they are not walking."""

    x: float
    y: float
    began_ns: int
    watch: _Watch | None = None


class Life:
    """Looks for signs of life in the people whom one camera tracks. One thread."""

    def __init__(self, scaled: Scaled) -> None:
        self._scaled = scaled
        self._stays: dict[int, _Stay] = {}

    def process(self, picture: Pixels, tracks: Sequence[Track], boottime_ns: int) -> None:
        """Take in the frame captured at `boottime_ns`: marks tracks that have shown life as `alive`, for good."""
        stays = {}
        for track in tracks:
            if track.real and not track.alive:
                stay = self._stays.get(track.id) or _Stay(track.x, track.y, boottime_ns)
                stays[track.id] = stay
                if math.hypot(track.x - stay.x, track.y - stay.y) > _AWAY * track.height:
                    track.alive = True
                elif not _is_shown(track, picture):
                    stay.watch = None
                elif not _walks(track) or boottime_ns - stay.began_ns > _FRESH_NS:
                    others = [other.box for other in tracks if other is not track and other.last is not None]
                    stay.watch = self._process(picture, track, stay, others, boottime_ns)
        self._stays = stays

    def _process(self, picture: Pixels, track: Track, stay: _Stay, others: Sequence[Box], now_ns: int) -> _Watch:
        watch = stay.watch
        if watch is None or _is_over(watch, track, now_ns):
            return _Watch(Patch(picture, track.box, self._scaled), track.x, track.y, track.height, now_ns, now_ns)
        every_ns = min(1 + (now_ns - stay.began_ns) // _FRESH_NS, _MOST_SELDOM) * _EVERY_NS
        if now_ns - watch.sampled_ns >= every_ns:
            if math.hypot(track.x - watch.x, track.y - watch.y) > _SWAYS * track.height:
                watch.patch, watch.x, watch.y = Patch(picture, track.box, self._scaled), track.x, track.y
                return watch
            watch.sampled_ns = now_ns
            watch.samples += 1
            watch.signs += watch.patch.moved(picture, others, _share_of(track))
            track.alive = (
                watch.signs >= max(_SIGNS, _SIGN_SHARE * watch.samples) and now_ns - watch.began_ns >= _LEAST_NS
            )
        return watch


def _share_of(track: Track) -> float:
    """Return which share of a person's blocks must move; a model that finds no joints gives every box a body of 1."""
    sure, part = _OF_A_BODY
    return _SHARE * (part if sure <= track.body < 1 else 1)


def _is_shown(track: Track, picture: Pixels) -> bool:
    """Whether the last look found this person, at least partly in the picture."""
    left, top, width, height = track.box
    shown_x = min(left + width, picture.shape[1]) - max(left, 0)
    shown_y = min(top + height, picture.shape[0]) - max(top, 0)
    return track.last is not None and min(shown_x, shown_y) >= 1


def _walks(track: Track) -> bool:
    return math.hypot(track.pace_x, track.pace_y) > _WALKS * track.height


def _is_over(watch: _Watch, track: Track, now_ns: int) -> bool:
    """Whether it is time for a new patch."""
    age_ns = now_ns - watch.began_ns
    gone = math.hypot(track.x - watch.x, track.y - watch.y) + abs(track.height - watch.height)
    old = age_ns > _MOST_NS and watch.samples >= _MOST_SAMPLES
    return old or age_ns < 0 or gone > _GONE * watch.height


def _by_block(patch: Floats) -> Floats:
    """Return blocks x pixels, row by row."""
    rows, columns = patch.shape
    blocks = patch.reshape(rows // _BLOCK_PX, _BLOCK_PX, columns // _BLOCK_PX, _BLOCK_PX)
    return np.ascontiguousarray(blocks.swapaxes(1, 2)).reshape(-1, _BLOCK_PX * _BLOCK_PX)


def _changes_of_light(blocks: Floats) -> Floats:
    """Return what a change of the light can do to each block: an orthonormal base, blocks x pixels x 6.

    Light is added, or what is there is scaled; each of the two evenly, or from one side to the other.
    """
    places = np.linspace(-1, 1, _BLOCK_PX, dtype=np.float32)
    sides = np.stack(
        [np.ones(_BLOCK_PX**2, np.float32), np.tile(places, _BLOCK_PX), np.repeat(places, _BLOCK_PX)], axis=1
    )
    light = np.broadcast_to(sides, (len(blocks), *sides.shape))
    # A block without any detail has only half of these; a little noise makes up the rest.
    detail = blocks - blocks.mean(axis=1, keepdims=True) + _A_LITTLE
    base, _ = np.linalg.qr(np.concatenate([light, detail[:, :, None] * sides], axis=2))
    return np.asarray(base)
