"""The chain of a camera: each clip that begins, ends, is held or deleted is an entry that names the one before.

`chain.jsonl` only grows. An entry that the disk does not take waits, and is written before any later one; that of a
clip stands in its manifest too, from where the next start takes it. The head that the centre hears is on the disk.
"""

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from agent.contract.leaves import canonical, parse
from agent.contract.times import rfc3339
from agent.trust.evidence.finding import Finding, missing, wrong
from agent.trust.evidence.jws import (
    CERTIFICATES,
    Signer,
    StatementError,
    certificates_line,
    certificates_of,
    digest,
    opened,
    signed,
    unverified,
)
from agent.trust.evidence.manifest import ENTRY, Line, lines_of
from agent.trust.synced_file import append, sync_names

FILE = "chain.jsonl"
_MOST = 2**53
_MOST_DAMAGE = 100
NONE = "0" * 64
"""What the first entry names as the one before."""


class Head(NamedTuple):
    """The newest entry: whoever knows it can tell whether anything up to it was changed since."""

    seq: int
    digest: str
    """The SHA-256 of the entry in hex."""


class Chain:
    """The chain as the recorder goes on with it. One thread at a time."""

    def __init__(self, directory: Path, device: str, camera: str, signer: Signer) -> None:
        self._path = directory / FILE
        self._owner = {"device": device, "camera": camera}
        self.signer = signer
        self.head = Head(0, NONE)
        """The newest entry that is on the disk."""
        self._last = self.head
        self.deleted: set[str] = set()
        self.held: set[str] = set()
        self.about: dict[str, dict[str, str]] = {}
        """The entries about each clip that is not deleted, by what they say."""
        self.certificates: set[bytes] = set()
        """The lines of certificates in it."""
        self._certificates = b""
        self._waiting = b""
        """Lines that the disk has not taken yet."""
        self._load()

    def _load(self) -> None:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return
        whole = 0
        for line in lines_of(content):
            if line.body is None:
                continue
            whole = line.end
            if CERTIFICATES in line.body:
                self._certified(line.raw)
            elif ENTRY in line.body:
                self._took(str(line.body[ENTRY]))
        self.head = self._last
        if whole < len(content):  # what a power cut has torn
            with self._path.open("r+b") as file:
                file.truncate(whole)
                os.fsync(file.fileno())

    def entry(self, what: str, at: datetime, timeq: str, about: Mapping[str, Any]) -> str:
        """Make the next entry, and return it; `write` brings it onto the disk. Raises what the signer raises."""
        said = {ENTRY: what, "seq": self._last.seq + 1, "prev": self._last.digest, **self._owner, **about}
        token = signed(said | {"at": rfc3339(at), "timeq": timeq}, self.signer)
        self._add(token, certificates_line(self.signer.x5c))
        return token

    def write(self) -> None:
        """Write what is waiting, onto the disk. Raises OSError; what was not written stays waiting."""
        if not self._waiting:
            return
        is_new = not self._path.exists()
        append(self._path, self._waiting)
        if is_new:
            sync_names(self._path.parent)
        self._waiting, self.head = b"", self._last

    def adopt(self, token: str, certificates: bytes) -> bool:
        """Take an entry of a manifest that a power cut has kept from the chain; return whether it is the next one and
        this device has made it. `certificates` is the line that it names."""
        own = {certificates_line(self.signer.x5c), *self.certificates}
        try:
            known = {sha256(certificates).hexdigest(): certificates_of(json.loads(certificates))}
            said, _ = opened(token, known)
        except (StatementError, ValueError, KeyError):
            return False
        if certificates not in own or (said.get("seq"), said.get("prev")) != (self._last.seq + 1, self._last.digest):
            return False
        self._add(token, certificates)
        return True

    def _add(self, token: str, certificates: bytes) -> None:
        if certificates != self._certificates:
            self._waiting += certificates + b"\n"
            self._certified(certificates)
        self._waiting += canonical({ENTRY: token}) + b"\n"
        self._took(token)

    def _certified(self, line: bytes) -> None:
        self._certificates = line
        self.certificates.add(line)

    def _took(self, token: str) -> None:
        said = unverified(token)
        seq, clip = said.get("seq"), str(said.get("clip", ""))
        # Whoever had the card may have put anything there.
        if type(seq) is not int or not self._last.seq < seq < _MOST:
            seq = self._last.seq + 1
        self._last = Head(seq, digest(token))
        self.about.setdefault(clip, {})[str(said.get(ENTRY))] = token
        match said.get(ENTRY):
            case "deleted":
                self.deleted.add(clip)
                self.held.discard(clip)
                del self.about[clip]
            case "held":
                self.held.add(clip)
            case "released":
                self.held.discard(clip)


