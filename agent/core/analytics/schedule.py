"""Hours of a week, as a site keeps them. Pure: the time zone comes from outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo


@dataclass(frozen=True, slots=True)
class Hours:
    """From `start` on each of these days until `end`, which is on the next day when it is not later than `start`."""

    days: frozenset[int]
    """0 is Monday, as in `datetime.weekday`."""
    start: time
    end: time


class Schedule:
    """Hours of the week in one time zone. Raises ValueError without any.

    Both ends are moments, as in iCalendar: a time of day that comes twice, when clocks go back, means the first;
    one that is left out, when they go forward, is read as if they had not.
    """

    def __init__(self, hours: Sequence[Hours], zone: tzinfo) -> None:
        if not hours:
            raise ValueError("a schedule needs hours")
        self._hours = tuple(hours)
        self._zone = zone

    def covers(self, wall: datetime) -> bool:
        """Whether this moment, an aware time, lies in the hours; their first moment does and their end does not."""
        now = wall.astimezone(UTC)
        today = now.astimezone(self._zone).date()
        for hours in self._hours:
            overnight = hours.end <= hours.start
            for ago in (0, 1) if overnight else (0,):
                day = today - timedelta(days=ago)
                start = datetime.combine(day, hours.start, self._zone)
                end = datetime.combine(day + timedelta(days=overnight), hours.end, self._zone)
                if day.weekday() in hours.days and start.astimezone(UTC) <= now < end.astimezone(UTC):
                    return True
        return False
