"""Tells when the frames of a stream were captured, from the stream's own clock and their arrival times."""

_LONGEST_LAG_NS = 2_000_000_000
_DRIFT = 5000
"""A clock that loses less than one part in this many is followed: 200 ppm is more than two crystals differ by."""


class StreamClock:
    """Maps the presentation times of one stream to CLOCK_BOOTTIME. Make a new one at each opening. One thread.

    The smallest distance seen between presentation and arrival belongs to a frame that nothing delayed; any frame that
    arrives later than that spent the difference on the way. Stamps always rise, and none is later than its frame's
    arrival. The clock is anchored again at a frame's arrival when it steps back or ahead, and when it would make a
    frame older than 2 s: then it was halted, or does not run at the rate of time.

    A repeated presentation time means the same moment: the stamp stays (but for a nanosecond), so a camera that repeats
    its last picture visibly delivers nothing new. A clock that has never moved is not a clock.
    """

    def __init__(self) -> None:
        self._presentation_ns: int | None = None
        self._has_moved = False
        self._stamp_ns = self._offset_ns = self._moved_ns = 0
        """The last stamp, its distance from the presentation time, and when that last moved."""

    def stamp(self, presentation_ns: int | None, arrival_ns: int) -> int:
        """Return when this frame was captured; `presentation_ns` is None if the stream gives none."""
        self._stamp_ns = max(self._captured(presentation_ns, arrival_ns), self._stamp_ns + 1)
        return self._stamp_ns

    def _captured(self, presentation_ns: int | None, arrival_ns: int) -> int:
        last_ns, self._presentation_ns = self._presentation_ns, presentation_ns
        if presentation_ns is None:
            return arrival_ns
        if presentation_ns == last_ns and self._has_moved:
            return self._stamp_ns
        offset_ns = arrival_ns - presentation_ns
        if last_ns is not None and presentation_ns > last_ns:
            self._has_moved = True
            followed_ns = self._offset_ns + (arrival_ns - self._moved_ns) // _DRIFT
            if offset_ns - followed_ns <= _LONGEST_LAG_NS:
                offset_ns = min(offset_ns, followed_ns)
        self._moved_ns = arrival_ns
        self._offset_ns = offset_ns
        return presentation_ns + offset_ns
