"""The payloads that the device publishes: the contract's `data`, as the models that the schemas come from.

You may add a field freely; to change the meaning of a field you need a new type version.
"""

import json
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticSerializationError

from agent.contract.stages import Stage
from agent.contract.vocabulary import (
    MAY_BE_MISSING,
    AckAction,
    CloseReason,
    Codes,
    Count,
    Judge,
    Label,
    Location,
    Severity,
    Time,
    TimeQuality,
    Uuid,
    counts,
    known,
)

Status = Literal["actual", "test", "exercise"]
"""The status of an alarm; only `actual` may send anybody out."""


class Rank(IntEnum):
    """The order in which waiting messages leave, most important first."""

    ALARM = 0
    STATE = 1
    """Births, descriptions, open alarms and command results: few, small, and always fresh."""
    SECURITY = 2
    EVENT = 3
    PICTURE = 4
    HEALTH = 5
    REPLAY = 6
    """What was sent before, and is sent again because a subscriber has asked for it."""


class Payload(BaseModel):
    """Base of every `data`."""

    model_config = ConfigDict(frozen=True)

    historical: bool = False
    """True when the message left more than 10 s after it was accepted, or is left over from an earlier run. In an entry
    of `open` always false."""


class Envelope(BaseModel):
    """CloudEvents 1.0, structured JSON, with the extensions of the contract."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    specversion: Literal["1.0"]
    id: Uuid
    """UUID version 7, unique. A message that is sent again keeps it, and all else but `historical` and `nonce`."""
    source: str
    """`/edge/{province}/{site}/{device}`: the same three as in the topic. Drop what names another device: the
    broker guards the topic only."""
    type: str
    """Which message it is; its last part is its version."""
    subject: str
    """What the message is about; its form goes with the type."""
    time: Time
    """The device's wall clock when the message was made. Trust it only if `timeq` says so."""
    dataschema: str
    """`urn:edge-agent:schema:` and the type."""
    datacontenttype: Literal["application/json"] = "application/json"
    bootid: Uuid
    """The kernel's identifier of this boot of the machine."""
    epoch: Annotated[str, MAY_BE_MISSING] = ""
    """The count that `seq`, `bdseq` and `record` belong to: compare it for being equal only. Left out by the doctor."""
    seq: Count
    """Number of the message, one counter for the whole device and `epoch`, from 1; it survives restarts."""
    record: Count | None = None
    """Number within the record, from 1 and without gaps. Only in what is of it: alarms, events and security events."""
    recordtop: Annotated[Count, MAY_BE_MISSING] = 0
    """The highest number of the record that was given when the message was made."""
    recorddone: Annotated[Count, MAY_BE_MISSING] = 0
    """Every number of the record up to this one was confirmed by a broker, or given up, when the message was made.
    Never too high."""
    monoms: Count
    """Milliseconds since the machine started (CLOCK_BOOTTIME); comparable within one `bootid` only."""
    timeq: TimeQuality
    """How far `time` can be trusted."""
    nonce: str | None = None
    """What an ack or a command echoes as its `boot_nonce`. Left out of wills, and on a path not in use."""
    data: dict[str, Any]


class Converging(BaseModel):
    """Several people had closed in on one when the alarm was raised, as far as boxes tell."""

    model_config = ConfigDict(frozen=True)

    people: Count
    """How many had come near that one."""
    since_s: float
    """How many seconds before the press the first of them had."""
    judge: Judge = "a-person"
    """Who has to judge what it is: somebody who looks at the picture."""


class AlarmCamera(BaseModel):
    """What a camera saw when the alarm was raised."""

    model_config = ConfigDict(frozen=True)

    name: Label
    persons: Count | None = None
    """People in view; left out while no picture has been looked at since the camera started."""
    tracks: tuple[str, ...] | None = None
    """The people in view, by the names that the camera's events use; the first 100 of them."""
    snapshot: Label | None = None
    """Identifier of the picture under `up/snapshot/{id}`; left out if there is none. It may never come."""
    converging: Converging | None = None
    """That several people had closed in on one, by their own steps within ten seconds. Left out when none had. It is
    told with an alarm only."""


class AlarmClip(BaseModel):
    """A clip that was asked for at the press."""

    model_config = ConfigDict(frozen=True)

    camera: Label
    clip: Uuid
    """Its name in `up/evidence`, which tells whether it has begun."""


