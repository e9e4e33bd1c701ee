"""When something has come to be so and when it has ceased to be, from looks that flicker.

A detector sees a person in perhaps six of ten frames, and now and then one in an empty street. So a state is
evidence in seconds: a frame that shows it adds the time since the frame before, one that does not takes some
away, and neither the frame rate nor a skipped frame changes what a second is worth.
"""

MISS_WEIGHT = 0.25
"""What a frame without it takes from the evidence: with it, one frame in five keeps a state that is so."""
FIRST_SHARE = 0.25
"""The first frame has no length of its own; it counts at most this share of what is needed."""
FEWEST_LOOKS = 2
"""A single frame is never enough, however little time is asked for."""


class Evidence:
    """Whether one thing is so: from `begin_after_ns` of evidence on, until `end_after_ns` against it."""

    def __init__(self, begin_after_ns: int, end_after_ns: int) -> None:
        self._begin_after_ns = begin_after_ns
        self._end_after_ns = end_after_ns
        self.holds = False
        self.first_ns = 0
        """Capture time of the first frame that showed it; without a meaning before there was one."""
        self.last_ns = 0
        """Capture time of the last one."""
        self._looks = 0
        """Frames that have shown it; 0 when there is no evidence at all."""
        self._weight_ns = 0.0
        """Evidence for it until it holds, and against it from then on."""

    @property
    def idle(self) -> bool:
        """Nothing speaks for it: it may be forgotten."""
        return not self.holds and self._looks == 0

    def clear(self) -> None:
        """It is not so, and nothing speaks for it."""
        self.holds = False
        self._looks = 0
        self._weight_ns = 0.0

    def update(self, now_ns: int, step_ns: int, shown: bool | None, *, may_begin: bool = True) -> None:
        """Take in one frame, which lasts `step_ns`: it shows it, does not, or (None) says nothing once it holds.

        Evidence is kept, but it does not begin before a frame that shows it while `may_begin`.
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
        return lasted and self._looks >= FEWEST_LOOKS and self._weight_ns >= self._begin_after_ns

    def _weigh_begin(self, now_ns: int, step_ns: int, shown: bool) -> None:
        if shown and not self._looks:
            self.first_ns = now_ns
            self._looks = 1
            self._weight_ns = min(step_ns, FIRST_SHARE * self._begin_after_ns)
        elif shown:
            self._looks += 1
            # No more than is needed: what was seen for long and is put off must not begin at a stray frame later.
            self._weight_ns = min(self._weight_ns + step_ns, self._begin_after_ns)
        elif self._looks:
            self._weight_ns -= MISS_WEIGHT * step_ns
            if self._weight_ns <= 0:
                self._looks = 0

    def _weigh_end(self, step_ns: int, shown: bool) -> None:
        self._weight_ns = max(0.0, self._weight_ns - step_ns / MISS_WEIGHT if shown else self._weight_ns + step_ns)
        if not shown and self._weight_ns >= self._end_after_ns:
            self.clear()
