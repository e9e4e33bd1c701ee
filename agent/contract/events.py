"""Events of the device itself: its inputs, what is done to its cameras, its siren, parts, clock and self-test."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from agent.contract.messages import Payload
from agent.contract.vocabulary import (
    Codes,
    ConditionKind,
    Count,
    Fault,
    Label,
    Level,
    NoCodes,
    Outcome,
    Reason,
    SightTrouble,
    TamperKind,
    Time,
    TimeQuality,
    Uuid,
    known,
)

SoundReason = Literal["unanswered", "pressed"]
"""Why the siren sounds for an alarm; `pressed` means that it sounds again because of a further press."""
SilenceReason = Literal["answered", "closed", "time-over", "agent-stopped"]
"""Why the siren has stopped sounding for an alarm."""
SirenReason = SoundReason | SilenceReason
_STEPS = ("inputs", "lights", "siren", "storage", "black-box", "uplink", "centre")
PartName = Annotated[
    str,
    known(
        "uplink",
        "centre",
        "service",
        "storage",
        "commands",
        "self-test",
        "siren",
        "pins",
        "lights",
        "config",
        "tap",
        "uploads",
        "data",
        "echo",
    ),
]
"""Besides these `camera-NAME`, `delegate-NAME`, `model-NAME`, `recorder-NAME`, `vision-NAME` and `input-NAME`."""


class InputFaultData(Payload):
    """`up/event/input-fault`: something is wrong with an input, or no longer is."""

    model_config = ConfigDict(defer_build=True)

    input: Label
    fault: Fault
    """What is wrong."""
    active: bool
    """False: it is over."""
    since: Time
    """Wall clock when the fault began."""
    presses: Count
    """Presses of this input since the agent started."""
    detail: str = ""
    """For a person."""


class ConditionData(Payload):
    """`up/event/tamper` and `up/event/power`: what an input says of the kiosk itself."""

    model_config = ConfigDict(defer_build=True)

    input: Label
    kind: ConditionKind
    """What the input watches."""
    active: bool
    """True: opened, failed or low. False: well again."""
    since: Time
    """Wall clock when this state began."""
    codes: Codes
    """Tamper 137 TA, mains 301 AT, battery 302 YT; when it is over 137 TR, 301 AR, 302 YR."""


class CameraTamperData(Payload):
    """`up/event/camera-tamper`: what a camera shows is not what it ought to show, or is again."""

    model_config = ConfigDict(defer_build=True)

    event_id: Uuid
    """The same at the beginning and at the end."""
    camera: Label
    kind: TamperKind
    """What is wrong."""
    active: bool
    """False: it is over."""
    since: Time
    """Wall clock when this state began."""
    duration_ms: Count | None = None
    """How long it lasted; only at its end."""
    detail: str
    """For a person."""
    snapshot: Level | None = None
    """Identifier of the picture under `up/snapshot/{id}`: the `event_id`. Only at a beginning; left out if there is
    none. It may never come."""
    codes: Codes | NoCodes
    """137 TA, when it is over 137 TR. Empty for `dark`, because nobody causes it."""


class LineCountData(Payload):
    """`up/event/line-count`: how many have crossed a line in one hour. It names nobody."""

    model_config = ConfigDict(defer_build=True)

    camera: Label
    line: Label
    """Its name."""
    hour: Time
    """Beginning of the hour, which is a whole one of UTC."""
    left_to_right: Count
    """The line-crossed of this direction that were told in the hour."""
    right_to_left: Count
    """Those of the other direction."""
    counted_s: Annotated[Count, Field(json_schema_extra={"maximum": 3600})]
    """In how many seconds of the hour the camera worked, as far as is known and to within two: with fewer than 3598,
    crossings may be missing."""


class HardlyAbleToSeeData(Payload):
    """`up/event/hardly-able-to-see`: a camera gives pictures in which people are missed, or it sees again."""

    model_config = ConfigDict(defer_build=True)

    event_id: Uuid
    """The same at the beginning and at the end."""
    camera: Label
    reason: SightTrouble
    """Why."""
    active: bool
    """False: it is over."""
    since: Time
    """Wall clock when this state began."""
    duration_ms: Count | None = None
    """How long it lasted; only at its end."""
    detail: str
    """For a person: what it looks like, and what to do."""


class SirenData(Payload):
    """`up/event/siren-sounded` and `siren-stopped`: the siren has begun to sound for an alarm, or has ceased to."""

    model_config = ConfigDict(defer_build=True)

    alarm_id: Uuid
    input: Label
    """The alarm's input."""
    reason: SirenReason
    """Why."""
    sounded_ms: Count
    """How long the siren has sounded for this alarm so far, in all stretches together."""
    driven: bool
    """Whether the pin accepted the change. If false, the state of the siren is unknown."""


class PartData(Payload):
    """`up/event/part-degraded` and `part-restored`: a part of the device fails or works again."""

    model_config = ConfigDict(defer_build=True)

    part: PartName
    """Its name."""
    detail: str
    """For a person; may be empty when it works again."""


class TimeCorrectionData(Payload):
    """`up/event/time-correction`: the wall clock was set, or has become synchronised."""

    model_config = ConfigDict(defer_build=True)

    boot_id: Uuid
    """The `bootid` whose messages it is about."""
    offset_ms: int
    """Add this to the `time` of earlier messages of this boot."""
    timeq_before: TimeQuality
    """As `timeq`."""
    timeq_after: TimeQuality
    """As `timeq`."""


class ServiceData(Payload):
    """`up/event/out-of-service` and `in-service`: whether anybody would hear of a press soon."""

    model_config = ConfigDict(defer_build=True)

    reasons: tuple[Annotated[str, known("no-uplink", "no-centre", "self-test", "no-button", "copied-card")], ...]
    """Why not; empty when in service."""


class SelfTestStep(BaseModel):
    """One step of a self-test."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, known(*_STEPS)]
    """Besides these `path-N`, for each broker but the one in use."""
    ok: bool
    """Whether it is well."""
    detail: str
    """For a person."""
    ms: Count
    """How long it took."""


class SelfTestData(Payload):
    """`up/event/self-test`: what came of it."""

    model_config = ConfigDict(defer_build=True)

    outcome: Outcome
    """How it ended."""
    reason: Reason
    """What started it."""
    alarm_id: Uuid | None = None
    """The test alarm; left out if none was raised."""
    steps: tuple[SelfTestStep, ...]
    """In the order in which they ran."""
