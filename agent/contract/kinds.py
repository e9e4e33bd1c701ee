"""Every kind of message, one row each: its type, what it carries, where it goes, and how it is delivered."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from agent.contract.camera_events import EVENTS
from agent.contract.device import HealthData, MetaData
from agent.contract.events import (
    CameraTamperData,
    ConditionData,
    HardlyAbleToSeeData,
    InputFaultData,
    LineCountData,
    PartData,
    SelfTestData,
    ServiceData,
    SirenData,
    TimeCorrectionData,
)
from agent.contract.messages import AlarmData, AlarmsData, Payload, Rank, ResultData, StateData

EVENT_EXPIRY_S = 24 * 3600
HEALTH_EXPIRY_S = 300
RESULT_EXPIRY_S = 3600
DataModel = type[Payload]


class MessageKind(NamedTuple):
    """One kind of message."""

    type: str
    """CloudEvents type."""
    level: str
    """Its levels below `up/`, but for what the message is about."""
    rank: Rank
    model: DataModel | Callable[[], DataModel]
    """What it carries, or who returns that."""
    subject: str
    """CloudEvents subject, with names of fields of the data."""
    when: str
    """When it is sent."""
    about: str = ""
    """The field of the data that is the topic's last level; empty if there is none."""
    retain: bool = False
    qos: int = 1
    expiry_s: int | None = None
    """None: never."""

    @property
    def data(self) -> DataModel:
        """What it carries."""
        return self.model if isinstance(self.model, type) else self.model()


_OF_ALARM, _OF_CAMERA, _OF_INPUT, _OF_PART = "alarm/{alarm_id}", "camera/{camera}", "input/{input}", "part/{part}"


def _alarm(change: str, when: str) -> MessageKind:
    return MessageKind(f"edge.alarm.{change}.v1", "alarm", Rank.ALARM, AlarmData, _OF_ALARM, when, about="input")


def _retained(name: str, data: DataModel, when: str) -> MessageKind:
    return MessageKind(f"edge.{name}.v1", name, Rank.STATE, data, name, when, retain=True)


def _event(
    name: str,
    data: DataModel,
    subject: str,
    when: str,
    version: int = 1,
    rank: Rank = Rank.EVENT,
    expiry_s: int | None = EVENT_EXPIRY_S,
) -> MessageKind:
    type_ = f"edge.event.{name}.v{version}"
    return MessageKind(type_, f"event/{name}", rank, data, subject, when, expiry_s=expiry_s)


def _commissioning() -> DataModel:
    # A device tells of one in years, and need not carry its models until then: they take 0.15 MiB.
    from agent.contract.commissioning import CommissioningData  # noqa: PLC0415

    return CommissioningData


def _evidence_data() -> DataModel:
    # As many a device records nothing.
    from agent.contract.evidence import EvidenceData  # noqa: PLC0415

    return EvidenceData


def _evidence(change: str, when: str, expiry_s: int | None = None) -> MessageKind:
    # Not of the record, as a commissioning is not: its own chain has no gaps.
    type_ = f"edge.evidence.{change}.v1"
    return MessageKind(type_, "evidence", Rank.STATE, _evidence_data, _OF_CAMERA, when, expiry_s=expiry_s)


