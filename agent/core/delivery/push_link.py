"""The lines between the core and what pushes a camera's stream: one JSON object each. No pydantic, as in a recorder.

The core says stop by closing the link.
"""

from dataclasses import dataclass

from agent.core import link_lines
from agent.core.delivery.upload_link import Gate


@dataclass(frozen=True, slots=True)
class Push:
    """Core to child, the first line: push a stream until then."""

    url: str
    """`rtsps://HOST[:PORT]/PATH`, without a login."""
    socket: str
    """The path at which the child listens for the recorder."""
    until_ns: int
    """On CLOCK_BOOTTIME."""
    ca_file: str | None = None
    login_file: str | None = None
    t: str = "push"


@dataclass(frozen=True, slots=True)
class Until:
    """Core to child: go on until then."""

    until_ns: int
    t: str = "until"


@dataclass(frozen=True, slots=True)
class Listens:
    """Child to core: the recorder may connect."""

    t: str = "listens"


@dataclass(frozen=True, slots=True)
class Moves:
    """Child to core, once a second while samples come or bytes leave: how many pictures have left."""

    pictures: int
    t: str = "moves"


@dataclass(frozen=True, slots=True)
class Ended:
    """Child to core: why it ends. Never the login, nor a path."""

    detail: str
    t: str = "ended"


Line = Push | Until | Gate | Listens | Moves | Ended
_KINDS: dict[str, type[Line]] = {
    "push": Push,
    "until": Until,
    "gate": Gate,
    "listens": Listens,
    "moves": Moves,
    "ended": Ended,
}


def decode(line: bytes) -> Line:
    """Parse a line. Raises LinkError."""
    return link_lines.decode(_KINDS, line, "link of a stream")
