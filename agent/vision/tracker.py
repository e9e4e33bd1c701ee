"""Follows people from frame to frame by place, pace and size alone: no feature of a person is kept (POPIA).

Boxes are matched to tracks in two rounds, clear ones first, so that a weak box may continue a track but never begin
one (the idea of ByteTrack, Zhang et al. 2022). They are matched by distance in heights of the person, not by overlap:
at CCTV range people move by more than their width between frames.
"""

import itertools
from collections.abc import Callable, Sequence

from agent.ports import Detection
from agent.vision.assignment import assign
from agent.vision.flow import Shift
from agent.vision.track import Track

WEAK_SHARE = 0.4
"""A box that reaches this share of the score threshold may continue a track."""
_GATE = 0.8
"""How far, by `Track.distance`, a box may be from where a person is expected."""
_GATE_GROWTH_PER_S = 1.5
_GROWS = 2.0
"""A box that is so many times as long, or as short, is somebody else's: who comes behind somebody who has walked off.
Whoever falls is as long as before."""
_GROWS_LOST = 1.5
_HIDDEN_S = 1.0
"""Whoever has been missed for longer than this, and is not half hidden, comes back about as large as they were."""
_WEAK_GATE = 0.25
"""A weak box continues a track only if it is this near: from farther away it is too often another person's."""
_WEAK_GATE_GROWTH_PER_S = 1.2
"""For each second since they were last found, as there may have been no look."""
_LOST_S = 2.5
"""A real person is expected back for this long: from behind a lamp post, in a crowd."""
_DOUBTFUL_LOST_S = 0.3
_ENOUGH_HITS = 2
_BODY_PX = 50.0, 100.0
_BODY = 0.46, 0.53
"""A thing with the outline of a person is none if the looks at it, all together, are less sure of its joints than the
first (up to the first height) or the second (from the second on): small people show less of theirs."""
_LONGEST_STEP_S = 1.0
_AWAY_NS = 30_000_000_000
"""After this long without a picture, the person who stands there may be another one."""
_COMPANY = 0.2
"""If more than this share of the smaller of two boxes is in the other one, a found box may be of both people."""


