"""What all messages between the core and its camera processes are made of. It imports little: each process has it."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from agent.core.link_lines import LinkError

T = TypeVar("T")
QUIET = ConfigDict(hide_input_in_errors=True)
"""For the adapters of a link: it may carry a camera's password, and errors end up in logs."""


class LinkModel(BaseModel):
    """What travels on a link between the core and a process of a camera: it holds no name that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def decode(adapter: TypeAdapter[T], line: bytes, link: str) -> T:
    """Parse a line of this link. Raises LinkError."""
    try:
        return adapter.validate_json(line)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the whole line"
        raise LinkError(f"bad line on the {link}: {place}: {first['type']}") from error
