"""The payloads that the device publishes: the contract's `data`, as the models that the schemas come from.

You may add a field freely; to change the meaning of a field you need a new type version.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from agent.contract.stages import Stage
from agent.contract.vocabulary import (
    AckAction,
    CloseReason,
    ConditionKind,
    Fault,
    Outcome,
    Reason,
    TamperKind,
    TimeQuality,
)

Status = Literal["actual", "test", "exercise"]
"""The status of an alarm; only `actual` may send anybody out."""
SoundReason = Literal["unanswered", "pressed"]
"""Why the siren sounds for an alarm; `pressed` means that it sounds again because of a further press."""
SilenceReason = Literal["answered", "closed", "time-over", "agent-stopped"]
"""Why the siren has stopped sounding for an alarm."""
SirenReason = SoundReason | SilenceReason


class Rank(IntEnum):
    """The order in which waiting messages leave, most important first."""

    ALARM = 0
    STATE = 1
    """Births, descriptions, open alarms and command results: few, small, and always fresh."""
    SECURITY = 2
    EVENT = 3
    PICTURE = 4
    HEALTH = 5


class Payload(BaseModel):
    """Base of every `data`. `historical` marks a message that is sent late."""

    model_config = ConfigDict(frozen=True)

    historical: bool = False


class Envelope(BaseModel):
    """CloudEvents 1.0, structured JSON, with the extensions of the contract."""

    model_config = ConfigDict(frozen=True)

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str
    type: str
    subject: str
    time: str
    dataschema: str
    datacontenttype: Literal["application/json"] = "application/json"
    bootid: str
    epoch: str = ""
    """The count that `seq` belongs to. It is new when the device could not find the count of an earlier run."""
    seq: int
    """Counts all messages of the device, from 1, without gaps. A will repeats the last number before its connection."""
    monoms: int
    timeq: TimeQuality
    nonce: str | None = None
    """A command may echo it to prove that it is fresh. Absent from wills, and from messages on a path not in use."""
    data: dict[str, Any]


class AlarmCamera(BaseModel):
    """What a camera saw when the alarm was raised."""

    model_config = ConfigDict(frozen=True)

    name: str
    persons: int | None = None
    tracks: tuple[str, ...] | None = None
    """The people in view, by the names that the camera's events use; the first 100 of them."""
    snapshot: str | None = None
    """Identifier of the picture under `up/snapshot/{id}`; None if there is none."""


class Answer(BaseModel):
    """A verified ack of the centre: who said it, and when."""

    model_config = ConfigDict(frozen=True)

    issuer: str
    """Who holds the key that signed it."""
    by: str | None = None
    """The name that the centre gives the person."""
    at: str
    """Wall clock of the device when it came."""
    unit: str | None = None
    """Who was sent; only of `dispatched`."""
    reason: CloseReason | None = None
    """Only of `closed`."""
    note: str | None = None
    """Only of `closed`."""

    @property
    def person(self) -> tuple[str, str | None]:
        """Two answers are of one person if this is the same."""
        return self.issuer, self.by

    @property
    def who(self) -> str:
        """The person in words."""
        return f"{self.by} ({self.issuer})" if self.by else self.issuer


class AlarmData(Payload):
    """`up/alarm/{input}`: raised, updated, closed."""

    alarm_id: str
    input: str
    kind: str
    status: Status
    silent: bool
    press_count: int
    stage: Stage
    repeats: int = 0
    """How often an unconfirmed alarm was sent again."""
    reraised: int = 0
    """How often the alarm has raised itself again because it was answered but not closed."""
    raised_at: str
    location: dict[str, Any] | None = None
    codes: dict[str, str]
    latency_ms: dict[str, int]
    """Milliseconds from the edge to the first time that each stage was reached."""
    camera: AlarmCamera | None = None
    held_by: Answer | None = None
    """Who has the alarm: the ack that took it. None until somebody does, and again once it has raised itself again."""
    answered_by: dict[AckAction, Answer] = {}
    """The ack that counts of each action, since the alarm last raised itself."""
    durable: bool | None = None
    """False for a close that is not on disk yet: after a power cut the alarm would be open again."""


class AlarmsData(Payload):
    """`up/alarms`: every open alarm, retained."""

    open: tuple[AlarmData, ...] = ()


class StateData(Payload):
    """`up/state`: the birth, the orderly end, and the will."""

    state: Literal["online", "offline", "lost"]
    bdseq: int
    epoch: str
    """The epoch, as in the envelope."""
    boot_nonce: str
    """The first nonce of this start of the agent, which identifies the start."""
    agent_version: str
    config_revision: str


class ConfigData(BaseModel):
    """The settings that were set from afar, over those of the device's files."""

    model_config = ConfigDict(frozen=True)

    revision: int
    """The revision in force; 0 if there is none."""
    wanted: int
    """The highest revision that was asked for."""
    state: Literal["in-force", "trying", "failed", "refused"]
    """What has become of the wanted one."""
    reason: str = ""
    """Why it is not in force."""


