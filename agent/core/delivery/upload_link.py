"""The messages between the core and the uploader: one JSON object per line."""

from dataclasses import dataclass

from agent.core import link_lines

MOVES_BYTES = 64 * 1024
"""The uploader says how much it has sent before each of these, and its own piece, begins to leave."""
_BUSY = {408, 425, 429}


@dataclass(frozen=True, slots=True)
class Put:
    """Core to uploader: put a file to a URL."""

    number: int
    file: str
    url: str
    ca_file: str | None = None
    bytes_s: int = 0
    """How fast; 0: as fast as it goes."""
    t: str = "put"


@dataclass(frozen=True, slots=True)
class Gate:
    """Core to uploader: send nothing while an alarm message waits (`hold`), or go on."""

    hold: bool
    t: str = "gate"


@dataclass(frozen=True, slots=True)
class Moves:
    """Uploader to core, before bytes leave: the first of a PUT, each further `MOVES_BYTES`, and once a second."""

    number: int
    sent: int
    t: str = "moves"


@dataclass(frozen=True, slots=True)
class Done:
    """Uploader to core: how a PUT has ended."""

    number: int
    status: int
    """Of HTTP; 0 if there was no answer."""
    sent: int
    """Bytes; if the uploader is gone, as many as it may have sent."""
    detail: str = ""
    """For a person: what the network or the store says. Never the URL's query."""
    retry_after_s: float | None = None
    is_ours: bool = True
    """False if the store's ETag is the MD5 of something else."""
    code: str = ""
    """What the store calls it: S3's `Code`."""
    t: str = "done"

    @property
    def is_there(self) -> bool:
        """Whether the store has the file: now, or already, where it lets nothing be overwritten (412). Then an answer
        was lost; whether it is ours, the SHA-256 tells whoever reads it."""
        is_known = self.status == 412 and self.code == "PreconditionFailed"
        return is_known or (200 <= self.status < 300 and self.is_ours)

    @property
    def may_go_later(self) -> bool:
        """Whether the network or the store has failed, or has no time: the URL is as good as before."""
        is_slow = self.status == 400 and self.code == "RequestTimeout"  # S3 has waited for the body
        is_race = self.status == 409 and self.code == "ConditionalRequestConflict"  # another PUT of it is under way
        return self.status == 0 or self.status >= 500 or self.status in _BUSY or is_slow or is_race


Line = Put | Gate | Moves | Done
_KINDS: dict[str, type[Line]] = {"put": Put, "gate": Gate, "moves": Moves, "done": Done}


def decode(line: bytes) -> Line:
    """Parse a line. Raises LinkError."""
    return link_lines.decode(_KINDS, line, "uploader's link")
