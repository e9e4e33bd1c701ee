"""Decides what is worth a look in a frame: tracked people, whatever moves, and now and then the rest.

A place is not looked at again until it has changed: the answer would be the same. So where nothing moves there are no
inferences, except for a sparse sweep that finds people who came in too slowly to show as motion.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from agent.ports import Detection
from agent.vision.motion import Cells
from agent.vision.regions import Region, Wish, shows, square, whole
from agent.vision.size_map import SizeMap
from agent.vision.sweep import Sweep
from agent.vision.track import Track

_AROUND = 0.2
"""Margin around a person that the region must hold, as a share of their height."""
_OWN_MOTION = 0.4
"""Motion within this margin of a tracked person, as a share of their height, is theirs."""
_REAL, _DOUBTFUL, _LOST, _LONG_LOST = 1.0, 0.8, 0.3, 0.2
_LONG_LOST_S = 0.35
_MOTION = 0.2
"""Weights. See `Wish`."""
_WAITING_PER_S = 1.5
_WAITING_MOST = 0.6
"""Motion that waits for a look becomes more urgent."""
_UNSEEN_PER_S = 1.0
_UNSEEN_MOST_S = 3.0
"""So does a tracked person who waits for one, lest a group in one region keeps a lone person waiting for ever."""
_BORED = 0.75
"""Factor on the weight of motion for each second of looks that found nobody there: leaves, flags, water."""
_BORED_MOST_S = 10.0
_BORED_WAITING_PER_S = 0.15
_FORGIVEN_PER_S = 0.1
_MOTION_HARD = 0.3
_WIDEST = 0.75
"""Share of the picture's shorter side. Larger motion is split: a region needs room for a person around it."""
_NEAR = 0.6
"""Share of the picture's shorter side. Taller people are looked at in the whole picture, with grey around it."""
_NEAR_MOTION = 1 / 3
"""Share of the picture's height. A taller piece of motion may be a person nearby; a group in a street is lower."""
_WHOLES = (1.0, 1.5)
"""Sides of the squares around the whole picture that are looked at first, as multiples of its longer side."""
_MAY_BE_NEAR = 0.25
"""Share of the picture's height. Where people are lower, nobody stands so near that no tile shows them."""
_AGAIN_NS = 300_000_000
"""Whoever the last look has missed is looked for again after this long, as is somebody nearby who may be what moves."""
_FRESH_NS = 500_000_000
"""Whoever was found a moment ago has their full weight again after this long: in a crowd the next look is another's."""
_NEAR_TIMES = 2.0
"""Side of the region for a person nearby, as a multiple of their height."""
_LEAST_MOTION = 0.1
"""Motion with a lower weight has shown nobody for a long time."""
_LEAST_CELLS = 2
_FEW_LOOKS = 5
"""A track not yet believed to be a person gets this many looks even if nothing moves."""
_UNKNOWN_SHARE = 0.15
"""Assumed height of a person before anyone was seen, as a share of the picture's height."""


class _Blob(NamedTuple):
    """A connected piece of motion, or part of one, that no tracked person explains: its cells."""

    rows: slice
    columns: slice


