"""A piece of a recording, as the recorder hands it over."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Fragment:
    """An init segment (`ftyp` and `moov`), or one GOP of a fragmented MP4 (`moof` and `mdat`)."""

    index: int
    """Its number in the recorder's stream."""
    init: bool
    data: bytes
    begin_ns: int
    """CLOCK_BOOTTIME of its first picture."""
    end_ns: int
    """Of the end of its last picture."""
    wall_begin: datetime
    """UTC, as the wall clock was then."""
    wall_end: datetime
    timeq: str = "unsynced"
    """How good the wall clock was: `TimeQuality`."""
