"""The lines between the core and the uploader: one JSON object each. No pydantic: the uploader does without."""

import json
from dataclasses import asdict, dataclass

from agent.contract.errors import EdgeAgentError
from agent.core.checked import checked


class UploadLinkError(EdgeAgentError):
    """The other end is gone, or says what no version of it says."""


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
    """Uploader to core, once a second while bytes leave."""

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
    detail: str = ""
    """For a person: what the network or the store says. Never the URL's query."""
    retry_after_s: float | None = None
    is_ours: bool = True
    """False if the store's ETag is the MD5 of something else."""
    t: str = "done"


Line = Put | Gate | Moves | Done
_KINDS: dict[str, type[Line]] = {"put": Put, "gate": Gate, "moves": Moves, "done": Done}


def encode(line: Line) -> bytes:
    """Return one line, including its newline."""
    return json.dumps(asdict(line)).encode() + b"\n"


def decode(line: bytes) -> Line:
    """Parse a line. Raises UploadLinkError."""
    try:
        said = json.loads(line)
        return checked(_KINDS[said["t"]], said)
    except (ValueError, TypeError, KeyError) as error:
        raise UploadLinkError("bad line on the uploader's link") from error