class Attention:
    """Chooses where the model looks, in pictures of one size; `blobs` as in `Sight`. One thread."""

    def __init__(
        self, width: int, height: int, blobs: Callable[[Cells], npt.NDArray[np.int32]], inferences_per_second: float
    ) -> None:
        self._width, self._height = width, height
        self._near_every_ns = round(2e9 / inferences_per_second)
        """People nearby get at most half of the inferences, so that somebody farther away is seen, too."""
        self._blobs_of = blobs
        self.sizes = SizeMap(width, height)
        self._sweep = Sweep(width, height)
        self._wholes = {whole(round(share * max(width, height)), width, height): 0 for share in _WHOLES}
        """When each was last looked at; 0 for never."""
        self._whole_ns = 0
        """When the whole picture was last looked at, in a square of any size."""
        self._changed = np.zeros((0, 0), bool)
        """Cells that have moved since they were last looked at."""
        self._restless = False
        """Whether any cell of `_changed` is set."""
        self._since_ns = np.zeros((0, 0), np.int64)
        self._bored_s = np.zeros((0, 0), np.float32)
        self._hint_px = np.zeros((0, 0), np.float32)
        """How high whoever a look has last shown in a cell is, however faintly; 0 for nobody."""
        self._blobs: list[_Blob] = []
        self._near: list[tuple[_Blob, float]] = []
        """What may be a person nearby in this frame: its cells, and its height in pixels."""
        self._last_ns, self._step_s = 0, 0.0
        self._cell_x = self._cell_y = 1.0

    def wishes(self, cells: Cells, tracks: Sequence[Track], boottime_ns: int) -> list[Wish]:
        """Return what is worth a look in the frame captured at `boottime_ns`; `cells` are those that move in it."""
        self._take_in(cells, boottime_ns)
        wishes: list[Wish] = []
        self._blobs, self._near = [], []
        for track in tracks:
            if _is_doubtful(track) or not self.still(track):
                wishes += self._wishes_of(track, boottime_ns)
        if not self._restless:
            return wishes
        free = self._changed.copy()
        for track in tracks:
            free[self.cells_of(track, _OWN_MOTION)] = False
        if free.any():
            for column, row, width, height, count in self._blobs_of(free).tolist():
                if count >= _LEAST_CELLS:
                    self._blobs += self._pieces(column, row, width, height)
                    self._add_near(_Blob(slice(row, row + height), slice(column, column + width)), boottime_ns)
            wishes += [self._wish_for_motion(blob, boottime_ns) for blob in self._blobs]
        return wishes

    def whole(self, most: int) -> list[Region]:
        """Return the whole picture if someone is too near for any square within it to show them well.

        Call it after `wishes`.
        """
        if not self._near or most <= 0:
            return []
        return [self._whole(max(person_px for _, person_px in self._near))]

    def sweep(self, tracks: Sequence[Track], boottime_ns: int, most: int) -> list[Region]:
        """Return where to look although nothing moves: everywhere at first, then one place every few seconds."""
        share = (most + 1) // 2  # the rest is for a second look at the people it finds
        regions = [region for region, looked_ns in self._wholes.items() if not looked_ns][: max(share, 0)]
        regions += self._sweep.first(share - len(regions))
        if regions or most <= 0:
            return regions
        places = [(track.looked_ns, self._around(track)) for track in tracks]
        if self._may_be_near():
            places += [(looked_ns, region) for region, looked_ns in self._wholes.items()]
        return self._sweep.due(places, boottime_ns)

    def looked(self, regions: Sequence[Region], found: Sequence[Detection], boottime_ns: int) -> None:
        """Learn from a frame: where the model looked, and every box that may be a person."""
        self._sweep.looked(regions, boottime_ns)
        self._wholes.update((region, boottime_ns) for region in regions if region in self._wholes)
        if not regions or not self._changed.size:
            return
        for region in regions:
            left, top, width, height = region
            if left >= 0 and top >= 0:
                self._changed[
                    self._row(top, up=True) : self._row(top + height),
                    self._column(left, up=True) : self._column(left + width),
                ] = False
                continue
            self._whole_ns = boottime_ns
            for near, person_px in self._near:
                if shows(region, person_px, self._width, self._height):
                    self._changed[near] = False
        self._restless = bool(self._changed.any())
        fruitful = np.zeros(self._changed.shape, bool)
        for box in found:
            cells = self._cells_of(box.left, box.top, box.width, box.height)
            fruitful[cells] = True
            self._hint_px[cells] = box.height
        for blob in self._blobs:
            if fruitful[blob].any():
                self._bored_s[blob] = 0
            elif not self._changed[blob].all():
                self._bored_s[blob] += self._step_s

    def unchanged(self, track: Track) -> bool:
        """Whether nothing around this person has changed since it was last looked at."""
        return not (self._restless and self._changed[self.cells_of(track, _AROUND)].any())

    def still(self, track: Track) -> bool:
        """Whether no look is owed to this person: nothing around them has changed, and the last look was certain.

        Of a place where they are only expected, as their pace has taken them there, no look has said anything yet.
        """
        return self.unchanged(track) and not (track.is_elsewhere or track.is_unsettled)

    def cells_of(self, track: Track, around: float = 0.0) -> tuple[slice, slice]:
        """Return rows and columns of the cells of a person's box, and of this share of their height around it."""
        return self._cells_of(*track.box, around)

    def _cells_of(
        self, left: float, top: float, width: float, height: float, around: float = 0.0
    ) -> tuple[slice, slice]:
        margin = around * height
        return (
            slice(self._row(top - margin), self._row(top + height + margin) + 1),
            slice(self._column(left - margin), self._column(left + width + margin) + 1),
        )

    def _take_in(self, cells: Cells, boottime_ns: int) -> None:
        if self._changed.shape != cells.shape:
            self._changed = np.zeros(cells.shape, bool)
            self._since_ns = np.zeros(cells.shape, np.int64)
            self._bored_s = np.zeros(cells.shape, np.float32)
            self._hint_px = np.zeros(cells.shape, np.float32)
            self._cell_x, self._cell_y = self._width / cells.shape[1], self._height / cells.shape[0]
            self._last_ns = boottime_ns
        self._step_s = min(max(boottime_ns - self._last_ns, 0) / 1e9, 1.0)
        self._last_ns = boottime_ns
        np.copyto(self._since_ns, boottime_ns, where=cells & ~self._changed)
        self._changed |= cells
        self._restless = bool(self._changed.any())
        bored_s = np.minimum(self._bored_s, _BORED_MOST_S) - np.float32(self._step_s * _FORGIVEN_PER_S)
        self._bored_s = np.maximum(bored_s, 0)

    def _pieces(self, column: int, row: int, width: int, height: int) -> list[_Blob]:
        """Split motion that is wider or higher than a region can be: no single look shows all of it."""
        most_px = _WIDEST * min(self._width, self._height)
        return [
            _Blob(rows, columns)
            for rows in _parts(row, height, most_px / self._cell_y)
            for columns in _parts(column, width, most_px / self._cell_x)
            if self._changed[rows, columns].any()
        ]

    def _wish_for_motion(self, blob: _Blob, boottime_ns: int) -> Wish:
        """Return the wish for this motion, with room around it for a person of the usual height."""
        left, right = blob.columns.start * self._cell_x, blob.columns.stop * self._cell_x
        top, bottom = blob.rows.start * self._cell_y, blob.rows.stop * self._cell_y
        x, y = (left + right) / 2, (top + bottom) / 2
        person_px = float(self._hint_px[blob].max()) or self.sizes.expected_px(x, y)
        person_px = person_px or max(bottom - top, _UNKNOWN_SHARE * self._height)
        waited_s = (boottime_ns - int(self._since_ns[blob][self._changed[blob]].min())) / 1e9
        fresh = _BORED ** float(self._bored_s[blob].min())
        waiting = min(waited_s * (_WAITING_PER_S * fresh + _BORED_WAITING_PER_S), _WAITING_MOST)
        return Wish(
            min(left, x - person_px / 4),
            min(top, y - person_px / 2),
            max(right, x + person_px / 4),
            max(bottom, y + person_px / 2),
            max(person_px, 0.4 * (bottom - top), 0.3 * (right - left)),
            _MOTION * fresh + waiting,
            _MOTION_HARD,
        )

    def _wishes_of(self, track: Track, boottime_ns: int) -> list[Wish]:
        """Return the wish for this track; no wish for a person nearby while the whole picture shows them."""
        if not self._is_near(track):
            return [_wish_for_person(track, boottime_ns)]
        every_ns = self._near_every_ns if track.last is not None else max(self._near_every_ns, _AGAIN_NS)
        if boottime_ns - self._whole_ns >= every_ns:
            self._near.append((_Blob(*self.cells_of(track, _AROUND)), track.height))
        return [] if track.last is not None else [_wish_for_person(track, boottime_ns)]

    def _add_near(self, blob: _Blob, boottime_ns: int) -> None:
        """Note motion that may be a person nearby, whom its pieces don't show; only now and then, as it rarely is."""
        height_px = (blob.rows.stop - blob.rows.start) * self._cell_y
        if (
            height_px > _NEAR_MOTION * self._height
            and boottime_ns - self._whole_ns >= _AGAIN_NS
            and shows(self._whole(height_px), height_px, self._width, self._height)
            and self._wish_for_motion(blob, boottime_ns).weight > _LEAST_MOTION
        ):
            self._near.append((blob, height_px))

    def _may_be_near(self) -> bool:
        usual_px = self.sizes.expected_px(self._width / 2, self._height / 2)
        return usual_px is None or usual_px > _MAY_BE_NEAR * self._height

    def _is_near(self, track: Track) -> bool:
        """Whether the whole picture shows them best; never in a panorama that is too wide to show them at all."""
        return track.height > _NEAR * min(self._width, self._height) and shows(
            self._whole(track.height), track.height, self._width, self._height
        )

    def _whole(self, person_px: float) -> Region:
        return whole(round(_NEAR_TIMES * person_px), self._width, self._height)

    def _around(self, track: Track) -> Region:
        if self._is_near(track):
            return self._whole(track.height)
        return square(track.x, track.y - track.height / 2, round(3 * track.height), self._width, self._height)

    def _row(self, y: float, *, up: bool = False) -> int:
        return _cell(y * self._changed.shape[0] / self._height, up=up)

    def _column(self, x: float, *, up: bool = False) -> int:
        return _cell(x * self._changed.shape[1] / self._width, up=up)


