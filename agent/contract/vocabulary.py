"""The values that fields of messages and commands may have, and what they mean."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import TypedDict

from agent.contract.times import TimeQuality as TimeQuality  # noqa: PLC0414


def known(*values: str) -> Any:
    """Name the values that a string has today; more may come. For the schemas alone: nothing is checked."""
    return Field(json_schema_extra={"x-extensible-enum": [*values]})


def counts(*names: str) -> Any:
    """Name the keys that a table of counts has today; more may come. For the schemas alone: nothing is checked."""
    return Field(json_schema_extra={"properties": {name: {"type": "integer", "minimum": 0} for name in names}})


MAY_BE_MISSING = Field(json_schema_extra={"x-optional": True})
"""For the schemas: a field that messages of this version always have may be missing, because earlier versions do not
send it, or somebody else leaves it out."""
Level = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
"""An identifier that becomes a topic level."""
Label = Annotated[str, Field(json_schema_extra={"pattern": r"^[a-z0-9-]{1,64}$"})]
"""The same, where it is only told and needs no check."""
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""RFC 3339, in UTC with milliseconds and `Z`."""
Uuid = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
Count = Annotated[int, Field(json_schema_extra={"minimum": 0})]
Severity = Literal["info", "warning", "alert"]
Box = tuple[float, float, float, float]
"""Left, top, width and height as fractions of the picture."""
ConditionKind = Literal["tamper", "mains", "battery"]
"""The state of the kiosk that an input watches."""
ContactKind = Literal["tamper", "mains", "battery", "service"]
"""The same, and the contact inside the cabinet with which a technician asks for the service page."""
Phase = Literal["began", "ongoing", "ended"]
Direction = Literal["left-to-right", "right-to-left"]
"""As seen by somebody who walks along the line in the picture, from its first point to its second, looking ahead."""
ClosedBy = Literal["schedule", "unknown-clock"]
"""Why somebody's presence counts as after hours: the schedule says so, or the clock can't be trusted to tell."""
Judge = Literal["a-person"]
"""Who has to judge what a camera tells of how people move: nothing follows from it by itself."""
Outcome = Literal["passed", "failed", "interrupted"]
"""How a self-test ended."""
Conclusion = Literal["passed", "incomplete", "failed"]
"""What came of a commissioning: `failed` when a step has, else `incomplete` when one was left out."""
Reason = Literal["schedule", "command"]
"""What started a self-test."""
CloseReason = Literal["helped", "false-alarm", "test", "duplicate", "other"]
"""Why the centre closes an alarm."""
_PORTABLE = (
    r"^[^\u0000-\u001f\u007f-\u009f\u00ad\u0600-\u0605\u061c\u06dd\u070f\u08e2\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    r"\ufeff\ufff9-\ufffb]*$"
)
"""The same for the schemas: not every language knows the classes of Unicode in a pattern."""
Words = Annotated[str, Field(pattern=r"^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$", json_schema_extra={"pattern": _PORTABLE})]
"""Text of a person, in one line: nothing in it controls a terminal, ends a line or turns the direction of writing."""
Name = Annotated[Words, Field(min_length=1, max_length=64)]
"""What the centre calls a person or a unit."""

SELF_TEST = "self-test"
"""The input of a self-test's alarm. No button may have this name."""


class Codes(TypedDict):
    """What the event is called in an alarm receiving centre's protocols."""

    contact_id: str
    """Ademco Contact ID (SIA DC-05)."""
    sia: str
    """SIA DC-03."""


class NoCodes(TypedDict):
    """Nothing: an event that those protocols have no place for."""


class Location(TypedDict):
    """Where the device stands, from its settings."""

    lat: float
    """Latitude, WGS 84, in degrees."""
    lon: float
    """Longitude, WGS 84, in degrees."""
    text: str
    """For a person who must find the place; may be empty."""


class Fault(StrEnum):
    """What can be wrong with an input."""

    SHORT = "short"
    OPEN = "open"
    STUCK = "stuck"
    CHATTER = "chatter"
    UNUSABLE = "unusable"


class TamperKind(StrEnum):
    """What is wrong with a camera's picture."""

    COVERED = "covered"
    SPRAYED = "sprayed"
    DEFOCUSED = "defocused"
    BLINDED = "blinded"
    TURNED = "turned"
    FROZEN = "frozen"
    DARK = "dark"
    SIGNAL_LOST = "signal-lost"


class SightTrouble(StrEnum):
    """Why a camera is hardly able to see."""

    TOO_DARK = "too-dark"
    BLURRED = "blurred"
    HAZY = "hazy"
    SIDEWAYS = "sideways"
    UPSIDE_DOWN = "upside-down"


class AckAction(StrEnum):
    """What the command centre says about an alarm."""

    REGISTERED = "registered"
    DISPATCHED = "dispatched"
    TAKE_OVER = "take-over"
    CLOSED = "closed"
