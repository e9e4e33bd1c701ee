"""Decides from flickering detections when something becomes true and when it stops being true.

A detector sees a person in perhaps six of ten frames, and now and then one in an empty street. So a state is backed by
evidence, in seconds. A frame that shows it adds the time since the frame before; a frame that does not takes some away.
Neither the frame rate nor a skipped frame changes what a second is worth.
"""

MISS_WEIGHT = 0.25
"""What a frame that does not show it takes from the evidence. With this value, one frame in five keeps a true state."""
FIRST_SHARE = 0.25
"""The first frame has no duration of its own; it counts at most this share of the evidence needed."""
FEWEST_FRAMES = 2
"""A single frame is never enough, however little time is required."""


class Evidence:
    """Whether one thing is true: from `begin_after_ns` of evidence for it until `end_after_ns` against it."""

    def __init__(self, begin_after_ns: int, end_after_ns: int) -> None:
        self._begin_after_ns = begin_after_ns
        self._end_after_ns = end_after_ns
        self.first_ns = self.last_ns = 0
        """Capture times of the first and the last frame that showed it; meaningless before there was one."""
        self._weight_ns = 0.0
        """Evidence for it until it holds, and evidence against it from then on."""
        self.clear()

    @property
    def idle(self) -> bool:
        """Whether there is no evidence for it, so that it may be forgotten."""
        return not self.holds and self._frames == 0

    def clear(self) -> None:
        """Make it false, with no evidence for it."""
        self.holds = False
        self._frames = 0  # frames that have shown it; the first of them gives the weight anew

    def update(self, now_ns: int, step_ns: int, shown: bool | None, *, may_begin: bool = True) -> None:
        """Take in one frame of `step_ns`: it shows the thing, does not, or (None) says nothing once it holds.

        Evidence adds up in any case, but the state only begins at a frame that shows it while `may_begin`.
        """
        if shown:
            self.last_ns = now_ns
        if self.holds:
            if shown is not None:
                self._weigh_end(step_ns, shown)
        else:
            self._weigh_begin(now_ns, step_ns, bool(shown))
            if shown and may_begin and self._enough(now_ns):
                self.holds = True
                self._weight_ns = 0.0

    def _enough(self, now_ns: int) -> bool:
        lasted = now_ns - self.first_ns >= self._begin_after_ns
        return lasted and self._frames >= FEWEST_FRAMES and self._weight_ns >= self._begin_after_ns

    def _weigh_begin(self, now_ns: int, step_ns: int, shown: bool) -> None:
        if shown and not self._frames:
            self.first_ns = now_ns
            self._frames = 1
            self._weight_ns = min(step_ns, FIRST_SHARE * self._begin_after_ns)
        elif shown:
            self._frames += 1
            # No more than is needed: otherwise something that was seen for long and put off could begin at a stray
            # frame later.
            self._weight_ns = min(self._weight_ns + step_ns, self._begin_after_ns)
        elif self._frames:
            self._weight_ns -= MISS_WEIGHT * step_ns
            if self._weight_ns <= 0:
                self._frames = 0

    def _weigh_end(self, step_ns: int, shown: bool) -> None:
        self._weight_ns = max(0.0, self._weight_ns - step_ns / MISS_WEIGHT if shown else self._weight_ns + step_ns)
        if not shown and self._weight_ns >= self._end_after_ns:
            self.clear()