def _is_doubtful(track: Track) -> bool:
    return not track.real and track.looks < _FEW_LOOKS


def _wish_for_person(track: Track, boottime_ns: int) -> Wish:
    left, top, width, height = track.box
    margin = _AROUND * height
    if track.last is not None:
        weight = _REAL if track.real else _DOUBTFUL
    else:
        weight = _LOST if track.missed_s < _LONG_LOST_S else _LONG_LOST
    waited_ns = boottime_ns - track.looked_ns
    weight *= 1 + _UNSEEN_PER_S * min(waited_ns / 1e9, _UNSEEN_MOST_S)
    if track.real:
        weight *= min(waited_ns / (_AGAIN_NS if track.last is None else _FRESH_NS), 1.0)
    hard = min(max(1 - track.last_score, 0.0), 1.0)
    return Wish(left - margin, top - margin, left + width + margin, top + height + margin, height, weight, hard)


def _parts(first: int, count: int, most: float) -> list[slice]:
    """Split `count` cells, from `first` on, into nearly equal parts of about `most` cells at the largest."""
    parts = max(math.ceil(count / max(most, 1.0)), 1)
    return [slice(first + count * at // parts, first + count * (at + 1) // parts) for at in range(parts)]


def _cell(place: float, *, up: bool) -> int:
    return max(math.ceil(place) if up else math.floor(place), 0)
