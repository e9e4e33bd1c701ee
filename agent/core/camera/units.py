"""Pictures and H.264 on their way to a recorder: binary records over one stream socket.

A record is its head (kind, flags, capture time, length of the payload) and the payload. The first record is a header;
another one may come later, as a camera's size can change.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, Self

from pydantic import ConfigDict, Field, ValidationError

from agent.core.camera.link_model import LinkModel
from agent.core.errors import EdgeAgentError

HEAD = struct.Struct(">BBQI")
MOST_BYTES = 16 * 1024 * 1024
"""Of a payload: more than a picture of 3840 x 2160."""


class UnitsError(EdgeAgentError):
    """A source sends what no recorder can take."""


class Kind(IntEnum):
    """What a record holds."""

    HEADER = 0
    """A StreamHeader as JSON."""
    UNIT = 1
    """An access unit of H.264, with start codes (Annex B)."""
    PICTURE = 2
    """An I420 picture of the header's size, without padding."""
    TROUBLE = 3
    """Why no pictures come: a line of text for a person."""


class StreamHeader(LinkModel):
    """What follows it."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    codec: Literal["h264", "i420"]
    camera: str
    width: int = Field(ge=2, le=8192)
    height: int = Field(ge=2, le=8192)
    masked: bool
    """Whether every picture shows the privacy masks of the settings."""
    parameters: bytes = b""
    """Parameter sets that the stream itself may lack (Annex B)."""

    def record(self) -> bytes:
        """Return it as a record."""
        content = self.model_dump_json().encode()
        return head(Kind.HEADER, len(content)) + content

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Read the payload of a record. Raises UnitsError."""
        try:
            return cls.model_validate_json(content)
        except ValidationError as error:
            raise UnitsError(f"a source sends a header that can't be read: {error.errors()[0]['msg']}") from error


@dataclass(frozen=True, slots=True)
class RecordHead:
    """What comes before a payload."""

    kind: Kind
    boottime_ns: int
    length: int

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Read HEAD.size bytes. Raises UnitsError."""
        kind, _, boottime_ns, length = HEAD.unpack(content)
        try:
            known = Kind(kind)
        except ValueError:
            raise UnitsError(f"a source sends records of kind {kind}, which nobody knows") from None
        if length > MOST_BYTES:
            raise UnitsError(f"a source sends a record of {length} bytes")
        return cls(known, boottime_ns, length)


def head(kind: Kind, length: int, boottime_ns: int = 0) -> bytes:
    """Return what comes before a payload of this length; `boottime_ns` says when it was captured."""
    return HEAD.pack(kind, 0, boottime_ns, length)


def trouble(detail: str) -> bytes:
    """Return the record that says why no pictures come."""
    content = detail.encode()
    return head(Kind.TROUBLE, len(content)) + content
