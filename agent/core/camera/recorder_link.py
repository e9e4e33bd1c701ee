"""The messages between the core and a recorder: one JSON object per line, over one socket.

Without pydantic, which would take a quarter of a recorder's memory.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from agent.core import link_lines

Facts = Mapping[str, Any]
"""What a manifest says of a clip, as it stands: JSON."""


@dataclass(frozen=True, kw_only=True)
class RecorderMessage:
    """What travels on the link between the core and a recorder, and what it is made of."""


@dataclass(frozen=True, kw_only=True)
class KeepingSpec(RecorderMessage):
    """Where clips are kept, by whose key they are signed, and to whose they are sealed."""

    directory: str
    """That of the camera."""
    facts: dict[str, Any]
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


@dataclass(frozen=True, kw_only=True)
class UploadSpec(RecorderMessage):
    """Which clips go into the spool too, from which segments are uploaded."""

    directory: str
    """In memory: what lies there is not sealed."""
    bytes: int
    """Of it, for this camera."""
    clips: tuple[str, ...]
    """Those whose facts have one of these names: `alarm`, `event`, `command`."""


@dataclass(frozen=True, kw_only=True)
class RecorderSpec(RecorderMessage):
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
    ring_s: float = 12.0
    """How many seconds before a press are there, at least. A camera with few key frames has more."""
    ring_bytes: int = 16 * 1024 * 1024
    """The most that they may take. If that is too little, they are fewer seconds."""
    frames_per_second: float = 12.0
    """Of the pictures that come by the socket and are encoded here."""
    bit_rate: int = 1_200_000
    hung: str = ""
    """An encoder that has hung, and is not tried again."""
    longest_s: float = 300.0
    """A clip that is this much longer than what was before it goes on in another file."""
    most_clips: int = 4
    """Files that are written at the same time; whatever else happens takes part in the newest."""

    upload: UploadSpec | None = None
    """None: nothing is uploaded."""

    def __post_init__(self) -> None:
        """Raise ValueError for what makes no sense."""
        if not (10 <= self.ring_s <= 120 and self.ring_bytes >= 1024 * 1024):
            raise ValueError("ring_s, ring_bytes: a recorder needs 10 s to 120 s and at least 1 MiB")

    @property
    def may_be_unmasked(self) -> bool:
        """Whether pictures may be taken that show no mask of ours."""
        return not self.masked or (self.stream is not None and self.masked_by_camera)

    @property
    def is_fed(self) -> bool:
        """Whether its pictures come from the camera process, and not from a stream that it reads itself."""
        return self.stream is None or not self.may_be_unmasked


# --- core to recorder


@dataclass(frozen=True, kw_only=True)
class StartRecorder(RecorderMessage):
    """Fill the ring. The first line."""

    t: Literal["start"] = "start"
    spec: RecorderSpec


@dataclass(frozen=True, kw_only=True)
class BeginClip(RecorderMessage):
    """Keep what is in the ring and what follows, for so many seconds from now. Answered by ClipBegun or ClipFailed."""

    t: Literal["begin"] = "begin"
    clip: str
    """A UUID of version 7."""
    seconds: float
    facts: dict[str, Any]
    """Why: the alarm, the event or the command."""


@dataclass(frozen=True, kw_only=True)
class ExtendClip(RecorderMessage):
    """Go on for so many seconds from now, at least."""

    t: Literal["extend"] = "extend"
    clip: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class EndClip(RecorderMessage):
    """Close the clip now."""

    t: Literal["end"] = "end"
    clip: str


@dataclass(frozen=True, kw_only=True)
class HoldClip(RecorderMessage):
    """Keep a clip from being deleted, or release it. Answered by ClipHeld or ClipFailed."""

    t: Literal["hold"] = "hold"
    clip: str
    held: bool
    about: dict[str, Any]
    """By whose order."""


@dataclass(frozen=True, kw_only=True)
class GiveStream(RecorderMessage):
    """Give what is recorded, as it is recorded, to whoever listens at a socket, for as long as they read it. Whoever
    had it before has it no longer."""

    t: Literal["give"] = "give"
    socket: str
    """The path of a Unix socket."""


@dataclass(frozen=True, kw_only=True)
class StopRecorder(RecorderMessage):
    """Close all clips and end."""

    t: Literal["stop"] = "stop"


# --- recorder to core


@dataclass(frozen=True, kw_only=True)
class RecorderState(RecorderMessage):
    """Sent when it has changed, and every 5 s."""

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
    hangs: str = ""
    """The encoder that never came back from a call, for which this process ends."""
    clips: tuple[str, ...] = ()
    """Those that are being written."""
    card: str = ""
    """What a person must see to on the card; empty if nothing."""
    trouble: str = ""
    """What a person should see to besides, although it is recorded."""
    held: int = 0
    """Clips that are not deleted, whatever their age."""
    rss_bytes: int


@dataclass(frozen=True, kw_only=True)
class ClipBegun(RecorderMessage):
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


@dataclass(frozen=True, kw_only=True)
class ClipEnded(RecorderMessage):
    """The clip is complete on the card."""

    t: Literal["ended"] = "ended"
    clip: str
    why: str
    """`cut` if it was the recorder before this one, which ended without warning: then nobody knows the seconds. Nor of
    those that it has ended itself when its core was gone."""
    seconds: float
    bytes: int = 0
    """Of its pictures."""


@dataclass(frozen=True, kw_only=True)
class ClipFailed(RecorderMessage):
    """There is no such clip, or it is not whole."""

    t: Literal["failed"] = "failed"
    clip: str
    detail: str
    waits: bool = False
    """Of a hold: it counts, and the card has not taken it yet."""


@dataclass(frozen=True, kw_only=True)
class ClipHeld(RecorderMessage):
    """The clip is held, or released."""

    t: Literal["held"] = "held"
    clip: str
    held: bool


@dataclass(frozen=True, kw_only=True)
class ClipDeleted(RecorderMessage):
    """The clip is gone."""

    t: Literal["deleted"] = "deleted"
    clip: str
    why: str
    """`age`, `bytes` or `free`."""


@dataclass(frozen=True, kw_only=True)
class ChainHead(RecorderMessage):
    """The newest entry of the chain that is on the card: with each clip's begin and end, and every hour."""

    t: Literal["head"] = "head"
    seq: int
    digest: str
    """In hex."""


ToRecorder = StartRecorder | BeginClip | ExtendClip | EndClip | HoldClip | GiveStream | StopRecorder
AboutClips = ClipBegun | ClipEnded | ClipFailed | ClipHeld | ClipDeleted | ChainHead
FromRecorder = RecorderState | AboutClips

_TO_RECORDER: dict[str, type[ToRecorder]] = {kind.t: kind for kind in get_args(ToRecorder)}
_FROM_RECORDER: dict[str, type[FromRecorder]] = {kind.t: kind for kind in (RecorderState, *get_args(AboutClips))}


def decode_for_recorder(line: bytes) -> ToRecorder:
    """Parse a line from the core. Raises LinkError."""
    return link_lines.decode(_TO_RECORDER, line, "recorder's link")


def decode_for_core(line: bytes) -> FromRecorder:
    """Parse a line from a recorder. Raises LinkError."""
    return link_lines.decode(_FROM_RECORDER, line, "recorder's link")
