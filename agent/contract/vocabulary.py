"""The values that fields of messages and commands may have, and what they mean."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

Level = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
"""An identifier that becomes a topic level."""
Box = tuple[float, float, float, float]
"""Left, top, width and height as fractions of the picture."""
ConditionKind = Literal["tamper", "mains", "battery"]
"""The state of the kiosk that an input watches."""
Phase = Literal["began", "ongoing", "ended"]
Direction = Literal["left-to-right", "right-to-left"]
"""As seen by somebody who walks along the line in the picture, from its first point to its second, looking ahead."""
ClosedBy = Literal["schedule", "unknown-clock"]
"""Why somebody's presence counts as after hours: the schedule says so, or the clock can't be trusted to tell."""
Outcome = Literal["passed", "failed", "interrupted"]
"""How a self-test ended."""
Reason = Literal["schedule", "command"]
"""What started a self-test."""
CloseReason = Literal["helped", "false-alarm", "test", "duplicate", "other"]
"""Why the centre closes an alarm."""
Words = Annotated[str, Field(pattern=r"^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$")]
"""Text of a person, in one line: nothing in it controls a terminal, ends a line or turns the direction of writing."""
Name = Annotated[Words, Field(min_length=1, max_length=64)]
"""What the centre calls a person or a unit."""


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


class AckAction(StrEnum):
    """What the command centre says about an alarm."""

    REGISTERED = "registered"
    DISPATCHED = "dispatched"
    TAKE_OVER = "take-over"
    CLOSED = "closed"


class TimeQuality(StrEnum):
    """How far the wall clock can be trusted."""

    SYNCED = "synced"
    HOLDOVER = "holdover"
    UNSYNCED = "unsynced"
