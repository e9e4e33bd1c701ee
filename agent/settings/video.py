"""The settings of what is recorded, what is uploaded, and who watches live."""

import base64
import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from agent.contract.camera_events import EventName
from agent.contract.stores import Host
from agent.core.section import Section

_KEY = re.compile(r"[A-Za-z0-9._-]{1,64}:([A-Za-z0-9_-]{43})")


def _recipient(text: str) -> str:
    key = _KEY.fullmatch(text)
    if key is None or len(base64.urlsafe_b64decode(key[1] + "=")) != 32:
        raise ValueError("this is NAME:KEY, the line that `edge-centre keygen --evidence` prints")
    return text


class EvidenceSettings(Section):
    """What cameras record. Without a recipient they record nothing."""

    recipient: Annotated[str, AfterValidator(_recipient)] | None = None
    """The province's public evidence key: whoever holds its private half can open what this device records."""
    before_s: float = Field(default=15.0, ge=10, le=120)
    """How much of the time before a press is in a clip, at least. So much stays in memory, and nowhere else."""
    after_s: float = Field(default=30.0, ge=10, le=600)
    """How long a clip goes on after its alarm is closed, and after an event or a command."""
    longest_s: float = Field(default=300.0, ge=10, le=3600)
    """How long a clip goes on after the last press of an alarm that nobody closes."""
    ring_bytes: int = Field(default=16 * 1024 * 1024, ge=1024 * 1024, le=256 * 1024 * 1024)
    """Memory for the time before a press, of each camera."""
    frames_per_second: float = Field(default=12.0, ge=1, le=30)
    """Pictures a second of a camera whose pictures are encoded here: it is asked for so many, even where fewer are
    looked at. The H.264 that a camera or a Pi's hardware makes is recorded at its own rate."""
    kbit_s: int = Field(default=1200, ge=200, le=8000)
    """The bit rate of what is encoded here."""
    max_bytes: int = Field(default=4 * 1024**3, ge=64 * 1024 * 1024)
    """The most that the clips of all cameras take of the disk; the oldest go first."""
    max_age_days: float = Field(default=30.0, ge=1, le=3650)
    """Clips that are older are deleted, unless they are held."""
    keep_free_bytes: int = Field(default=1024**3, ge=0)
    """Clips leave this much of the disk free; above [storage] keep_free_bytes they never take room from messages."""
    events: tuple[EventName, ...] = ()
    """The events of cameras for which a clip is kept, besides alarms: none, unless the site names some."""

    @model_validator(mode="after")
    def _longest_is(self) -> Self:
        if self.longest_s < self.after_s:
            raise ValueError("longest_s must not be below after_s")
        return self


class UploadSettings(Section):
    """Segments of recordings that are put to a store over HTTPS. Without a host nothing is."""

    hosts: tuple[Host, ...] = ()
    """The only hosts that a segment may go to, whatever URL comes: `store.example`, or `store.example:9000`."""
    ca_file: Path | None = None
    """The authorities (PEM) of these hosts; the system's when left out."""
    clips: tuple[Literal["alarm", "event", "command"], ...] = ("alarm",)
    """Which clips are uploaded, by what they are kept for."""
    directory: Path | None = None
    """Where segments wait: in memory, as they are not sealed; on a disk nothing is uploaded. The agent's runtime
    directory when left out."""
    spool_bytes: int = Field(default=32 * 1024 * 1024, ge=1024 * 1024, le=1024**3)
    """The most that they take there, of all cameras; what does not fit stays on the card alone."""
    max_kbit_s: int = Field(default=0, ge=0)
    """How fast they are sent; 0: as fast as the network takes them."""
    month_bytes: int = Field(default=0, ge=0)
    """How much is sent in a month (of UTC), failed tries included; 0: as much as there is."""


_STREAM_FORM = "this is rtsps://HOST[:PORT]/PATH without a login; PATH may have {device} and {camera}"


def _stream_address(text: str) -> str:
    try:
        parts = urlsplit(text)
        good = parts.scheme == "rtsps" and parts.hostname is not None and parts.port != 0 and len(parts.path) > 1
    except ValueError as error:
        raise ValueError(_STREAM_FORM) from error
    path = parts.path.replace("{device}", "").replace("{camera}", "")
    fixed = parts.netloc + path + parts.query + parts.fragment
    if not good or "@" in parts.netloc or not all("!" <= letter <= "~" and letter not in "{}" for letter in fixed):
        raise ValueError(_STREAM_FORM)
    return text


class LiveSettings(Section):
    """Live view, by a signed command. Pictures need nothing here, a stream needs a media server."""

    beacon: bool = False
    """Whether the beacon pulses slowly while somebody looks through a camera. An alarm's signals come before it, and a
    look that begins while a silent alarm is open shows nothing."""
    stream: Annotated[str, AfterValidator(_stream_address)] | None = None
    """The only place that a stream is pushed to, over TLS: `rtsps://media.example:8322/{device}/{camera}`. `{device}`
    is PROVINCE/SITE/ID; two cameras need `{camera}`. No stream when left out."""
    ca_file: Path | None = None
    """The authorities (PEM) of that server; the system's when left out."""
    login_file: Path | None = None
    """A file with `NAME:PASSWORD` for that server, which nobody but the agent may read (mode 0600)."""
