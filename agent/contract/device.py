"""What a device says of itself: its description and its health."""

from typing import Annotated, Literal, NotRequired

from pydantic import BaseModel, ConfigDict, SerializeAsAny
from typing_extensions import TypedDict

from agent.contract.events import PartName
from agent.contract.messages import Payload
from agent.contract.vocabulary import (
    Box,
    Conclusion,
    ConditionKind,
    Count,
    Fault,
    Label,
    Location,
    SightTrouble,
    TamperKind,
    Time,
    Uuid,
    counts,
    known,
)

_CLASSES = ("alarm", "state", "security", "event", "picture", "health")
AlarmKind = Annotated[str, known("panic", "duress", "medical", "fire")]


class ButtonMeta(TypedDict):
    """A button."""

    name: Label
    kind: AlarmKind
    """What its alarms are of."""
    silent: bool
    """Whether its alarms change no light, tone, beacon or siren."""
    supervised: bool
    """Whether it has two contacts, so that a cut or shorted cable is noticed."""


class ConditionMeta(TypedDict):
    """An input that watches the kiosk itself."""

    name: Label
    kind: ConditionKind


class CameraMeta(TypedDict):
    """A camera."""

    name: Label
    source: str
    """As in the settings, without a password."""
    model: str
    """The name of the model that finds people."""
    masks: NotRequired[Count]
    """How many privacy masks its pictures have, as the agent found them at its start. Left out when they can't be read,
    and then the camera is off."""
    recorded: NotRequired[bool]
    """Whether it is recorded for alarms; left out by agents that could not."""


class ConfigData(BaseModel):
    """The settings that were set from afar, over those of the device's files."""

    model_config = ConfigDict(frozen=True)

    revision: Count
    """The revision in force; 0 if there is none."""
    wanted: Count
    """The highest revision that was asked for."""
    state: Literal["in-force", "trying", "failed", "refused"]
    """What has become of the wanted one; see "Settings from afar"."""
    reason: str = ""
    """Why it is not in force, for a person; may be empty."""


class KeysData(BaseModel):
    """The key set that the device obeys."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    revision: Count
    """Of the `keys-set` that is in force; 0: the device's own key file."""
    seen: Count
    """The highest revision that was ever in force: the next one must be above it."""


class CommissionedData(BaseModel):
    """The newest report of a commissioning, in short."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    report: Uuid
    """Its id."""
    at: Time
    """When the device wrote it, by its clock."""
    by: str
    """Who walked: the name that the person gave, or else the holder of the key."""
    verdict: Conclusion
    """`failed` when a step has, else `incomplete` when one was left out."""
    failed: tuple[Label, ...] = ()
    """The steps that have failed."""
    left_out: tuple[Label, ...] = ()
    """The steps that were left out."""


class MetaData(Payload):
    """`up/meta`: what this device has."""

    model_config = ConfigDict(defer_build=True)

    inputs: tuple[ButtonMeta | ConditionMeta, ...]
    """Buttons, and inputs that watch the kiosk itself."""
    outputs: tuple[Annotated[str, known("yellow", "green", "beacon", "tone", "siren")], ...]
    """The lights that are wired, and the siren."""
    cameras: tuple[CameraMeta, ...]
    location: Location | None = None
    """From the settings; left out when they have none."""
    capabilities: tuple[str, ...]
    """The commands that this device knows."""
    schemas: tuple[str, ...]
    """The types that it may send, but for those of security events."""
    config: ConfigData = ConfigData(revision=0, wanted=0, state="in-force")
    """What was set from afar."""
    keys: KeysData | None = None
    """Whose orders it obeys. A device of an earlier version says nothing of it."""
    commissioned: CommissionedData | None = None
    """Left out for a device that was never commissioned under this name with this board. A device whose `schemas` lack
    `edge.commissioning.v1` says nothing of it."""


class PartHealth(TypedDict):
    """A part of the device."""

    state: Literal["ok", "degraded"]
    detail: NotRequired[str]
    """For a person; left out when there is nothing to say."""


class DiskHealth(TypedDict):
    """How much is written; empty when the kernel does not say. SD cards wear out."""

    written_bytes: NotRequired[Count]
    """What the core process has had written to disks since it started."""
    written_bytes_per_day: NotRequired[Count]
    """The same as a rate."""


class ActiveTamper(TypedDict):
    """Something that is wrong with a camera's picture now."""

    kind: TamperKind
    event_id: Uuid
    """As in its `camera-tamper`."""
    since: Time


class HardlyAbleToSee(TypedDict):
    """Why people are missed in a camera's pictures now."""

    reason: SightTrouble
    event_id: Uuid
    """As in its `hardly-able-to-see`."""
    since: Time
    detail: str
    """For a person: what it looks like, and what to do."""


class RecordingHealth(TypedDict):
    """What is recorded of a camera. While its recorder does not run, nothing but `state` and `detail` is there."""

    state: Literal["ok", "degraded"]
    detail: str
    """For a person; may be empty."""
    before_s: NotRequired[float]
    """Seconds in memory: so long before a press now a clip would begin."""
    group_s: NotRequired[float]
    """The longest time between two key frames in memory; a clip begins with one."""
    encoder: NotRequired[str]
    """What encodes; left out if the camera's own H.264 is kept."""
    recording: NotRequired[list[Uuid]]
    """The clips that are being written."""
    held: NotRequired[Count]
    """Clips that are not deleted, whatever their age."""
    rss_bytes: NotRequired[Count]
    """Memory of the recorder."""


