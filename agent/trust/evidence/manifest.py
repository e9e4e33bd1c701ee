"""A clip's manifest: lines of JSON with facts, then a line for each record, and signatures over all lines above them.

Nothing in it shows a person. Each line is a leaf of a Merkle tree, and so is each signature; what a signature covers is
the number of lines above it, and their root. Who alters, removes or adds a line breaks the next signature.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, NamedTuple

from agent.contract.checked import checked
from agent.contract.leaves import DocumentError, canonical, parse
from agent.contract.times import rfc3339
from agent.trust.evidence.finding import Finding, missing, wrong
from agent.trust.evidence.fragment import Fragment
from agent.trust.evidence.jws import (
    CERTIFICATES,
    Signer,
    StatementError,
    certificates_line,
    certificates_of,
    opened,
    signed,
)
from agent.trust.evidence.merkle import Tree

CHECKPOINT, ENTRY = "checkpoint", "entry"
_CERTIFICATES = b'{"certificates":'
LAST = ("ended", "cut")
"""The entries that end a manifest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A line about one record of the clip."""

    n: Annotated[int, range(2**32)]
    """The record's number."""
    kind: str
    sha256: str
    length: Annotated[int, range(2**32)]
    sealed: str
    """The SHA-256 of the record as it is on the card."""
    index: Annotated[int, range(2**63)] | None = None
    """The fragment's number in the recorder: one that is left out was lost before the card had it."""
    begin_ns: Annotated[int, range(2**63)] | None = None
    end_ns: Annotated[int, range(2**63)] | None = None
    begin: datetime | None = None
    end: datetime | None = None
    timeq: str | None = None


def part_line(number: int, kind: str, content: bytes, record: bytes, times: Fragment | None) -> dict[str, Any]:
    """Return the line about a record."""
    line: dict[str, Any] = {"n": number, "kind": kind, "sha256": sha256(content).hexdigest(), "length": len(content)}
    line["sealed"] = sha256(record).hexdigest()
    if times is not None and not times.init:
        line |= {"index": times.index, "begin_ns": times.begin_ns, "end_ns": times.end_ns, "timeq": times.timeq}
        line |= {"begin": rfc3339(times.wall_begin), "end": rfc3339(times.wall_end)}
    return line


class Writer:
    """Makes the lines of one manifest; whoever calls it writes them."""

    def __init__(self) -> None:
        self._tree = Tree()
        self._certificates = b""

    @property
    def lines(self) -> int:
        """How many there are."""
        return self._tree.size

    def line(self, body: Mapping[str, Any]) -> bytes:
        """Return one more line, with its end."""
        return self.take(canonical(body))

    def take(self, line: bytes) -> bytes:
        """Take a line that exists already, without its end."""
        self._tree.add(line)
        if line.startswith(_CERTIFICATES):
            self._certificates = line
        return line + b"\n"

    def certificates(self, signer: Signer) -> bytes:
        """Return the line with the signer's certificates, where it is not there already."""
        line = certificates_line(signer.x5c)
        return b"" if line == self._certificates else self.take(line)

    def covered(self, clip: str) -> dict[str, Any]:
        """Return what a signature says that covers all lines until now."""
        return {"clip": clip, "lines": self.lines, "root": self._tree.root()}

    def checkpoint(self, clip: str, signer: Signer) -> bytes:
        """Return a line that signs all above it. Raises what the signer raises."""
        lines = self.certificates(signer)
        return lines + self.line({CHECKPOINT: signed(self.covered(clip), signer)})


_MOST_LINES, _SHORTEST = 10_000, 100
"""So many lines may be shorter than so many bytes: a device writes few, and each takes time."""


class Line(NamedTuple):
    """A line of a file, and where in it it stands."""

    number: int
    begin: int
    end: int
    raw: bytes
    """Without its end."""
    body: dict[str, Any] | None
    """None if it is not the one form of a JSON object, or has no end."""


def lines_of(content: bytes) -> Iterator[Line]:
    """Return the lines of a file. From where they are more than a device writes into so many bytes, the rest is one."""
    at = number = 0
    most = _MOST_LINES + len(content) // _SHORTEST
    while at < len(content):
        if number == most:
            yield Line(number + 1, at, len(content), content[at:], None)
            return
        whole = content[at : content.find(b"\n", at) + 1 or len(content)]
        raw, number = whole.removesuffix(b"\n"), number + 1
        try:
            body = parse(raw)
            is_one = raw != whole and isinstance(body, dict) and canonical(body) == raw
        except (DocumentError, ValueError, RecursionError):
            is_one = False
        yield Line(number, at, at + len(whole), raw, body if is_one else None)
        at += len(whole)


