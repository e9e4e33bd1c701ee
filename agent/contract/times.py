"""Moments as messages and recordings give them, and how far the clock was to be trusted. Without pydantic: a recorder
has no room for it."""

from datetime import UTC, datetime
from enum import StrEnum


class TimeQuality(StrEnum):
    """How far the wall clock can be trusted."""

    SYNCED = "synced"
    HOLDOVER = "holdover"
    UNSYNCED = "unsynced"


def rfc3339(time: datetime) -> str:
    """Format a time as UTC with milliseconds and `Z`."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
