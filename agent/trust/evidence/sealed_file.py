"""The file of a clip on the card: a header that anybody may read, and records that only the province opens.

    MAGIC | length u32 | header as JSON | record...
    record: number u32 | kind u8 | length u32 | AES-256-GCM of the content, with its tag

The content key is new for each clip and wrapped in the header. A record's number is its nonce, and never given twice:
not even after a write that failed, because a card may have kept what it refused. Each record is bound to the header, to
its number and to its kind.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

from agent.contract.errors import EdgeAgentError
from agent.contract.leaves import DocumentError, canonical, parse
from agent.trust.evidence_keys import EvidenceKey, Recipient, decrypt, encrypt, wrap

MAGIC = b"EAclip1\n"
KINDS = ("init", "fragment", "picture")
_LENGTH = struct.Struct(">I")
_HEAD = struct.Struct(">IBI")
_TAG = 16
OVERHEAD = _HEAD.size + _TAG
"""Bytes that a record has more than its content."""
_LONGEST_HEADER = 4096


class ClipError(EdgeAgentError):
    """This is no clip, or it can't be opened. The text says why."""


class Sealer:
    """Seals the records of one clip. Its key is nowhere else, and ends with it."""

    def __init__(self, facts: Mapping[str, Any], recipient: Recipient) -> None:
        self._key, sender, wrapped = wrap(recipient)
        said = canonical({**facts, "to": str(recipient), "sender": sender, "key": wrapped})
        self.header = MAGIC + _LENGTH.pack(len(said)) + said
        self._bound = sha256(self.header).digest()
        self.next = 0
        """The number of the next record."""

    def seal(self, kind: str, content: bytes) -> bytes:
        """Return the next record."""
        head = _HEAD.pack(self.next, KINDS.index(kind), len(content) + _TAG)
        sealed = encrypt(self._key, self.next, content, self._bound + head)
        self.next += 1
        return head + sealed


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a clip's file."""

    said: Mapping[str, Any]
    raw: bytes

    def content_key(self, key: EvidenceKey) -> bytes:
        """Return what opens the records. Raises KeyTrouble."""
        return key.unwrap(str(self.said.get("sender")), str(self.said.get("key")))

    def opened(self, content_key: bytes, record: bytes) -> bytes | None:
        """Return what a record holds; None if it was altered or is of another clip."""
        if len(record) < OVERHEAD:
            return None
        bound = sha256(self.raw).digest() + record[: _HEAD.size]
        return decrypt(content_key, _HEAD.unpack_from(record)[0], record[_HEAD.size :], bound)


def read_header(content: bytes) -> Header:
    """Read the header at the beginning of a clip's file. Raises ClipError."""
    begin = len(MAGIC) + _LENGTH.size
    if content[: len(MAGIC)] != MAGIC or len(content) < begin:
        raise ClipError("this is no clip: it does not begin as one")
    [length] = _LENGTH.unpack_from(content, len(MAGIC))
    raw = content[: begin + length]
    try:
        if length > _LONGEST_HEADER or len(raw) < begin + length:
            raise ClipError("the clip's header was cut off or altered")
        said = parse(raw[begin:])
    except DocumentError as error:
        raise ClipError(f"the clip's header was altered: {error}") from error
    if not isinstance(said, dict):
        raise ClipError("the clip's header was altered: it is no object")
    return Header(said, raw)


class Head(NamedTuple):
    """What stands before a record's content, by itself no proof of anything."""

    number: int
    length: int
    """Of the whole record."""


def read_head(content: bytes, at: int) -> Head | None:
    """Return the head of the record that begins at `at`; None if none does, or not all of it is there."""
    if at + OVERHEAD > len(content):
        return None
    number, kind, length = _HEAD.unpack_from(content, at)
    whole = length + _HEAD.size
    if kind >= len(KINDS) or length < _TAG or at + whole > len(content):
        return None
    return Head(number, whole)
