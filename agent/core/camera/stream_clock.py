"""When the frames of a stream were captured, from the stream's own clock and the times at which they arrived."""

_LONGEST_LAG_NS = 2_000_000_000
_DRIFT = 5000
"""A clock that loses less than one part in so many is followed: 200 ppm is more than two crystals differ by."""


class StreamClock:
    """Maps the presentation times of one stream to CLOCK_BOOTTIME. One for each opening, one thread.

    The smallest distance seen between presentation and arrival is that of a frame that nothing held up; what a frame
    arrives later than that, it spent on the way. Stamps rise, and none is later than the arrival. The clock is
    anchored again, with a frame's arrival, when it steps back or ahead, and when it would make a frame older than
    2 s: it was halted, or runs at another rate than time.

    A presentation time that comes again is the same moment again: the stamp stays (but for a nanosecond), so a camera
    that repeats its last picture is seen to give nothing new. A clock that has never moved is none.
    """

    def __init__(self) -> None:
        self._presentation_ns: int | None = None
        self._moved_ns = 0
        """When the presentation time last moved."""
        self._offset_ns = 0
        self._has_moved = False
        self._stamp_ns = 0

    def stamp(self, presentation_ns: int | None, arrival_ns: int) -> int:
        """The time at which this frame was captured; `presentation_ns` is None when the stream tells none."""
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