@dataclass(slots=True)
class Statement:
    """A signature in a manifest that holds."""

    token: str
    said: dict[str, Any]
    x5c: tuple[bytes, ...]
    line: Line


@dataclass(slots=True)
class Manifest:
    """A manifest that was read: what it says, and what is wrong with it."""

    facts: dict[str, Any] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    vouched: int = 0
    """The number of parts that were signed while the clip was recorded."""
    part_at: int = 0
    """Where the line about the last part begins."""
    end: str = ""
    """`ended` or `cut`; empty if it has no end."""
    findings: list[Finding] = field(default_factory=list)

    @property
    def clip(self) -> str:
        """The clip's id."""
        return str(self.facts.get("clip", ""))


def read(content: bytes, file: str) -> Manifest:
    """Read a manifest and check each of its signatures against the certificates that it names. Whose these are, and
    whether they were valid, is another matter."""
    found, tree, known = Manifest(), Tree(), dict[str, tuple[bytes, ...]]()
    for line in lines_of(content):
        begin, fault = line.begin, None
        if found.end:
            fault = f"line {line.number} stands behind the manifest's end: it was added"
        elif line.body is None:
            fault = f"line {line.number} was altered: it is not as a device writes it"
        elif line.body.keys() == {CERTIFICATES}:
            known[sha256(line.raw).hexdigest()] = certificates_of(line.body)
        elif line.body.keys() in ({CHECKPOINT}, {ENTRY}):
            last = found.statements[-1].line if found.statements else None
            fault = _sign(found, line, known, tree)
            begin = last.end if last and fault else 0 if fault else begin  # any line since then may be the one
        else:
            fault = _take(found, line)
            begin = min(begin, found.part_at) if fault else begin  # or the one before it is the strange one
        if fault is not None:
            found.findings.append(wrong(file, begin, line.end, fault))
            return found
        tree.add(line.raw)
    if not found.end:
        at = found.statements[-1].line.end if found.statements else 0
        text = "nothing behind this is signed: the manifest was cut off here, or the clip was still being recorded"
        found.findings.append(missing(file, at, len(content), text))
    return found


def _sign(found: Manifest, line: Line, known: Mapping[str, tuple[bytes, ...]], tree: Tree) -> str | None:
    """Take a signature; return what is wrong with it, or with the lines above it."""
    body = line.body or {}
    [token] = map(str, body.values())
    try:
        said, x5c = opened(token, known)
    except StatementError as error:
        return f"line {line.number} or the certificates that it names were altered: {error}"
    since = found.statements[-1].line.number if found.statements else 0
    if (ENTRY in body) != (ENTRY in said) or (ENTRY in said and type(said.get("seq")) is not int):
        return f"line {line.number} was altered: it is not as a device writes it"
    if (fault := _covers(said, found.clip, tree, range(since + 1, line.number))) is not None:
        return fault
    found.statements.append(Statement(token, said, tuple(x5c), line))
    found.end = str(said[ENTRY]) if said.get(ENTRY) in LAST else ""
    if found.end != "cut":
        found.vouched = len(found.parts)
    return None


def _covers(said: Mapping[str, Any], clip: str, tree: Tree, lines: range) -> str | None:
    """Return what is wrong with the lines above a signature; None if they are those that were signed."""
    if said.get("clip") != clip:
        return f"line {lines.stop} is foreign: it was signed for the clip {str(said.get('clip'))[:64]}"
    signed_lines = said.get("lines")
    among = f"among the lines {lines.start} to {lines.stop}"
    if isinstance(signed_lines, int) and signed_lines != tree.size:
        done = "removed" if signed_lines > tree.size else "added"
        return f"lines were {done} {among}: {signed_lines} were signed, and {tree.size} are there"
    return None if said.get("root") == tree.root() else f"a line was altered, replaced or moved {among}"


def _take(found: Manifest, line: Line) -> str | None:
    """Take a line that is no signature; return what is wrong with it."""
    body, number = line.body or {}, line.number
    if "manifest" in body:
        if found.facts:
            return f"line {number} is foreign: it begins another manifest"
        found.facts = body
    elif body.keys() & {CERTIFICATES, CHECKPOINT, ENTRY}:
        return f"line {number} was altered: it is not as a device writes it"
    elif "kind" in body:
        try:
            part = checked(Part, body, extra=True)
        except ValueError:
            return f"line {number} was altered: it is not as a device writes it"
        if found.parts and part.n <= found.parts[-1].n:
            return f"line {number} is out of order: it is of record {part.n}, behind {found.parts[-1].n}"
        found.parts.append(part)
        found.part_at = line.begin
    else:
        found.notes.append(body)
    return None
