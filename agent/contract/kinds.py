"""Every kind of message, one row each: its type, where it goes, and how it is delivered."""

from collections.abc import Mapping
from typing import NamedTuple

from agent.contract.camera_events import EVENTS
from agent.contract.messages import Rank

EVENT_EXPIRY_S = 24 * 3600
HEALTH_EXPIRY_S = 300
RESULT_EXPIRY_S = 3600


class MessageKind(NamedTuple):
    """One kind of message."""

    type: str
    """CloudEvents type."""
    level: str
    """Its levels below `up/`, but for what the message is about."""
    rank: Rank
    retain: bool = False
    qos: int = 1
    expiry_s: int | None = None
    """None: never."""


def _event(name: str, version: int = 1, rank: Rank = Rank.EVENT, expiry_s: int | None = EVENT_EXPIRY_S) -> MessageKind:
    return MessageKind(f"edge.event.{name}.v{version}", f"event/{name}", rank, expiry_s=expiry_s)


KINDS: Mapping[str, MessageKind] = {
    "alarm-raised": MessageKind("edge.alarm.raised.v1", "alarm", Rank.ALARM),
    "alarm-updated": MessageKind("edge.alarm.updated.v1", "alarm", Rank.ALARM),
    "alarm-closed": MessageKind("edge.alarm.closed.v1", "alarm", Rank.ALARM),
    "alarms": MessageKind("edge.alarms.v1", "alarms", Rank.STATE, retain=True),
    "state": MessageKind("edge.state.v1", "state", Rank.STATE, retain=True),
    "meta": MessageKind("edge.meta.v1", "meta", Rank.STATE, retain=True),
    "health": MessageKind("edge.health.v1", "health", Rank.HEALTH, qos=0, expiry_s=HEALTH_EXPIRY_S),
    **{name: _event(name, event.version) for name, event in EVENTS.items()},
    "part-degraded": _event("part-degraded"),
    "part-restored": _event("part-restored"),
    "time-correction": _event("time-correction"),
    "out-of-service": _event("out-of-service"),
    "in-service": _event("in-service"),
    "input-fault": _event("input-fault"),
    # A tamper goes with the security events: before the others, and it never expires.
    "tamper": _event("tamper", rank=Rank.SECURITY, expiry_s=None),
    "camera-tamper": _event("camera-tamper", rank=Rank.SECURITY, expiry_s=None),
    "power": _event("power"),
    "self-test": _event("self-test"),
    "siren-sounded": _event("siren-sounded"),
    "siren-stopped": _event("siren-stopped"),
    "result": MessageKind("edge.result.v1", "result", Rank.STATE, expiry_s=RESULT_EXPIRY_S),
}
"""By name, in the order in which the device lists them. Security events have a type for each kind."""
TYPES = tuple(kind.type for kind in KINDS.values())
