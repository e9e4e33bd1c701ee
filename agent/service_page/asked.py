"""The file that asks for the page."""

import time
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from agent.core.commissioning.plan import Equipment

CERTIFICATE = "service-page.pem"
"""Key and certificate of ID.local that enrolment has got, in the directory of the file that asks; it may be missing."""


@checked(config=ConfigDict(extra="ignore"), frozen=True)
class Asked:
    """What it says."""

    opening: str
    until_ns: int
    """By CLOCK_BOOTTIME."""
    hash: str
    """Of the code that opens the page."""
    https_port: int
    http_port: int
    equipment: Equipment

    @property
    def seconds_left(self) -> float:
        """How long the page may still be reached."""
        return (self.until_ns - time.clock_gettime_ns(time.CLOCK_BOOTTIME)) / 1e9

    @property
    def device_id(self) -> str:
        """The last part of the device's name."""
        return self.equipment.source.rpartition("/")[2]


_ASKED: TypeAdapter[Asked] = TypeAdapter(Asked)


def read_asked(file: Path) -> Asked | None:
    """Return what the file says; None if nobody asks for the page now."""
    try:
        asked = _ASKED.validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None
    return asked if asked.seconds_left > 0 else None
