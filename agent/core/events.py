"""Facts that pass from one part of the agent to another."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from agent.contract.vocabulary import AckAction, ConditionKind, Fault


class Edge(NamedTuple):
    """A change of a line, or its level at start.

    `boottime_ns` is CLOCK_BOOTTIME at the edge, as near to the kernel's own timestamp as the pins allow.
    `normally_closed` tells which line of a supervised button it is; that one is active when it is open.
    """

    input: str
    active: bool
    boottime_ns: int
    at_start: bool = False
    normally_closed: bool = False


@dataclass(frozen=True, slots=True)
class Pressed:
    """Somebody pressed a button, `count` times since the last such fact, from `edge_ns` to `last_ns`.

    A press that must be held counts from the time when it has been: the first one began `held_ns` before `edge_ns`.
    """

    input: str
    edge_ns: int
    last_ns: int
    count: int = 1
    held_ns: int = 0


@dataclass(frozen=True, slots=True)
class InputFault:
    """An input has a fault, or no longer has it. `since_ns` is when the fault began; `presses` counts those of the
    input since the start."""

    input: str
    fault: Fault
    active: bool
    since_ns: int
    presses: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ConditionChanged:
    """The state of the kiosk that an input watches began or ended at `since_ns`."""

    input: str
    kind: ConditionKind
    active: bool
    since_ns: int


InputFact = Pressed | InputFault | ConditionChanged


@dataclass(frozen=True, slots=True)
class AlarmDelivered:
    """The broker acknowledged, with a success code, a message of this alarm."""

    alarm_id: str
    boottime_ns: int


@dataclass(frozen=True, slots=True)
class Announce:
    """Publish the open alarms, since the broker may have forgotten them, or (`moved`) is another one."""

    moved: bool = False


@dataclass(frozen=True, slots=True)
class CentreAck:
    """An ack whose signature, audience, time and counter have all been verified."""

    alarm_id: str
    action: AckAction
    issuer: str
    boottime_ns: int
    press_count: int | None = None
    """Of how many presses the centre knew; None when it does not say."""


@dataclass(frozen=True, slots=True)
class Identify:
    """Blink everything until `until_ns` (CLOCK_BOOTTIME)."""

    until_ns: int


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
class ButtonsHeard:
    """Whether a press of at least one button that may show a light can be relied on to be heard."""

    any: bool


@dataclass(frozen=True, slots=True)
class SelfTested:
    """The end of a self-test."""

    passed: bool


AckAnswer = Literal["taken", "not-durable", "unknown-alarm", "pressed-since"]
"""What became of an ack; `not-durable`: closed, and the disk does not have it yet; `pressed-since`: it closes an alarm
that has been pressed since, which stays open."""
