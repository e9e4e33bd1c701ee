"""The lines on the links between the core and its other processes: one JSON object each, made from a dataclass. Without
pydantic: a recorder and the uploader have no room."""

import json
from collections.abc import Mapping
from dataclasses import Field, asdict
from typing import Any, ClassVar, Protocol, TypeVar

from agent.contract.checked import checked
from agent.contract.errors import EdgeAgentError
from agent.contract.leaves import parse

LONGEST_LINE = 128 * 1024
"""Bytes, including the newline: enough for all the masks, zones and hours that the settings allow."""
T = TypeVar("T")


class Message(Protocol):
    """Any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


class LinkError(EdgeAgentError):
    """A line on the link is not a message of this version, or the other end is gone."""


def encode(message: Message) -> bytes:
    """Return the message as one line, including its newline."""
    return json.dumps(asdict(message)).encode() + b"\n"


def decode(kinds: Mapping[str, type[T]], line: bytes, link: str) -> T:
    """Parse a line whose field `t` names one of these kinds. Raises LinkError, which names the link."""
    try:
        said = parse(line)
        return checked(kinds[said["t"]], said)
    except (EdgeAgentError, ValueError, TypeError, KeyError) as error:
        why = str(error) if isinstance(error, EdgeAgentError | ValueError) else "no message that is known"
        raise LinkError(f"bad line on the {link}: {why}") from None