KINDS: Mapping[str, MessageKind] = {
    "alarm-raised": _alarm("raised", "a press that raises an alarm"),
    "alarm-updated": _alarm("updated", "a further press, or a change of stage"),
    "alarm-closed": _alarm("closed", "a verified close"),
    "alarms": _retained(
        "alarms",
        AlarmsData,
        "the open alarms: after each message of one, after an ack, at every connection, after `rebirth`",
    ),
    "state": _retained(
        "state",
        StateData,
        "at every connection (`online`), at an orderly stop (`offline`), by the broker when the connection is lost"
        " (`lost`)",
    ),
    "meta": _retained("meta", MetaData, "at every connection, after `rebirth`"),
    "health": MessageKind(
        "edge.health.v1",
        "health",
        Rank.HEALTH,
        HealthData,
        "health",
        "every 75 s while connected (a setting), and at every connection",
        qos=0,
        expiry_s=HEALTH_EXPIRY_S,
    ),
    **{name: _event(name, event.data, _OF_CAMERA, event.when, event.version) for name, event in EVENTS.items()},
    "line-count": _event(
        "line-count", LineCountData, _OF_CAMERA, "an hour is over: how many have crossed a line in it"
    ),
    "part-degraded": _event("part-degraded", PartData, _OF_PART, "a part of the device has ceased to work"),
    "part-restored": _event("part-restored", PartData, _OF_PART, "it works again"),
    "time-correction": _event(
        "time-correction",
        TimeCorrectionData,
        "clock",
        "the wall clock was corrected by more than 1 s, or has become synchronised",
    ),
    "out-of-service": _event("out-of-service", ServiceData, "service", "nobody would hear of a press soon"),
    "in-service": _event("in-service", ServiceData, "service", "somebody would again"),
    "input-fault": _event(
        "input-fault", InputFaultData, _OF_INPUT, "something is wrong with an input, or no longer is"
    ),
    # A tamper goes with the security events: before the others, and it never expires.
    "tamper": _event(
        "tamper",
        ConditionData,
        _OF_INPUT,
        "the kiosk was opened, or is closed again; leaves with the security events",
        rank=Rank.SECURITY,
        expiry_s=None,
    ),
    "camera-tamper": _event(
        "camera-tamper",
        CameraTamperData,
        _OF_CAMERA,
        "a camera was covered, turned, unplugged..., or is well again; leaves with the security events (`dark`: with"
        " the others, and expires after 24 h)",
        rank=Rank.SECURITY,
        expiry_s=None,
    ),
    "hardly-able-to-see": _event(
        "hardly-able-to-see",
        HardlyAbleToSeeData,
        _OF_CAMERA,
        "a camera's pictures are too dark, blurred, hazy or turned to find people in, or are good again",
    ),
    "power": _event("power", ConditionData, _OF_INPUT, "the mains or the battery fails, or is well again"),
    "self-test": _event("self-test", SelfTestData, "self-test", 'a self-test has ended, see "The self-test"'),
    "siren-sounded": _event(
        "siren-sounded", SirenData, _OF_ALARM, "the siren has begun to sound for an alarm that nobody answers"
    ),
    "siren-stopped": _event("siren-stopped", SirenData, _OF_ALARM, "it sounds for that alarm no longer"),
    "commissioning": MessageKind(
        "edge.commissioning.v1",
        "commissioning",
        # Not of the record, whose subscribers need not hear this topic: they would miss its numbers.
        Rank.STATE,
        _commissioning,
        "commissioning",
        'a commissioning has ended, see "The commissioning report"',
        retain=True,  # whoever files reports may be away then
    ),
    "evidence-begun": _evidence("begun", "a clip is on the card, with the seconds before the press"),
    "evidence-ended": _evidence("ended", "a clip is complete"),
    "evidence-cut": _evidence("cut", "a clip that a power cut or a crash has ended was closed"),
    "evidence-failed": _evidence("failed", "a clip that was asked for is not there, or is not whole"),
    "evidence-deleted": _evidence("deleted", "a clip was deleted"),
    "evidence-held": _evidence("held", "a clip is kept whatever its age"),
    "evidence-released": _evidence("released", "it no longer is"),
    "evidence-head": _evidence("head", 'every hour, the newest entry of the chain; see "Recordings"'),
    "evidence-wanted": _evidence(
        "wanted", "segments wait for a URL: once for each, and every 30 s while they do; expires after 60 s", 60
    ),
    "evidence-uploaded": _evidence("uploaded", "a store has taken a segment"),
    "evidence-upload-failed": _evidence("upload-failed", "a segment is not at the store; `reason` says why"),
    "result": MessageKind(
        "edge.result.v1",
        "result",
        Rank.STATE,
        ResultData,
        "command/{command_id}",
        "what became of an ack or a command",
        about="command_id",
        expiry_s=RESULT_EXPIRY_S,
    ),
}
"""By name, in the order in which the device lists them. Security events have a type for each kind."""
TYPES = tuple(kind.type for kind in KINDS.values())


_KEPT = frozenset(kind.level for kind in KINDS.values() if kind.retain)


def asks_for_retained(topic_filter: str) -> bool:
    """Whether a subscriber wants what a broker has retained for a filter. What devices don't retain, whoever has a
    device's key may: any number of messages, which would come to everybody who subscribes before what is new. The same
    is true of acks and commands, which a device would refuse, and whoever may send it orders."""
    _, is_up, level = topic_filter.partition("/up/")
    if is_up:
        return "#" in level or level in _KEPT
    return not any(f"/down/{kind}/" in topic_filter for kind in ("ack", "command"))