class UploadsHealth(TypedDict):
    """What leaves of recordings, beside messages."""

    waiting: Count
    """Segments in memory that are not at a store yet."""
    waiting_bytes: Count
    urls: Count
    """URLs that are not used yet."""
    month_bytes: Count
    """What may have been sent in this month of UTC, failed tries included."""
    detail: str
    """What keeps them, for a person; may be empty."""


class DataHealth(TypedDict):
    """What went over the network interface of a SIM card, both ways."""

    interface: str
    month_bytes: Count
    """In this month of UTC, while the agent ran."""
    limit_bytes: Count
    """From which on no recordings, no live view and no pictures of events leave; 0 for no limit."""


class CameraHealth(TypedDict):
    """A camera. While its process does not run, nothing but `tampers` and `recording` is there."""

    state: NotRequired[Literal["ok", "degraded"]]
    detail: NotRequired[str]
    """For a person; may be empty."""
    frames: NotRequired[Count]
    """Frames processed since its process started."""
    frames_per_second: NotRequired[float]
    """Frames looked at."""
    stated_frames_per_second: NotRequired[float]
    """The rate that the camera states of itself; left out when it states none."""
    inferences_per_second: NotRequired[float]
    inference_ms: NotRequired[float]
    """Mean time of one inference over the last second; 0 if there was none."""
    frame_age_ms: NotRequired[Count | None]
    """Age of the newest frame; null before the first."""
    persons: NotRequired[Count]
    """People in view."""
    masks: NotRequired[Count]
    """Privacy masks in force."""
    never_moving: NotRequired[list[Box]]
    """Where something looks like a person and never moves, a statue or a poster. After four hours it no longer
    counts among `persons`. Left out when there is none."""
    rss_bytes: NotRequired[Count]
    """Memory of its process."""
    tampers: list[ActiveTamper]
    """Those that are active."""
    hardly_able_to_see: NotRequired[HardlyAbleToSee]
    """Left out when it sees well, and while a tamper is told instead."""
    recording: NotRequired[RecordingHealth]
    """Left out when the camera is not recorded."""


class SelfTestHealth(TypedDict):
    """The last self-test that came to its end."""

    time: Time
    passed: bool
    failed: list[str]
    """The names of the steps that failed."""


class SirenHealth(TypedDict):
    """The siren."""

    on: bool
    alarms: list[Uuid]
    """The alarms that it sounds for."""


class ButtonHealth(TypedDict):
    """A button."""

    presses: Count
    """Since the agent started."""
    cut_short: Count
    """Presses that were not held for long enough, since the agent started."""
    faults: list[Fault]
    """Those that are active."""


class ConditionHealth(TypedDict):
    """An input that watches the kiosk itself."""

    active: bool | None
    """Null before the first is told."""
    faults: list[Fault]
    """Those that are active."""


class HealthData(Payload):
    """`up/health`: every part's state, and the figures that tell of trouble before it comes."""

    model_config = ConfigDict(defer_build=True)

    status: Literal["ok", "degraded"]
    """`degraded` when any part is."""
    parts: dict[PartName, PartHealth]
    """By name, as in `part-degraded`."""
    uptime_s: Count
    """Since the agent started."""
    outbox: Annotated[dict[str, int], counts(*_CLASSES)]
    """Messages that wait, by class. A class that has none may be left out."""
    dropped: Annotated[dict[str, int], counts(*_CLASSES)]
    """Messages given up since the agent started, by class; alarms are never among them. A class that has none may be
    left out."""
    cpu_percent: float
    """Of the core process, of one processor, since the last report."""
    memory_bytes: Count
    """Of the core process."""
    disk_free_bytes: Count
    """Where the outbox is, as it was last seen; 0 when the disk has not answered yet."""
    disk: DiskHealth
    temperature_c: float | None = None
    """Of the processor; left out where the machine does not tell it."""
    certificate_ends: Time | None = None
    """When the device's own certificate ends, or that of its self-test's probe if it ends earlier. Its files are read
    soon after the start and every hour; left out where there is none, where it can't be read, and before."""
    certificate_trouble: str | None = None
    """What a person must see to about the device's own certificate, for a person: why it can't be read, why its renewal
    fails and since when, that it has expired, or that it ends within 30 days and nothing renews it. Left out when there
    is nothing to say."""
    # Serialised as they are: `exclude_none` would drop their nulls.
    cameras: SerializeAsAny[dict[str, CameraHealth]]
    """By name."""
    self_test: SelfTestHealth | None = None
    """Left out before the first."""
    uploads: UploadsHealth | None = None
    """Left out where the settings name no host for uploads."""
    data: DataHealth | None = None
    """Left out where the settings name no network interface for it (`[data]`)."""
    siren: SirenHealth | None = None
    """Left out where there is none."""
    inputs: SerializeAsAny[dict[str, ButtonHealth | ConditionHealth]]
    """By name."""