@dataclass(slots=True)
class Entry:
    """An entry of a chain whose signature holds."""

    token: str
    said: dict[str, Any]
    x5c: tuple[bytes, ...]
    line: Line


@dataclass(slots=True)
class ReadChain:
    """A chain that was read, and what is wrong with it."""

    entries: list[Entry] = field(default_factory=list)
    damage: list[Finding] = field(default_factory=list)
    """What is wrong with it in itself."""
    disputed: list[Finding] = field(default_factory=list)
    """Where it is not as the centre has heard."""

    @property
    def findings(self) -> list[Finding]:
        """All that is wrong."""
        return [*self.damage, *self.disputed]

    @property
    def good(self) -> int:
        """Where the last entry that holds ends."""
        return self.entries[-1].line.end if self.entries else 0

    def links(self, tokens: Collection[str], until: int) -> bool:
        """Whether these entries are all there, and each names the one before, from the first of them up to the entry
        `until`, or to the end: then what is damaged elsewhere does not touch them."""
        places = [number for number, each in enumerate(self.entries) if each.token in tokens]
        if not places or len(places) < len(tokens):
            return False
        row = self.entries[places[0] :]
        reach = next((number for number, each in enumerate(row) if each.said["seq"] >= until), len(row) - 1)
        return all(b.said.get("prev") == digest(a.token) for a, b in pairwise(row[: reach + 1]))

    def lacks(self, token: str, seq: object) -> bool:
        """Whether it has another entry in the place of this one, or, being whole, none."""
        if any(each.token == token for each in self.entries):
            return False
        return not self.findings or any(each.said["seq"] == seq for each in self.entries)


class Heard(NamedTuple):
    """A head that the centre has kept, as the device published it."""

    device: str
    camera: str
    head: Head
    at: datetime
    """When the centre got it; if it has a stamp that was checked, when that was made."""
    stamp: str = ""
    """An authority's time stamp over the digest (RFC 3161, DER in base64); empty if it has none."""


def read(content: bytes, file: str, heads: list[Heard]) -> ReadChain:
    """Read a chain and check that each entry holds and follows the one before, and each head that the centre has kept.
    Whose the certificates are, and whether they were valid, is another matter."""
    found, known, unused = ReadChain(), dict[str, tuple[bytes, ...]](), ""
    for line in lines_of(content):
        body = line.body or {}
        # The entry may be wrong, or its certificates, or what stands there in the place of one that is missing.
        where = (file, found.damage[0].begin if found.damage else found.good, line.end)
        if body.keys() == {CERTIFICATES}:
            name = sha256(line.raw).hexdigest()
            if unused or name in known:
                found.damage.append(wrong(*where, f"line {line.number} is foreign: no entry needs its certificates"))
            known, unused = {name: certificates_of(body)}, name
            continue
        unused = ""
        if (fault := _take(found, line, known, where)) is not None:
            found.damage.append(fault)
            if len(found.damage) == _MOST_DAMAGE:
                break
    if unused:
        found.damage.append(wrong(file, found.good, len(content), "the last line is foreign: no entry needs it"))
    found.disputed += _as_heard(found, heads, file, len(content))
    return found