class MetaData(Payload):
    """`up/meta`: what this device has."""

    inputs: tuple[dict[str, Any], ...]
    outputs: tuple[str, ...]
    cameras: tuple[dict[str, Any], ...]
    location: dict[str, Any] | None
    capabilities: tuple[str, ...]
    schemas: tuple[str, ...]
    config: ConfigData = ConfigData(revision=0, wanted=0, state="in-force")


class HealthData(Payload):
    """`up/health`: every part's state, and the figures that tell of trouble before it comes."""

    status: Literal["ok", "degraded"]
    parts: dict[str, dict[str, str]]
    uptime_s: int
    outbox: dict[str, int]
    """Messages waiting, by class."""
    dropped: dict[str, int]
    """Messages given up since the start, by class; alarms are never among them."""
    cpu_percent: float
    memory_bytes: int
    disk_free_bytes: int
    disk: dict[str, int]
    """What the core has written since it started, and what that comes to in a day: SD cards wear out."""
    temperature_c: float | None
    cameras: dict[str, dict[str, Any]]
    self_test: dict[str, Any] | None = None
    """The last self-test that finished; None before the first."""
    siren: dict[str, Any] | None = None
    """Whether the siren is on, and for which alarms; None without a siren."""
    inputs: dict[str, dict[str, Any]]
    """By name. Buttons: presses, holds that were cut short, faults. Conditions: active, faults."""


class SecurityData(Payload):
    """`up/security/{kind}`: something that a security centre wants to know of."""

    kind: str
    severity: Literal["info", "warning", "alert"]
    text: str
    detail: dict[str, Any] = {}
    suppressed: int = 0
    """How many events of the same kind were left out since the last one, to keep a flood readable."""


class InputFaultData(Payload):
    """`up/event/input-fault`: something is wrong with an input, or no longer is."""

    input: str
    fault: Fault
    active: bool
    since: str
    """Wall clock when the fault began."""
    presses: int
    """Presses of this input since the agent started."""
    detail: str = ""


class ConditionData(Payload):
    """`up/event/tamper` and `up/event/power`: what an input says of the kiosk itself."""

    input: str
    kind: ConditionKind
    active: bool
    since: str
    """Wall clock when this state began."""
    codes: dict[str, str]


class CameraTamperData(Payload):
    """`up/event/camera-tamper`: what a camera shows is not what it ought to show, or is again."""

    event_id: str
    """The same at the beginning and at the end."""
    camera: str
    kind: TamperKind
    active: bool
    since: str
    """Wall clock when this state began."""
    duration_ms: int | None = None
    """How long it lasted; only given at its end."""
    detail: str
    codes: dict[str, str]
    """Empty for `dark`, because nobody causes it."""


class SirenData(Payload):
    """`up/event/siren-sounded` and `siren-stopped`: the siren has begun to sound for an alarm, or has ceased to."""

    alarm_id: str
    input: str
    reason: SirenReason
    sounded_ms: int
    """How long the siren has sounded for this alarm so far, in all stretches together."""
    driven: bool
    """Whether the pin accepted the change. If False, the state of the siren is unknown."""


class PartData(Payload):
    """`up/event/part-degraded` and `part-restored`: a part of the device fails or works again."""

    part: str
    detail: str


class TimeCorrectionData(Payload):
    """`up/event/time-correction`: the wall clock was set, or has become synchronised."""

    boot_id: str
    offset_ms: int
    """Add this to the `time` of earlier messages of this boot."""
    timeq_before: TimeQuality
    timeq_after: TimeQuality


class ServiceData(Payload):
    """`up/event/out-of-service` and `in-service`: whether anybody would hear of a press soon."""

    reasons: tuple[str, ...]
    """`no-uplink`, `no-centre`, `self-test`, `no-button`; empty when in service."""


class SelfTestStep(BaseModel):
    """One step of a self-test: whether it is well, one line for a person, and how long it took."""

    model_config = ConfigDict(frozen=True)

    name: str
    ok: bool
    detail: str
    ms: int


class SelfTestData(Payload):
    """`up/event/self-test`: what came of it."""

    outcome: Outcome
    reason: Reason
    alarm_id: str | None = None
    """The test alarm; None if none was raised."""
    steps: tuple[SelfTestStep, ...]


class ResultData(Payload):
    """`up/result/{command-id}`."""

    command_id: str
    name: str
    status: Literal["accepted", "rejected", "in-progress", "succeeded", "failed", "timed-out"]
    code: str
    text: str
    output: dict[str, Any] = {}


@dataclass(frozen=True)
class Draft:
    """A message before it has a number. The outbox seals it: sequence, identifier and time."""

    rank: Rank
    topic: str
    type: str = ""
    """CloudEvents type, for example `edge.alarm.raised.v1`; empty for a picture, which has no envelope."""
    subject: str = ""
    data: Payload | None = None
    picture: bytes | None = None
    qos: int = 1
    retain: bool = False
    expiry_s: int | None = None
    alarm_id: str | None = None
    correlation_data: bytes | None = None

    @cached_property
    def data_json(self) -> str:
        """The data as JSON, without what is None."""
        return "{}" if self.data is None else self.data.model_dump_json(exclude_none=True)
