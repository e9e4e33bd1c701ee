"""When somebody has come and when they have left, from detections that flicker.

A detector sees a person in perhaps six of ten frames, and now and then one in an empty street. So presence
is evidence in seconds: a frame with people adds the time since the frame before it, one without takes some
away, and neither the frame rate nor a skipped frame changes what a second is worth.
"""

from collections.abc import Sequence
from dataclasses import dataclass

MAX_STEP_NS = 1_000_000_000
"""No single frame counts for more: a camera that was away has shown neither presence nor absence."""
MISS_WEIGHT = 0.25
"""What a frame without people takes from the evidence: with it, one frame in five keeps somebody in view."""
FIRST_SHARE = 0.25
"""The first frame of a sighting has no length of its own; it counts at most this share of `enter_after_s`."""


@dataclass(frozen=True, slots=True)
class Person:
    """One person in one frame; `box` is left, top, width, height as fractions of the picture."""

    score: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Entered:
    """Somebody came into an empty view; `boottime_ns` is the capture time of the first frame with them."""

    boottime_ns: int
    persons: int
    best: Person


@dataclass(frozen=True, slots=True)
class Left:
    """The view has been empty for long enough; `boottime_ns` is the last frame in which anybody was seen."""

    boottime_ns: int
    duration_ms: int
    persons_max: int


class _Level:
    """Whether at least so many people are in view. Each level stands alone: one rule for every count."""

    def __init__(self, enter_after_ns: int, leave_after_ns: int) -> None:
        self._enter_after_ns = enter_after_ns
        self._leave_after_ns = leave_after_ns
        self.present = False
        self.first_seen_ns = 0
        self.last_seen_ns = 0
        self._evidence_ns = 0.0
        self._sighted = False

    def update(self, now_ns: int, step_ns: int, *, seen: bool) -> None:
        if seen:
            self.last_seen_ns = now_ns
        if self.present:
            self._weigh_absence(step_ns, seen=seen)
        else:
            self._weigh_presence(now_ns, step_ns, seen=seen)

    def _weigh_presence(self, now_ns: int, step_ns: int, *, seen: bool) -> None:
        if seen and not self._sighted:
            self._sighted = True
            self.first_seen_ns = now_ns
            self._evidence_ns = min(step_ns, FIRST_SHARE * self._enter_after_ns)
        elif seen:
            self._evidence_ns += step_ns
        elif self._sighted:
            self._evidence_ns -= MISS_WEIGHT * step_ns
            self._sighted = self._evidence_ns > 0
        long_enough = now_ns - self.first_seen_ns >= self._enter_after_ns
        if seen and long_enough and self._evidence_ns >= self._enter_after_ns:
            self.present = True
            self._evidence_ns = 0.0

    def _weigh_absence(self, step_ns: int, *, seen: bool) -> None:
        change = -step_ns / MISS_WEIGHT if seen else step_ns
        self._evidence_ns = max(0.0, self._evidence_ns + change)
        if not seen and self._evidence_ns >= self._leave_after_ns:
            self.present = False
            self._sighted = False
            self._evidence_ns = 0.0


class Presence:
    """Turns the detections of one camera into people entering and leaving. One thread, except `persons`.

    Somebody has entered when they were seen for `enter_after_s`, and left when nobody was for
    `leave_after_s`; frames that miss them only delay the first, and false ones the second.
    """

    def __init__(self, enter_after_s: float, leave_after_s: float) -> None:
        self._enter_after_ns = round(enter_after_s * 1e9)
        self._leave_after_ns = round(leave_after_s * 1e9)
        self._levels = [self._new_level()]
        self._last_ns: int | None = None
        self._best: Person | None = None
        self._persons_max = 0

    @property
    def persons(self) -> int:
        """How many people are in view, after hysteresis. Any thread."""
        return sum(level.present for level in self._levels)

    def update(self, boottime_ns: int, people: Sequence[Person]) -> Entered | Left | None:
        """Take in one frame: its capture time, never before that of the last one, and who is in it."""
        step_ns = 0 if self._last_ns is None else min(max(boottime_ns - self._last_ns, 0), MAX_STEP_NS)
        self._last_ns = boottime_ns
        before = self._levels[0].present
        while len(self._levels) < len(people):
            self._levels.append(self._new_level())
        for count, level in enumerate(self._levels, start=1):
            level.update(boottime_ns, step_ns, seen=len(people) >= count)
        self._remember_best(boottime_ns, people)
        return self._change(before)

    def _change(self, before: bool) -> Entered | Left | None:
        somebody = self._levels[0]
        if somebody.present:
            self._persons_max = max(self._persons_max, self.persons)
            if not before and self._best is not None:
                return Entered(somebody.first_seen_ns, self.persons, self._best)
        elif before:
            left = Left(
                somebody.last_seen_ns,
                (somebody.last_seen_ns - somebody.first_seen_ns) // 1_000_000,
                self._persons_max,
            )
            self._persons_max = 0
            self._levels = [somebody]  # nobody at all is also not two
            return left
        return None

    def _remember_best(self, boottime_ns: int, people: Sequence[Person]) -> None:
        """The clearest view of the sighting that is being weighed."""
        best = max(people, key=lambda person: person.score, default=None)
        if best is None:
            return
        fresh = self._levels[0].first_seen_ns == boottime_ns
        if self._best is None or fresh or best.score > self._best.score:
            self._best = best

    def _new_level(self) -> _Level:
        return _Level(self._enter_after_ns, self._leave_after_ns)