def held_clips(content: bytes) -> set[str]:
    """Return the clips that a chain says are held."""
    held: set[str] = set()
    for each in read(content, FILE, []).entries:
        clip = str(each.said.get("clip"))
        match each.said[ENTRY]:
            case "held":
                held.add(clip)
            case "released" | "deleted":
                held.discard(clip)
    return held


def _take(
    found: ReadChain, line: Line, known: Mapping[str, tuple[bytes, ...]], where: tuple[str, int, int]
) -> Finding | None:
    """Take an entry; return what is wrong with it."""
    body = line.body or {}
    try:
        token = str(body[ENTRY]) if body.keys() == {ENTRY} else ""
        said, x5c = opened(token, known)
        seq, owner = said["seq"], (said["device"], said["camera"])
    except (StatementError, KeyError) as error:
        why = error if isinstance(error, StatementError) else "it is not as a device writes it"
        return wrong(*where, f"line {line.number} was altered: {why}")
    if type(seq) is not int or not isinstance(said.get(ENTRY), str):
        return wrong(*where, f"line {line.number} was altered: it is not as a device writes it")
    last = Head(0, NONE)
    if found.entries:
        before = found.entries[-1]
        last = Head(before.said["seq"], digest(before.token))
        if owner != (before.said["device"], before.said["camera"]):
            return wrong(*where, f"the entry in line {line.number} is foreign: it is of {owner[1]} of {owner[0]}")
    what = f"the entry {seq} in line {line.number}"
    if seq <= last.seq:
        return wrong(*where, f"{what} is out of order, or stands there twice: the one before is {last.seq}")
    fault: Finding | None
    if seq > last.seq + 1:
        fault = missing(*where, f"the entries {last.seq + 1} to {seq - 1} were removed before line {line.number}")
    else:
        is_next = said.get("prev") == last.digest
        fault = None if is_next else wrong(*where, f"{what} is foreign: it follows another entry {last.seq}")
    found.entries.append(Entry(token, said, tuple(x5c), line))
    return fault


def _as_heard(found: ReadChain, heads: list[Heard], file: str, size: int) -> list[Finding]:
    """Compare a chain with what the centre has heard of it."""
    if not found.entries:
        return []
    first, by_seq = found.entries[0].said, {each.said["seq"]: each for each in found.entries}
    for heard in sorted(heads, key=lambda each: each.head.seq):
        entry = by_seq.get(heard.head.seq)
        if (heard.device, heard.camera) != (first["device"], first["camera"]) or heard.head.seq == 0:
            continue
        when = f"the centre heard on {heard.at:%Y-%m-%d %H:%M} UTC"
        last = found.entries[-1].said["seq"]
        if entry is None and heard.head.seq < last:
            continue  # it is in a gap, which was found already
        if entry is None:
            return [missing(file, size, size, f"the entries {last + 1} to {heard.head.seq}, of which {when}, are gone")]
        if digest(entry.token) != heard.head.digest:
            text = f"the entry {heard.head.seq} is not the one of which {when}: the chain was written anew"
            return [wrong(file, entry.line.begin, entry.line.end, text)]
    return []


def read_heads(content: str) -> list[Heard]:
    """Read the heads that a centre has kept: lines of `{"device", "camera", "seq", "head", "at"}`, some with a `stamp`.

    Raises ValueError.
    """
    found = []
    for line in filter(None, content.splitlines()):
        body = parse(line.encode())
        try:
            at = datetime.fromisoformat(body["at"])
            at = at if at.tzinfo else at.replace(tzinfo=UTC)
            head = Head(int(body["seq"]), str(body["head"]))
            found.append(Heard(str(body["device"]), str(body["camera"]), head, at, str(body.get("stamp", ""))))
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a line of heads: {line[:80]}") from error
    return found
