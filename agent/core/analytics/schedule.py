"""The weekly hours of a site. Pure: the caller passes the time zone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo


@dataclass(frozen=True, slots=True)
class Hours:
    """From `start` on each of these days until `end`. If `end` is not later than `start`, it is on the next day."""

    days: frozenset[int]
    """0 is Monday, as in `datetime.weekday`."""
    start: time
    end: time


class Schedule:
    """Hours of the week in one time zone. Raises ValueError if there are none.

    Both ends are moments, as in iCalendar. A time of day that comes twice, because clocks go back, means the first; one
    that is skipped, because they go forward, is read as if they had not.
    """

    def __init__(self, hours: Sequence[Hours], zone: tzinfo) -> None:
        if not hours:
            raise ValueError("a schedule needs hours")
        self._hours = tuple(hours)
        self._zone = zone

    def covers(self, wall: datetime) -> bool:
        """Return whether the hours cover this moment, an aware time; the start is included, the end is not."""
        today = wall.astimezone(self._zone).date()
        for hours in self._hours:
            overnight = hours.end <= hours.start
            for ago in (0, 1):
                day = today - timedelta(days=ago)
                start = datetime.combine(day, hours.start, self._zone)
                end = datetime.combine(day + timedelta(days=overnight), hours.end, self._zone)
                if day.weekday() in hours.days and start.timestamp() <= wall.timestamp() < end.timestamp():
                    return True
        return False
