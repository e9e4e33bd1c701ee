"""Finds the people in each frame, and which of them were there before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np
import numpy.typing as npt

from agent.core.analytics.tracks import TrackedPerson
from agent.ports import Detection, Detector, Frame
from agent.vision.attention import Attention
from agent.vision.clarity import Clarity
from agent.vision.flow import Flow, FollowPoints, Shift
from agent.vision.inference_budget import InferenceBudget
from agent.vision.life import Life
from agent.vision.merge import merge
from agent.vision.motion import Cells, Motion
from agent.vision.orientation import Orientation
from agent.vision.regions import Region, choose_regions, cut_out, shows
from agent.vision.repair import Repair
from agent.vision.small_grey import motion_size
from agent.vision.track import Track
from agent.vision.tracker import Tracker

Pixels = npt.NDArray[np.uint8]

FLOOR = 0.05
"""The detector of a Sight must return every box from this score on; the tracker decides what a box is worth."""
_LEAST_GAIN = 0.1
"""A region that is expected to show less than this share of a person is not worth an inference."""
_PACE_LASTS_S = 0.25
"""Until so long after a find, where somebody is expected by their pace is as sure as what the picture says."""
_FOLLOWED_S = 1.0
"""The box of somebody who was found is followed for this long without a look; its score falls by half until then."""
_ENOUGH_SHOWN = 0.8
"""Share of a box that a region must show before anybody can be called missing there."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen in one frame."""

    people: tuple[TrackedPerson, ...]
    """Those who are believed to be real, whether or not this frame shows them."""
    detections: tuple[Detection, ...]
    """One box per person, in pixels, out of those that the model scored at `FLOOR` or more. The score of a box that its
    region has cut is halved, and may then be lower. For whoever was not looked at: the box from
    the last look, if nothing has changed there since; else, within a second, where they are followed to, with a score
    that falls to half of what it was."""
    regions: tuple[Region, ...]
    """Where the model looked. One inference each."""
    clarity: Clarity | None = None
    """How well the pictures could be seen when that was last measured: another object each time."""
    quarters: int = 0
    """How many quarter turns against the clock the pictures seem to need."""


@dataclass(slots=True)
class _Look:
    """One frame on its way through the steps, and what they have made of it so far."""

    frame: Frame
    width: int
    height: int
    small: Pixels = field(init=False)
    cells: Cells = field(init=False)
    turned: list[Region] = field(init=False)
    regions: list[Region] = field(init=False)
    swept: int = field(init=False)
    """How many of the regions, the first ones, are the sweep's."""
    found: list[Detection] = field(init=False)
    held: list[Detection] = field(default_factory=list)
    """Boxes of people who were not looked at."""

    @property
    def now_ns(self) -> int:
        """When the frame was captured."""
        return self.frame.boottime_ns


class FindsPeople(Protocol):
    """Anything that can tell who is in a frame."""

    def process(self, frame: Frame) -> Seen:
        """Return who is in this frame; frames come in order. Raises ModelError."""
        ...


