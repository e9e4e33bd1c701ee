"""The settings of what leaves of a recording, beside messages: to whom, how fast, and how much."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from agent.contract.stores import Host
from agent.core.section import Section


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