class Answer(BaseModel):
    """A verified ack of the centre: who said it, and when."""

    model_config = ConfigDict(frozen=True)

    issuer: str
    """Who holds the key that signed it."""
    by: str | None = None
    """The name that the centre gives the person."""
    at: Time
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

    alarm_id: Uuid
    """The alarm; all its messages carry it."""
    input: Label
    """Which button, from the settings."""
    kind: Annotated[str, known("panic", "duress", "medical", "fire", "self-test")]
    """Of the button, from the settings; `self-test` is the nightly test's."""
    status: Status
    """Only `actual` may send anybody out. `test`: pressed in test mode; `exercise`: a simulated agent says so."""
    silent: bool
    """Whether it changes no light, tone, beacon or siren."""
    press_count: Count
    """Presses since the alarm was raised; a second press never makes a second alarm of the same status."""
    stage: Stage
    """How far the alarm has come."""
    repeats: Count = 0
    """How often an unconfirmed alarm was told again."""
    reraised: Count = 0
    """How often the alarm has raised itself again because it was answered but not closed."""
    raised_at: Time
    """Wall clock at the first press."""
    location: Location | None = None
    """From the settings, as they are since the agent last started; left out when they have none."""
    codes: Codes
    """Panic 120 PA, duress 121 HA, medical 100 MA, fire 110 FA, self-test 602 RP."""
    latency_ms: Annotated[
        dict[str, int], counts("sent", "delayed", "unconfirmed", "registered", "dispatched", "closed")
    ]
    """From the edge to the first time of each stage reached so far; a stage that was reached in another boot is left
    out."""
    camera: AlarmCamera | None = None
    """What a camera saw at the press; only its name when none works. Left out when the device has no camera."""
    clips: tuple[AlarmClip, ...] | None = None
    """What was asked of the recorders at the first press, one of each camera; `up/evidence` tells whether it came, and
    of further clips. Left out when nothing is recorded, and of tests."""
    held_by: Answer | None = None
    """Who has the alarm, see "Who has an alarm": the ack that took it. Left out until somebody does, and again once it
    has raised itself again."""
    answered_by: Annotated[dict[AckAction, Answer], MAY_BE_MISSING] = {}
    """The ack that counts of each action, since the alarm last raised itself: `registered` (the first), `dispatched`
    (the one that named the unit), `take-over` (the last) and, in the `closed` message, `closed`. `{}` before the
    first."""
    sent_before: Answer | None = None
    """Who was sent before the alarm last raised itself again: the `dispatched` ack that counted then. They may still be
    on their way. Stays until the alarm is closed, and in the `closed` message; left out if nobody was sent."""
    raises_again_monoms: Count | None = None
    """The `monoms` at which the alarm raises itself again, unless an ack comes before; compare it only with a `monoms`
    of the same `bootid`. Only while the stage is `registered` or `dispatched`. A self-test's alarm has none."""
    durable: bool | None = None
    """False for a close that is not on disk yet: a power cut would open the alarm again. Left out otherwise."""


class AlarmsData(Payload):
    """`up/alarms`: every open alarm, retained."""

    open: tuple[AlarmData, ...]
    """Oldest first; empty when none is open."""


class StateData(Payload):
    """`up/state`: the birth, the orderly end, and the will."""

    state: Literal["online", "offline", "lost"]
    """`offline`: an orderly stop. It is the last that is sent, and yet somebody may press in the moment before the
    device is gone: an alarm with a higher `seq` is one like any other. `lost`: the will."""
    bdseq: Count
    """Ties a will to its birth; one above that of the connection before."""
    epoch: str
    """As in the envelope."""
    boot_nonce: str
    """The first nonce of this start of the agent: new at each start, and the same as long as it runs."""
    agent_version: str
    """Version of the agent."""
    config_revision: str
    """Changes when the device's settings change."""


class SecurityData(Payload):
    """`up/security/{kind}`: something that a security centre wants to know of."""

    model_config = ConfigDict(defer_build=True)

    kind: str
    severity: Severity
    text: str
    """For a person."""
    detail: dict[str, Any] = {}
    """By kind."""
    suppressed: Count = 0
    """How many of the same kind were left out since the last one, to keep a flood readable."""


class ResultData(Payload):
    """`up/result/{command-id}`: what became of an ack or a command."""

    model_config = ConfigDict(defer_build=True)

    command_id: Label
    """The `cmd_id` of the command; `unknown` when that could not be read, or its key is not known."""
    name: str
    """`ack` or the name of the command; `unknown` as above."""
    status: Literal["accepted", "rejected", "in-progress", "succeeded", "failed", "timed-out"]
    """`in-progress`: another result follows. `accepted` is not used yet."""
    code: str
    """For a program."""
    text: str
    """For a person."""
    output: dict[str, Any] = {}
    """By command and code; empty when there is none."""


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
        if self.data is None:
            return "{}"
        try:
            return self.data.model_dump_json(exclude_none=True)
        except PydanticSerializationError:
            return encodable_json(self.data.model_dump(mode="json", exclude_none=True)).decode()


def encodable_json(value: dict[str, Any]) -> bytes:
    """Return it as JSON with a question mark for each half of a surrogate pair, which a file's name may hold: UTF-8
    can't encode one, and its message must not be lost for it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
