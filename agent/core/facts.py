"""Facts that parts of the agent pass to each other."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from agent.contract.messages import AlarmData, Answer
from agent.contract.vocabulary import AckAction, ContactKind, Fault


class Edge(NamedTuple):
    """A change of a line, or its level at the start.

    `boottime_ns` is CLOCK_BOOTTIME at the edge, as close to the kernel's own timestamp as the pins allow.
    `normally_closed` says that this is the normally-closed line of a supervised button, which is active when it is
    open.
    """

    input: str
    active: bool
    boottime_ns: int
    at_start: bool = False
    normally_closed: bool = False


@dataclass(frozen=True, slots=True)
class Pressed:
    """Somebody pressed a button `count` times since the last such fact, from `edge_ns` to `last_ns`.

    A press that must be held counts from the moment it has been held long enough: the first one began `held_ns` before
    `edge_ns`.
    """

    input: str
    edge_ns: int
    last_ns: int
    count: int = 1
    held_ns: int = 0


@dataclass(frozen=True, slots=True)
class InputFault:
    """An input has a fault, or no longer has it. `since_ns` is when the fault began; `presses` counts the presses of
    this input since the start."""

    input: str
    fault: Fault
    active: bool
    since_ns: int
    presses: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ConditionChanged:
    """A condition of the kiosk that an input watches began or ended at `since_ns`; of the kind `service`: a technician
    holds its contact, or has let go."""

    input: str
    kind: ContactKind
    active: bool
    since_ns: int


InputFact = Pressed | InputFault | ConditionChanged


@dataclass(frozen=True, slots=True)
class AlarmDelivered:
    """The broker acknowledged a message of this alarm with a success code."""

    alarm_id: str
    boottime_ns: int


@dataclass(frozen=True, slots=True)
class Announce:
    """A request to publish the open alarms, because the broker may have forgotten them or is another one (`moved`)."""

    moved: bool = False


@dataclass(frozen=True, slots=True)
class CentreAck:
    """An ack whose signature, audience, time and counter have all been verified."""

    alarm_id: str
    action: AckAction
    answer: Answer
    boottime_ns: int
    press_count: int | None = None
    """The number of presses that the centre knew of; None if it does not say."""
    command: str = ""
    """Names the command over restarts: one that is repeated has the same. Empty if it is not known."""


@dataclass(frozen=True, slots=True)
class Identify:
    """A request to blink everything until `until_ns` (CLOCK_BOOTTIME)."""

    until_ns: int


@dataclass(frozen=True, slots=True)
class CentreWatched:
    """Whether a command centre watches this device's broker, and why, in words. Sent when `online` changes."""

    online: bool
    detail: str


@dataclass(frozen=True, slots=True)
class UplinkChanged:
    """The agent now has a broker that takes its messages, or no longer has one. `is_copy`: it may not connect, because
    its credentials belong to another board."""

    up: bool
    is_copy: bool = False


@dataclass(frozen=True, slots=True)
class ButtonsHeard:
    """Whether the kiosk can rely on hearing at least one button, of those that may show a light."""

    any: bool


@dataclass(frozen=True, slots=True)
class SelfTested:
    """A self-test has ended. `passed` is True if, as far as it could tell, somebody would hear of a press."""

    passed: bool


AckVerdict = Literal["taken", "already-registered", "not-durable", "unknown-alarm", "pressed-since"]
"""What became of an ack. `already-registered`: another person has the alarm, and keeps it. `not-durable`: the alarm is
closed, but that is not on disk yet. `pressed-since`: the ack would close an alarm that was pressed again since, so the
alarm stays open."""


class AckAnswer(NamedTuple):
    """The answer to an ack, and the alarm as it is then; None if there is no such open alarm."""

    verdict: AckVerdict
    alarm: AlarmData | None = None