class Tracker:
    """Tracks the people of one camera. One thread."""

    def __init__(self, score_threshold: float) -> None:
        """A box with at least this score may begin a track; a track needs it as its median score to become real."""
        self._threshold = score_threshold
        self._numbers = itertools.count(1)
        self._last_ns: int | None = None
        self._step_s = 0.0
        self.tracks: list[Track] = []
        """Everyone who is tracked, real or doubtful."""

    def expect(
        self, boottime_ns: int, shifts: Callable[[Sequence[Track]], Sequence[Shift | None]] | None = None
    ) -> None:
        """Move everyone to where they should be at `boottime_ns`, the capture time of the next frame.

        `shifts` says how far the picture has moved where each of them was, where that is known.
        """
        step_ns = 0 if self._last_ns is None else max(boottime_ns - self._last_ns, 0)
        self._last_ns = boottime_ns
        if step_ns > _AWAY_NS:  # only looks that miss a person make a track lost, and there were none
            self.forget()
        self._step_s = min(step_ns / 1e9, _LONGEST_STEP_S)
        moved = shifts(self.tracks) if shifts is not None else [None] * len(self.tracks)
        for track, shift in zip(self.tracks, moved, strict=True):
            track.advance(self._step_s, shift)

    def update(
        self,
        found: Sequence[Detection],
        looked_at: Callable[[Track], bool],
        width: int,
        height: int,
        *,
        stands: Callable[[Track], bool] | None = None,
    ) -> list[tuple[Track, Detection]]:
        """Take in the boxes of the expected frame, of `width` x `height` pixels, and return which box is whose.

        `looked_at` says whether the frame was looked at where a person is expected: only then can they be missed.
        `stands` says whether nothing has moved there: if a look elsewhere then shows them, their box is cut, and must
        not move them.
        """
        clear = [box for box in found if box.score >= self._threshold]
        weak = [box for box in found if WEAK_SHARE * self._threshold <= box.score < self._threshold]
        pairs = self._match(self.tracks, clear, _gate)
        matched = {id(track) for track, _ in pairs}
        pairs += self._match([track for track in self.tracks if id(track) not in matched], weak, self._weak_gate)
        matched = {id(track) for track, _ in pairs}
        now_ns = self._last_ns or 0
        for track in self.tracks:
            if looked_at(track):
                if id(track) not in matched:
                    # Between two looks that have both missed them they were not there either.
                    since_s = self._step_s if track.last is not None else (now_ns - track.looked_ns) / 1e9
                    track.miss(min(since_s, _LONGEST_STEP_S))
                track.looked_ns = now_ns
        in_company = _in_company(self.tracks) if pairs else set()
        for track, box in pairs:
            if looked_at(track) or stands is None or not stands(track):
                track.hit(box, in_company=track.id in in_company)
                track.looked_ns = now_ns
        taken = {id(box) for _, box in pairs}
        begun = [Track(next(self._numbers), box) for box in clear if id(box) not in taken]
        for track in begun:
            track.looked_ns = now_ns
        self.tracks = [track for track in self.tracks if _still_there(track, width, height)] + begun
        for track in self.tracks:
            track.real = track.real or (
                track.hits >= _ENOUGH_HITS and track.score >= self._threshold and _has_body(track)
            )
        return pairs

    def forget(self) -> None:
        """Drop all tracks, as the picture is another one. The numbering goes on."""
        self.tracks = []

    def _match(
        self, tracks: Sequence[Track], boxes: Sequence[Detection], gate: Callable[[Track], float]
    ) -> list[tuple[Track, Detection]]:
        costs = [_costs(track, boxes, gate(track)) for track in tracks]
        return [(tracks[row], boxes[column]) for row, column in assign(costs)]

    def _weak_gate(self, track: Track) -> float:
        gap_s = max(track.unseen_s - self._step_s, 0)
        return min(_WEAK_GATE + _WEAK_GATE_GROWTH_PER_S * gap_s, _gate(track))


def _gate(track: Track) -> float:
    return _GATE * (1 + _GATE_GROWTH_PER_S * track.missed_s if track.real else 1)


def _has_body(track: Track) -> bool:
    (small, large), (least, most) = _BODY_PX, _BODY
    share = min(max((track.height - small) / (large - small), 0.0), 1.0)
    return track.body >= least + share * (most - least)


def _costs(track: Track, boxes: Sequence[Detection], gate: float) -> list[float | None]:
    length = max(track.width, track.height)
    most = _GROWS if track.missed_s < _HIDDEN_S else _GROWS_LOST
    return [
        distance if distance <= gate and 1 / most < max(box.width, box.height) / length < most else None
        for distance, box in ((track.distance(box), box) for box in boxes)
    ]


def _still_there(track: Track, width: int, height: int) -> bool:
    """Whether the person is not lost for too long, and not out of the picture by more than half."""
    in_picture = 0 < track.x < width and 0 < track.y - track.height / 2 < height
    return in_picture and track.missed_s <= (_LOST_S if track.real else _DOUBTFUL_LOST_S)


def _in_company(tracks: Sequence[Track]) -> set[int]:
    """Return the numbers of the people whose boxes overlap that of another person who is not lost."""
    boxes = [(track, *track.box) for track in tracks if track.missed_s < _HIDDEN_S]
    together: set[int] = set()
    for (one, left, top, width, height), (other, x, y, across, down) in itertools.combinations(boxes, 2):
        shared_x = min(left + width, x + across) - max(left, x)
        if shared_x > 0:
            shared_y = min(top + height, y + down) - max(top, y)
            if shared_x * max(shared_y, 0) > _COMPANY * min(width * height, across * down):
                together |= {one.id, other.id}
    return together
