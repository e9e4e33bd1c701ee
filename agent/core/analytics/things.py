"""Learns which of those whom the tracker takes for people are things: a statue, a poster, a shop dummy. Pure.

A person who stands shows life within seconds, and one who sleeps turns over. So what has stood in one place for half an
hour, and has neither come there nor shown any sign of life, may be a thing, and after four hours it is one. Places are
remembered, not tracks: a thing that somebody has hidden for a moment is the same thing afterwards. Whoever has come
walking, or has shown life, is a person for as long as they are in view, wherever they stand. So is whoever doesn't
stand: somebody unconscious may have lain or sat there since before the camera's process began, and shows no life
either.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from agent.contract.vocabulary import Box
from agent.core.analytics.fall import RISEN
from agent.core.analytics.track_state import FrameTime, TrackState
from agent.core.analytics.tracks import TrackedPerson, shape
from agent.core.polygon import Point, apart

TOLD_NS = 1_800_000_000_000
"""What has stood for this long may be a thing: a technician is told, who can mask it."""
LEARNED_NS = 14_400_000_000_000
"""What has stood for this long is one, and no longer counts."""
_REMEMBERED_NS = 86_400_000_000_000
"""A place is remembered for as long as something stood there, so a short stop is soon forgotten, and at most for this
long: a statue that nobody can make out at night is known in the morning, and a camera that was turned forgets."""
_WITHIN = 0.2
"""How far from its place a thing may be found, in its heights: boxes tremble."""
_TALLER = 1.25
_STANDS = 1.8
"""Only what is at least this many times as high as wide can be a thing. Whoever sits on the
ground is wider."""
_MOST = 32
"""Places remembered. Those at which something has stood for the shortest time are given up first."""


@dataclass(slots=True)
class _Place:
    box: Box
    foot: Point
    last_ns: int
    stood_ns: int = 0

    def is_of(self, state: TrackState, aspect: float) -> bool:
        """Return whether they are here, and were from the first, and are about as tall as what was here."""
        if state.found is None:
            return False
        tall = self.box[3]
        feet = (state.foot, state.came_from)
        here = all(foot is not None and apart(self.foot, foot, aspect) <= _WITHIN * tall for foot in feet)
        return here and tall / _TALLER <= state.found.box[3] <= tall * _TALLER


class Things:
    """The things in one camera's picture. One thread, but any thread may read `boxes`."""

    def __init__(self) -> None:
        self._places: list[_Place] = []
        self.tracks: frozenset[int] = frozenset()
        """The numbers of tracks that are of things, as of the last frame."""
        self.boxes: tuple[Box, ...] = ()
        """Where things are, known ones and those that may be one, whether or not this frame shows them."""

    def update(self, frame: FrameTime, states: Iterable[TrackState]) -> None:
        """Take in one frame, with everybody who is remembered."""
        self._places = [place for place in self._places if not _is_forgotten(place, frame.now_ns)]
        tracks = set()
        for state in states:
            if state.conduct_is_reportable:
                if not state.travelled:
                    # What has shown life here was no thing: somebody who slept has stirred.
                    self._places = [place for place in self._places if not place.is_of(state, frame.aspect)]
            elif state.found is not None and state.foot is not None:
                if self._stands(frame, state, state.found, state.foot):
                    tracks.add(state.id)
            elif state.now is not None and state.id in self.tracks:
                tracks.add(state.id)
        self.tracks = frozenset(tracks)
        self.boxes = tuple(place.box for place in self._places if place.stood_ns >= TOLD_NS)

    def _stands(self, frame: FrameTime, state: TrackState, found: TrackedPerson, foot: Point) -> bool:
        """Count this frame for the place where they are, or against it if they don't stand; return whether it is known
        to be that of a thing."""
        place = next((each for each in self._places if each.is_of(state, frame.aspect)), None)
        if not _is_upright(found, frame.aspect):
            if place is not None:
                place.stood_ns = max(place.stood_ns - frame.step_ns, 0)
            return False
        if place is None:
            place = _Place(found.box, foot, frame.now_ns)
            self._places = [*sorted(self._places, key=lambda each: -each.stood_ns)[: _MOST - 1], place]
        place.last_ns = frame.now_ns
        place.stood_ns = min(place.stood_ns + frame.step_ns, _REMEMBERED_NS)
        return place.stood_ns >= LEARNED_NS


def _is_upright(found: TrackedPerson, aspect: float) -> bool:
    """Return whether they stand, by outline and, where the look tells, joints: somebody who lies with their head or
    feet towards the camera may be as high as one who stands."""
    return shape(found.box, aspect) >= _STANDS and (found.rise is None or found.rise >= RISEN)


def _is_forgotten(place: _Place, now_ns: int) -> bool:
    return abs(now_ns - place.last_ns) > max(place.stood_ns, 1_000_000_000)
