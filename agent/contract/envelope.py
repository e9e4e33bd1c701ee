"""Turns facts into topics and bytes: where each message goes, and what its envelope looks like."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pydantic_core

from agent.contract.camera_events import CameraEventData, EventName
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
from agent.contract.identity import LEVEL, Identity
from agent.contract.kinds import EVENT_EXPIRY_S, KINDS
from agent.contract.messages import (
    AlarmData,
    AlarmsData,
    Draft,
    Payload,
    Rank,
    ResultData,
    SecurityData,
    StateData,
    encodable_json,
)
from agent.contract.times import rfc3339 as rfc3339  # noqa: PLC0414

if TYPE_CHECKING:
    from agent.contract.commissioning import CommissioningData
    from agent.contract.evidence import EvidenceChange, EvidenceData

CONTENT_TYPE = "application/cloudevents+json"


class MessageFactory:
    """Makes the drafts of one device: messages that have no number or time yet. Safe from any thread."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity

    def alarm(self, change: Literal["raised", "updated", "closed"], data: AlarmData) -> Draft:
        """Make a message about a step in the life of an alarm."""
        subject = f"alarm/{data.alarm_id}"
        return self._draft(f"alarm-{change}", subject, data, about=data.input, alarm_id=data.alarm_id)

    def alarms(self, data: AlarmsData) -> Draft:
        """Make the retained list of open alarms."""
        return self._draft("alarms", "alarms", data)

    def state(self, data: StateData) -> Draft:
        """Make a birth, or the message of an orderly end."""
        return self._draft("state", "state", data)

    def meta(self, data: MetaData) -> Draft:
        """Make the description of what the device has."""
        return self._draft("meta", "meta", data)

    def health(self, data: HealthData) -> Draft:
        """Make the regular health report."""
        return self._draft("health", "health", data)

    def security(self, data: SecurityData) -> Draft:
        """Make a security event."""
        return Draft(
            rank=Rank.SECURITY,
            topic=self.identity.up("security", data.kind),
            type=f"edge.security.{data.kind}.v1",
            subject=f"security/{data.kind}",
            data=data,
        )

    def camera_event(self, event: EventName, data: CameraEventData) -> Draft:
        """Make an event in which a camera reports people."""
        return self._draft(event, f"camera/{data.camera}", data)

    def line_count(self, data: LineCountData) -> Draft:
        """Make the event with the crossings of a line in one hour."""
        return self._draft("line-count", f"camera/{data.camera}", data)

    def input_fault(self, data: InputFaultData) -> Draft:
        """Make the event for an input fault that has begun or ended."""
        return self._draft("input-fault", f"input/{data.input}", data)

    def condition(self, data: ConditionData) -> Draft:
        """Make the event for a change of a condition of the kiosk.

        A tamper ranks with the security events: it is sent before other events, and it never expires.
        """
        return self._draft("tamper" if data.kind == "tamper" else "power", f"input/{data.input}", data)

    def camera_tamper(self, data: CameraTamperData) -> Draft:
        """Make the event for a tampered camera.

        It ranks like the tamper of an input, except for `dark`, which is no tamper.
        """
        draft = self._draft("camera-tamper", f"camera/{data.camera}", data)
        # The dark has no codes: it is nobody's deed, and goes as any event does.
        return draft if data.codes else replace(draft, rank=Rank.EVENT, expiry_s=EVENT_EXPIRY_S)

    def hardly_able_to_see(self, data: HardlyAbleToSeeData) -> Draft:
        """Make the event for a camera that is hardly able to see, or sees again."""
        return self._draft("hardly-able-to-see", f"camera/{data.camera}", data)

    def part(self, change: Literal["part-degraded", "part-restored"], data: PartData) -> Draft:
        """Make the event for a part of the device that fails or works again."""
        return self._draft(change, f"part/{data.part}", data)

    def time_correction(self, data: TimeCorrectionData) -> Draft:
        """Make the event for a correction of the wall clock."""
        return self._draft("time-correction", "clock", data)

    def service(self, in_service: bool, data: ServiceData) -> Draft:
        """Make the event for a kiosk that goes out of service or comes back."""
        return self._draft("in-service" if in_service else "out-of-service", "service", data)

    def self_test(self, data: SelfTestData) -> Draft:
        """Make the event with the outcome of a self-test."""
        return self._draft("self-test", "self-test", data)

    def commissioning(self, data: "CommissioningData") -> Draft:
        """Make the message with the report of a commissioning."""
        return self._draft("commissioning", "commissioning", data)

    def siren(self, sounds: bool, data: SirenData) -> Draft:
        """Make the event for a siren that starts or stops sounding for an alarm."""
        return self._draft("siren-sounded" if sounds else "siren-stopped", f"alarm/{data.alarm_id}", data)

    def evidence(self, change: "EvidenceChange", data: "EvidenceData") -> Draft:
        """Make the message of what became of a clip."""
        return self._draft(f"evidence-{change}", f"camera/{data.camera}", data)

    def snapshot(self, picture_id: str, jpeg: bytes) -> Draft:
        """Make a picture for the alarm, event or command with the identifier `picture_id`."""
        return Draft(
            rank=Rank.PICTURE,
            topic=self.identity.up("snapshot", picture_id),
            picture=jpeg,
            expiry_s=EVENT_EXPIRY_S,
        )

    def result(
        self, data: ResultData, response_topic: str | None = None, correlation_data: bytes | None = None
    ) -> Draft:
        """Make the result of a command. Ignores a response topic that isn't one level under our own `up/result`."""
        subject = f"command/{data.command_id}"
        draft = self._draft("result", subject, data, about=data.command_id, correlation_data=correlation_data)
        if response_topic is not None and self._is_result_topic(response_topic):
            return replace(draft, topic=response_topic)
        return draft

    def _is_result_topic(self, topic: str) -> bool:
        """Return whether the topic is one valid level under our own `up/result`.

        Wildcards and empty levels are rejected: a message that can't be published would block every message behind it.
        """
        tree = self.identity.up("result") + "/"
        return topic.startswith(tree) and LEVEL.match(topic.removeprefix(tree)) is not None

    def _draft(self, name: str, subject: str, data: Payload, *, about: str = "", **more: Any) -> Draft:
        kind = KINDS[name]
        level = f"{kind.level}/{about}" if about else kind.level
        return Draft(
            rank=kind.rank,
            topic=self.identity.up(level),
            type=kind.type,
            subject=subject,
            data=data,
            qos=kind.qos,
            retain=kind.retain,
            expiry_s=kind.expiry_s,
            **more,
        )


