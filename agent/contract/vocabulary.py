"""The words that fields of messages and commands may have, each with its meaning."""

from enum import StrEnum
from typing import Literal

Box = tuple[float, float, float, float]
"""Left, top, width, height as fractions of the picture."""
ConditionKind = Literal["tamper", "mains", "battery"]
"""What of the kiosk an input watches."""
Phase = Literal["began", "ongoing", "ended"]
Direction = Literal["left-to-right", "right-to-left"]
"""For whoever walks along the line from its first point to its second, looking ahead, in the picture."""
ClosedBy = Literal["schedule", "unknown-clock"]
"""Why somebody's presence is one after hours: the hours say so, or nobody can tell whether they do."""
Outcome = Literal["passed", "failed", "interrupted"]
"""How a self-test ended."""
Reason = Literal["schedule", "command"]
"""Why a self-test was begun."""


class Fault(StrEnum):
    """What can be wrong with an input."""

    SHORT = "short"
    OPEN = "open"
    STUCK = "stuck"
    CHATTER = "chatter"
    UNUSABLE = "unusable"


class TamperKind(StrEnum):
    """What is wrong with what a camera shows."""

    COVERED = "covered"
    SPRAYED = "sprayed"
    DEFOCUSED = "defocused"
    BLINDED = "blinded"
    TURNED = "turned"
    FROZEN = "frozen"
    DARK = "dark"
    SIGNAL_LOST = "signal-lost"


class AckAction(StrEnum):
    """What the command centre says of an alarm."""

    REGISTERED = "registered"
    DISPATCHED = "dispatched"
    CLOSED = "closed"


class TimeQuality(StrEnum):
    """How far the wall clock may be trusted."""

    SYNCED = "synced"
    HOLDOVER = "holdover"
    UNSYNCED = "unsynced"
