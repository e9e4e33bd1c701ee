"""The lines on the links between the core and its other processes: one JSON object each, named by its field `t`.

Most messages are dataclasses: a recorder, the uploader and what pushes a stream have no room for pydantic. Those of a
camera process are pydantic models, which read a line faster than this does (`camera/link_model.py`).
"""

import json
from collections.abc import Mapping
from dataclasses import Field, asdict, is_dataclass
from typing import Any, ClassVar, Protocol, TypeVar

from agent.contract.checked import checked
from agent.contract.errors import EdgeAgentError
from agent.contract.leaves import parse

LONGEST_LINE = 128 * 1024
"""Bytes, including the newline: enough for all the masks, zones and hours that the settings allow."""
T = TypeVar("T")


class Dataclass(Protocol):
    """Any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


class Model(Protocol):
    """Any pydantic model."""

    def model_dump_json(self, *, by_alias: bool) -> str:
        """Return it as JSON."""
        ...


Message = Dataclass | Model


class LinkError(EdgeAgentError):
    """A line on the link is not a message of this version, or the other end is gone."""


def encode(message: Message) -> bytes:
    """Return the message as one line, including its newline."""
    if is_dataclass(message):
        return json.dumps(asdict(message)).encode() + b"\n"
    return message.model_dump_json(by_alias=True).encode() + b"\n"


def decode(kinds: Mapping[str, type[T]], line: bytes, link: str) -> T:
    """Parse a line whose field `t` names one of these kinds. Raises LinkError, which names the link."""
    try:
        said = parse(line)
        return checked(kinds[said["t"]], said)
    except (EdgeAgentError, ValueError, TypeError, KeyError) as error:
        why = str(error) if isinstance(error, EdgeAgentError | ValueError) else "no message that is known"
        raise LinkError(f"bad line on the {link}: {why}") from None
