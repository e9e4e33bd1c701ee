"""The messages between the core and a recorder: one JSON object per line, over one socket."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, JsonValue, TypeAdapter

from agent.core.camera.link_model import QUIET, LinkModel, decode

Facts = Mapping[str, JsonValue]
"""What a manifest says of a clip, as it stands."""


class KeepingSpec(LinkModel):
    """Where clips are kept, by whose key they are signed, and to whose they are sealed."""

    directory: str
    """That of the camera."""
    facts: dict[str, JsonValue]
    """What each manifest says: at least `device`, `camera` and `software`."""
    key: str
    """The file of the device's key."""
    certificate: str
    recipient: str
    """The province's public key, as the settings have it."""
    bytes: int
    """Of the card, for all clips of the camera."""
    days: float
    free_bytes: int
    """What must stay free on the card."""


class RecorderSpec(LinkModel):
    """Everything that a recorder needs to know. It may hold a camera's password."""

    camera: str
    keeping: KeepingSpec
    socket: str
    """Where it listens for a source of pictures: the path of a Unix socket."""
    stream: str | None = None
    """A stream's address that it reads itself, and takes as it comes. It does so only if that shows nothing that a mask
    should cover: else the camera process's masked pictures count, by the socket."""
    masked: bool = False
    """Whether the camera has privacy masks. If so, nothing is recorded that does not show them."""
    masked_by_camera: bool = False
    """Whether the site attests that the camera itself covers what the masks cover."""
    ring_s: float = Field(default=12.0, ge=10, le=120)
    """How many seconds before a press are there, at least. A camera with few key frames has more."""
    ring_bytes: int = Field(default=16 * 1024 * 1024, ge=1024 * 1024)
    """The most that they may take. If that is too little, they are fewer seconds."""
    frames_per_second: float = Field(default=5.0, gt=0, le=60)
    """Of the pictures that come by the socket and are encoded here."""
    bit_rate: int = Field(default=1_000_000, ge=50_000)
    most_clips: int = Field(default=4, ge=1)
    """Files that are written at the same time; whatever else happens takes part in the newest."""

    @property
    def may_be_unmasked(self) -> bool:
        """Whether pictures may be taken that show no mask of ours."""
        return not self.masked or (self.stream is not None and self.masked_by_camera)


# --- core to recorder


class StartRecorder(LinkModel):
    """Fill the ring. The first line."""

    t: Literal["start"] = "start"
    spec: RecorderSpec


class BeginClip(LinkModel):
    """Keep what is in the ring and what follows, for so many seconds from now. Answered by ClipBegun or ClipFailed."""

    t: Literal["begin"] = "begin"
    clip: str
    """A UUID of version 7."""
    seconds: float = Field(gt=0, le=3600)
    facts: dict[str, JsonValue]
    """Why: the alarm, the event or the command."""


class ExtendClip(LinkModel):
    """Go on for so many seconds from now, at least."""

    t: Literal["extend"] = "extend"
    clip: str
    seconds: float = Field(gt=0, le=3600)


class EndClip(LinkModel):
    """Close the clip now."""

    t: Literal["end"] = "end"
    clip: str


class HoldClip(LinkModel):
    """Keep a clip from being deleted, or release it. Answered by ClipHeld or ClipFailed."""

    t: Literal["hold"] = "hold"
    clip: str
    held: bool
    about: dict[str, JsonValue]
    """By whose order."""


class StopRecorder(LinkModel):
    """Close all clips and end."""

    t: Literal["stop"] = "stop"


# --- recorder to core


class RecorderState(LinkModel):
    """Sent every second."""

    t: Literal["state"] = "state"
    state: Literal["ok", "degraded"]
    detail: str = ""
    pictures: int
    """Pictures that came since the start."""
    ring_s: float
    """How many seconds before now would be in a clip that began now."""
    ring_bytes: int
    group_s: float
    """The longest time between two key frames in the ring."""
    encoder: str | None = None
    """Which one encodes; None if the H.264 comes from the camera."""
    clips: tuple[str, ...] = ()
    """Those that are being written."""
    card: str = ""
    """What a person must see to on the card; empty if nothing."""
    held: int = 0
    """Clips that are not deleted, whatever their age."""
    rss_bytes: int


class ClipBegun(LinkModel):
    """The ring is on the card."""

    t: Literal["begun"] = "begun"
    clip: str
    into: str
    """Which clip it is in: itself, or another that was being written already."""
    continues: str | None = None
    """The clip that ended because the camera's pictures changed their form; this one goes on, and is named by the
    recorder."""
    begin_ns: int
    """Capture time of the first picture, on the boot clock."""
    before_s: float
    """How long that was before the clip was asked for."""


class ClipEnded(LinkModel):
    """The clip is complete on the card."""

    t: Literal["ended"] = "ended"
    clip: str
    why: str
    """`cut` if it was the recorder before this one, which ended without warning: then nobody knows the seconds."""
    seconds: float
    bytes: int = 0
    """Of its pictures."""


class ClipFailed(LinkModel):
    """There is no such clip, or it is not whole."""

    t: Literal["failed"] = "failed"
    clip: str
    detail: str


class ClipHeld(LinkModel):
    """The clip is held, or released."""

    t: Literal["held"] = "held"
    clip: str
    held: bool


class ClipDeleted(LinkModel):
    """The clip is gone."""

    t: Literal["deleted"] = "deleted"
    clip: str
    why: str
    """`age`, `bytes` or `free`."""


class ChainHead(LinkModel):
    """The newest entry of the chain that is on the card: with each clip's begin and end, and every hour."""

    t: Literal["head"] = "head"
    seq: int
    digest: str
    """In hex."""


ToRecorder = StartRecorder | BeginClip | ExtendClip | EndClip | HoldClip | StopRecorder
AboutClips = ClipBegun | ClipEnded | ClipFailed | ClipHeld | ClipDeleted | ChainHead
FromRecorder = RecorderState | AboutClips

_TO_RECORDER: TypeAdapter[ToRecorder] = TypeAdapter(Annotated[ToRecorder, Field(discriminator="t")], config=QUIET)
_FROM_RECORDER: TypeAdapter[FromRecorder] = TypeAdapter(Annotated[FromRecorder, Field(discriminator="t")], config=QUIET)


def decode_for_recorder(line: bytes) -> ToRecorder:
    """Parse a line from the core. Raises LinkError."""
    return decode(_TO_RECORDER, line, "recorder's link")


def decode_for_core(line: bytes) -> FromRecorder:
    """Parse a line from a recorder. Raises LinkError."""
    return decode(_FROM_RECORDER, line, "recorder's link")