class Stamp(NamedTuple):
    """The values that a message gets when it is accepted."""

    id: str
    seq: int
    time: str
    """In the format of `rfc3339`."""
    monoms: int
    timeq: str
    nonce: str | None = None
    """The nonce that a command may echo; None where it would be too old before anybody reads it."""
    record: int | None = None
    """Its number in the record; None for a message that is not of the record."""
    recordtop: int = 0
    recorddone: int = 0


def seal(draft: Draft, source: str, boot_id: str, stamp: Stamp, epoch: str = "") -> bytes:
    """Return the bytes of a message: the picture itself, or the envelope around its data.

    Without an `epoch`, the number does not belong to the device's count.
    """
    if draft.picture is not None:
        return draft.picture
    # The same form as `Envelope`, but without the cost of building the model: every press goes through here.
    fields = {
        "specversion": "1.0",
        "id": stamp.id,
        "source": source,
        "type": draft.type,
        "subject": draft.subject,
        "time": stamp.time,
        "dataschema": f"urn:edge-agent:schema:{draft.type}",
        "datacontenttype": "application/json",
        "bootid": boot_id,
        **({"epoch": epoch} if epoch else {}),
        "seq": stamp.seq,
        **({} if stamp.record is None else {"record": stamp.record}),
        "recordtop": stamp.recordtop,
        "recorddone": stamp.recorddone,
        "monoms": stamp.monoms,
        "timeq": stamp.timeq,
        **({} if stamp.nonce is None else {"nonce": stamp.nonce}),
    }
    try:
        head = pydantic_core.to_json(fields)
    except pydantic_core.PydanticSerializationError:
        head = encodable_json(fields)
    return b'%b,"data":%b}' % (head[:-1], draft.data_json.encode())


def mark_historical(payload: bytes, nonce: str) -> bytes:
    """Return the envelope marked as sent late, with the current nonce so that its reader can still answer.

    A payload that is not JSON, such as a picture, is returned unchanged.
    """
    try:
        envelope = pydantic_core.from_json(payload, cache_strings="keys")  # each value comes once: no point in caching
    except ValueError:
        return payload
    envelope["data"]["historical"] = True
    envelope["nonce"] = nonce
    return pydantic_core.to_json(envelope)