class Sight:
    """Finds and tracks the people in the frames of one camera, which come in order. One thread.

    `small_grey(picture, width, height)` scales a picture, BGR or grey; `blobs(cells)` returns the connected pieces of
    motion, N x 5: left, top, width, height, count, in cells.
    """

    def __init__(
        self,
        detector: Detector,
        small_grey: Callable[[Pixels, int, int], Pixels],
        blobs: Callable[[Cells], npt.NDArray[np.int32]],
        follow: FollowPoints,
        *,
        score_threshold: float,
        inferences_per_second: float,
        smallest_person: float = 0.0,
        repair: Repair | None = None,
    ) -> None:
        """`smallest_person` is a share of the picture's height: smaller people are too far away to report. `repair`
        is for what the model looks at; without it pictures stay as they are."""
        self._detector = detector
        self._small_grey = small_grey
        self._blobs = blobs
        self._tracker = Tracker(score_threshold)
        self._budget = InferenceBudget(inferences_per_second)
        self._smallest = smallest_person
        self._life = Life(small_grey)
        self._flow = Flow(follow)
        self._size = (0, 0)
        self._motion = Motion()
        self._repair = repair or Repair(None)
        self._per_s = inferences_per_second
        self._orientation = Orientation(inferences_per_second)
        self._attention = Attention(1, 1, blobs, inferences_per_second)
        self._steps = (
            self._adapt_to_size,
            self._measure_picture,
            self._find_motion,
            self._expect_people,
            self._choose_regions,
            self._detect,
            self._assign_tracks,
            self._hold_boxes,
            self._check_life,
        )

    def process(self, frame: Frame) -> Seen:
        """Process the next frame. Raises ModelError."""
        look = _Look(frame, *frame.pixels.shape[1::-1])
        for step in self._steps:
            step(look)
        return Seen(
            tuple(person_of(track, look.width, look.height) for track in self._tracker.tracks if track.real),
            (*look.found, *look.held),
            (*look.regions, *look.turned),
            self._repair.clarity,
            self._orientation.quarters,
        )

    def _adapt_to_size(self, look: _Look) -> None:
        if self._size != (look.width, look.height):
            self._begin(look.width, look.height)

    def _measure_picture(self, look: _Look) -> None:
        frame = look.frame
        look.small = self._small_grey(
            frame.pixels if frame.grey is None else frame.grey, *motion_size(look.width, look.height)
        )
        self._repair.see(look.small, frame.pixels, look.now_ns)

    def _find_motion(self, look: _Look) -> None:
        look.cells = self._motion.update(look.small, look.now_ns, self._repair.steepness)

    def _expect_people(self, look: _Look) -> None:
        self._tracker.expect(look.now_ns, partial(self._shifts, look.frame, look.small, look.cells))

    def _choose_regions(self, look: _Look) -> None:
        now_ns, tracks = look.now_ns, self._tracker.tracks
        left = self._budget.left(now_ns)
        look.turned = self._orientation.wish(now_ns)[:left]
        left -= len(look.turned)
        wishes = self._attention.wishes(look.cells, tracks, now_ns)
        regions = self._attention.sweep(tracks, now_ns, left)
        look.swept = len(regions)
        regions += self._attention.whole(left - len(regions))
        regions += choose_regions(wishes, look.width, look.height, left - len(regions), _LEAST_GAIN)
        self._budget.spend(now_ns, len(regions) + len(look.turned))
        look.regions = regions

    def _detect(self, look: _Look) -> None:
        pixels, regions = look.frame.pixels, look.regions
        pictures = [self._repair.applied(cut_out(pixels, region)) for region in regions]
        pictures += [self._orientation.turned(self._repair.applied(cut_out(pixels, region))) for region in look.turned]
        answers = self._detector.detect(pictures) if pictures else []
        by_region = list(zip(regions, answers, strict=False))
        self._orientation.learn(look.turned, answers[len(regions) :], look.now_ns)
        self._orientation.looked(by_region[look.swept :], look.now_ns)
        boxes = merge(by_region, look.width, look.height)
        look.found = [box for box in boxes if box.height >= self._smallest * look.height]

    def _assign_tracks(self, look: _Look) -> None:
        pairs = self._tracker.update(
            look.found,
            partial(self._is_answered, look.regions),
            look.width,
            look.height,
            stands=self._attention.unchanged,
        )
        for track, box in pairs:
            if track.real:
                self._attention.sizes.learn(track.x, track.y - track.height / 2, box.height)
        self._attention.looked(look.regions, look.found, look.now_ns)

    def _hold_boxes(self, look: _Look) -> None:
        for track in self._tracker.tracks:
            if track.last is not None and track.looked_ns < look.now_ns and self._attention.still(track):
                track.stand()
                look.held.append(track.last)
            elif track.real and track.last is not None and 0 < track.unseen_s <= _FOLLOWED_S:
                look.held.append(Detection(*track.box, track.last.score * (1 - track.unseen_s / (2 * _FOLLOWED_S))))

    def _check_life(self, look: _Look) -> None:
        self._life.process(look.frame.pixels, self._tracker.tracks, look.now_ns)

    def _is_answered(self, regions: list[Region], track: Track) -> bool:
        """Whether it is known if the person is where they are expected.

        Either this frame was looked at there, or an earlier look missed them there and nothing has changed since.
        """
        return _is_within(track, regions, *self._size) or (track.last is None and self._attention.still(track))

    def _begin(self, width: int, height: int) -> None:
        self._size = (width, height)
        self._motion = Motion()
        self._orientation = Orientation(self._per_s)
        self._attention = Attention(width, height, self._blobs, self._per_s)
        self._tracker.forget()
        self._flow.forget()

    def _shifts(self, frame: Frame, small: Pixels, cells: Cells, tracks: Sequence[Track]) -> list[Shift | None]:
        """Return how the picture has moved where each was.

        It is not asked about those whom the last look has missed, as it would show what hides them; about those who
        were found a moment ago, as their pace says as much; nor where nothing moves.
        """
        followed = [
            track
            for track in tracks
            if track.last is not None
            and track.unseen_s > _PACE_LASTS_S
            and cells[self._attention.cells_of(track)].any()
        ]
        picture = small if frame.grey is None else frame.grey
        times = frame.pixels.shape[1] / picture.shape[1]
        shifts = self._flow.shifts(picture, [track.box for track in followed], times)
        known = {track.id: shift for track, shift in zip(followed, shifts, strict=True)}
        return [known.get(track.id) for track in tracks]


def _is_within(track: Track, regions: list[Region], width: int, height: int) -> bool:
    """Whether a region shows nearly all of the box, as far as it lies in the picture."""
    left, top, box_width, box_height = track.box
    right, bottom = min(left + box_width, width), min(top + box_height, height)
    left, top = max(left, 0), max(top, 0)
    least = _ENOUGH_SHOWN * (right - left) * (bottom - top)
    return any(
        max(min(right, x + side) - max(left, x), 0) * max(min(bottom, y + side) - max(top, y), 0) >= least
        for x, y, side, _ in regions
        if shows((x, y, side, side), track.height, width, height)
    )


def person_of(track: Track, width: int, height: int) -> TrackedPerson:
    """Return the tracked person, of a picture of this size in pixels, as rules take them."""
    left, top, box_width, box_height = track.box
    box = (left / width, top / height, box_width / width, box_height / height)
    seen, rise = track.last is not None, None if track.last is None else track.last.rise
    return TrackedPerson(track.id, box, track.score, seen=seen, alive=track.alive, rise=rise)
