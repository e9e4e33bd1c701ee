"""Facts that pass from one part of the agent to another."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Edge:
    """A change of an input, or its level at start.

    `boottime_ns` is CLOCK_BOOTTIME at the edge, as near to the kernel's own timestamp as the pins allow.
    """

    input: str
    active: bool
    boottime_ns: int
    at_start: bool = False


@dataclass(frozen=True, slots=True)
class AlarmDelivered:
    """The broker acknowledged, with a success code, a message of this alarm."""

    alarm_id: str
    boottime_ns: int


class AckAction(StrEnum):
    """What the command centre says of an alarm."""

    REGISTERED = "registered"
    DISPATCHED = "dispatched"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class CentreAck:
    """An ack whose signature, audience, time and counter have all been verified."""

    alarm_id: str
    action: AckAction
    issuer: str
    boottime_ns: int


@dataclass(frozen=True, slots=True)
class CentreWatched:
    """Whether a command centre watches this device's broker, and in words why. Told when `online` changes."""

    online: bool
    detail: str


@dataclass(frozen=True, slots=True)
class UplinkChanged:
    """A broker takes what we say, or none does."""

    up: bool


@dataclass(frozen=True, slots=True)
class SelfTested:
    """The end of a self-test."""

    passed: bool


class TimeQuality(StrEnum):
    """How far the wall clock may be trusted."""

    SYNCED = "synced"
    HOLDOVER = "holdover"
    UNSYNCED = "unsynced"
