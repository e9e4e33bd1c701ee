"""The stages in the life of an alarm, and the waits between them. The table is in docs/alarm-life.md."""

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """How far an alarm has come. Stages only move forward, until the alarm raises itself again."""

    IDLE = "idle"
    RAISED = "raised"
    SENT = "sent"
    DELAYED = "delayed"
    UNCONFIRMED = "unconfirmed"
    REGISTERED = "registered"
    DISPATCHED = "dispatched"
    CLOSED = "closed"

    def rank(self) -> int:
        """Return the position in the life of an alarm, 0 for idle."""
        return _ORDER.index(self)


_ORDER = tuple(Stage)


@dataclass(frozen=True, slots=True)
class Waits:
    """How long an alarm stays in a stage before it changes by itself, in nanoseconds of CLOCK_BOOTTIME."""

    delayed_after_ns: int = 10 * 10**9
    """Without a verified ack, from the edge."""
    unconfirmed_after_ns: int = 30 * 10**9
    """Without a verified ack, from the edge."""
    repeat_after_ns: int = 60 * 10**9
    """The interval at which an unconfirmed alarm is sent again."""
    raise_again_after_ns: int = 180 * 10**9
    """Of a registered alarm: from the last ack, without a close."""
    raise_dispatched_after_ns: int = 900 * 10**9
    """The same of a dispatched one: a car needs longer than a person who looks into it."""

    def of(self, stage: Stage) -> int:
        """Return the wait of an alarm in this stage, from the time at which its wait began."""
        match stage:
            case Stage.RAISED | Stage.SENT:
                return self.delayed_after_ns
            case Stage.DELAYED:
                return self.unconfirmed_after_ns
            case Stage.UNCONFIRMED:
                return self.repeat_after_ns
            case Stage.REGISTERED:
                return self.raise_again_after_ns
            case Stage.DISPATCHED:
                return self.raise_dispatched_after_ns
            case Stage.IDLE | Stage.CLOSED:
                raise ValueError(f"no alarm waits in the stage {stage.value}")
