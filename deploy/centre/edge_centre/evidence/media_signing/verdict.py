"""What a verification found, in words for people and as plain values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum


class Result(Enum):
    """The verdicts of ONVIF Media Signing; one for a signer that nobody was asked to vouch for; one for parts of a clip
    without its chain; and one for a file that has a player show the pictures otherwise than they were recorded."""

    AUTHENTIC = "authentic"
    MISSING = "authentic with missing"
    ALONE = "authentic, alone"
    OTHERWISE = "authentic, shown otherwise"
    NOT_SIGNED = "not signed"
    NOT_AUTHENTIC = "not authentic"
    SIGNER_UNKNOWN = "signer not checked"


class Fault(Enum):
    """What is wrong at a place."""

    ALTERED = "altered"
    FOREIGN = "foreign"
    MOVED = "out of order"
    MISSING = "missing"
    SEI = "broken signature"
    ORDER = "wrong order"
    TIME = "other times"
    SHOWN = "shown otherwise"
    SIGNER = "signer"


@dataclass(frozen=True, slots=True)
class Place:
    """Bytes of the file that lie together. `end` is behind the last one."""

    offset: int
    end: int
    time: float
    """Seconds since the beginning of the file."""
    what: str
    """The NAL unit that it is, or that it begins with."""

    def __str__(self) -> str:
        span = f"byte {self.offset}" if self.end <= self.offset + 1 else f"bytes {self.offset} to {self.end - 1}"
        return f"{span}, at {clock(self.time)}, {self.what}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    fault: Fault
    text: str
    """A clause."""
    place: Place

    def __str__(self) -> str:
        return f"{self.place}: {self.text}."


@dataclass(frozen=True, slots=True)
class Signer:
    """Whose key has signed, as its certificate says."""

    subject: str
    issuer: str
    fingerprint: str
    """SHA-256 of the certificate, in hex."""
    vouched: bool | None
    """Whether an authority that was given vouches for it; None if none was given."""


@dataclass(frozen=True)
class Verdict:
    """The result, and what it rests on."""

    result: Result
    findings: Sequence[Finding] = ()
    """In the order of the file, and those on the signer last. At most MOST_FINDINGS; `more` counts the others."""
    more: int = 0
    gops: int = 0
    """Signed stretches, each a GOP or a part of one, whose signature holds."""
    units: int = 0
    """NAL units of pictures that are as they were signed."""
    span: tuple[float, float] | None = None
    """From when to when they are, in seconds since the beginning of the file."""
    recorded: tuple[datetime, datetime] | None = None
    """From when to when the signer says that it recorded; None if it gives no time."""
    signers: Sequence[Signer] = ()
    device: tuple[str, ...] = ()
    """Version, serial number and manufacturer, as the signer says."""
    begins_at: int | None = None
    """The number of the first signed stretch; the file may begin in the middle of a recording."""
    tail: Place | None = None
    """The end of the file that no signature covers yet."""
    times: Sequence[tuple[float, float]] = ()
    """Seconds of the file, and those that the signer says belong to them (since 1601)."""
    changes: Sequence[str] = ()
    """What a player shows otherwise than it was recorded, in clauses."""
    beside: Sequence[str] = ()
    """What else is in the file and nobody has signed, in clauses."""
    uncovered: dict[str, int] = field(default_factory=dict)
    """How many NAL units of each kind this way of signing does not cover."""

    @property
    def first(self) -> Finding | None:
        """The wrong place that comes first in the file."""
        return self.findings[0] if self.findings else None

    @property
    def signs_nothing_here(self) -> bool:
        """Whether all that is wrong is that no signature is of a picture here: so it looks where all were replaced, and
        where this is a part of a recording whose own signature is in a later one."""
        return not self.units and {each.fault for each in self.findings} == {Fault.FOREIGN}


MOST_FINDINGS = 1000


def clock(seconds: float) -> str:
    """Return a time of the file as people write it."""
    whole = round(seconds * 1000)
    return f"{whole // 3_600_000}:{whole // 60_000 % 60:02}:{whole // 1000 % 60:02}.{whole % 1000:03}"
