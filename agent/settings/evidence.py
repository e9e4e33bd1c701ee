"""The settings of what is recorded: when, for how long, and to whose key it is sealed."""

import base64
import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from agent.contract.camera_events import EventName
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
