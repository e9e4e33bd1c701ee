"""Everything about a clip verified together: its file, its manifest, the chain, the certificates, the media inside."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache
from hashlib import sha256
from itertools import pairwise
from typing import Any

from agent.contract.vocabulary import TimeQuality
from agent.trust.evidence import chain as chains
from agent.trust.evidence import manifest as manifests
from agent.trust.evidence.chain import Heard, ReadChain
from agent.trust.evidence.finding import Finding, Kind, Word, missing, note, wrong
from agent.trust.evidence.manifest import Manifest, Part
from agent.trust.evidence.sealed_file import OVERHEAD, ClipError, read_head, read_header
from agent.trust.evidence_keys import EvidenceKey
from edge_centre.evidence.comparison import File, Piece, compared
from edge_centre.evidence.remux import indexed, without_index
from edge_centre.evidence.signer import Trust, as_heard, heard_of, of_the_key, of_the_signer

_STEP = timedelta(seconds=2)
"""A wall clock that goes away from the time since boot by more was set."""

_HOLE_S = 0.5


@dataclass(slots=True)
class Verdict:
    """What a check has come to."""

    word: Word
    findings: list[Finding]
    """The first is the one that decides."""
    manifest: Manifest = field(default_factory=Manifest)
    plain: Mapping[int, bytes] = field(default_factory=dict)
    """What the records hold, by their numbers, where the clip was opened."""
    is_signed: bool = False
    """Whether anything of it was signed while it was recorded."""

    def film(self) -> bytes:
        """Return the plain MP4, where the clip was opened: as the device has signed it."""
        parts = (each for each in self.manifest.parts if each.kind != "picture")
        return b"".join(self.plain.get(each.n, b"") for each in parts)

    @property
    def is_alone(self) -> bool:
        """Whether all that is missing is the chain."""
        return self.word == "authentic, alone"

    @property
    def is_authentic(self) -> bool:
        """Whether nothing of it was altered and nothing is missing."""
        return self.word == "authentic"


def judge_clip(
    clip: File, manifest: File, trust: Trust, chain: File | None = None, key: EvidenceKey | None = None
) -> Verdict:
    """Judge a clip with its manifest: sealed as on the card, or opened as in a case folder. `key` opens a sealed one.

    Raises ClipError when a file is not what it should be at all, KeyTrouble when the key does not open it.
    """
    read = manifests.read(manifest.content, manifest.name)
    findings = list(read.findings)
    if not read.facts:
        if manifest.content.startswith(b'{"certificates"') or any(each.kind == "wrong" for each in findings):
            return _verdict(findings, read, is_signed=False)
        raise ClipError(f"{manifest.name} is no manifest: it says nothing of a clip")
    known = None if chain is None else _read_once(chain.content, chain.name, trust.heads)
    if known is None or chain is None:
        kind: Kind = "note" if heard_of(trust, read.facts) else "alone"  # the centre's heads vouch for its end, or not
        text = "no chain was given" + (": nobody can tell what else was recorded" if kind == "alone" else "")
        findings.append(Finding(kind, manifest.name, 0, 0, text))
    else:
        findings += _of_the_chain(known, chain, read, trust)
    findings += of_the_signer(read, manifest.name, trust, known)
    findings += as_heard(read, manifest.name, trust, is_chained=known is not None)
    is_sealed = clip.content.startswith(b"EAclip") or clip.name.endswith(".clip")
    of_media = list(_of_the_clip(clip, read.parts, read.facts) if is_sealed else _of_the_mp4(clip, read.parts))
    findings += of_media
    plain: dict[int, bytes] = {}
    if is_sealed and key is not None and not of_media:
        plain = _opened(clip, read, key)
        spoilt = (each for each in read.parts if sha256(plain.get(each.n, b"")).hexdigest() != each.sha256)
        findings += [wrong(clip.name, 0, 0, f"record {each.n} does not hold what the manifest says") for each in spoilt]
    findings += [*_of_the_parts(read, manifest.name), *_unsigned(read, manifest.name)]
    return _verdict(findings, read, plain, is_signed=read.vouched > 0)


def judge_chain(chain: File, trust: Trust) -> Verdict:
    """Judge a chain alone."""
    read = _read_once(chain.content, chain.name, trust.heads)
    findings = list(read.findings)
    device = read.entries[0].said["device"] if read.entries else trust.device
    if trust.device is not None and device != trust.device:
        findings.append(
            wrong(chain.name, 0, len(chain.content), f"this is a chain of {device}, and not of {trust.device}")
        )
    for entry in read.entries:
        where = (chain.name, entry.line.begin, entry.line.end)
        findings += of_the_key(entry.x5c, entry.said, entry.said["seq"], read, where, trust)
    return _verdict(findings, Manifest(), is_signed=bool(read.entries))


@lru_cache(maxsize=1)
def _read_once(content: bytes, name: str, heads: tuple[Heard, ...]) -> ReadChain:
    """All clips of a card have the same chain, of thousands of signatures. Nobody may change what this returns."""
    return chains.read(content, name, list(heads))


def decided(verdict: Verdict, extra: Sequence[Finding]) -> Verdict:
    """Return a verdict with what else was found. What no manifest vouches for, the stream's own signatures may."""
    findings, proven = verdict.findings, max((each.end for each in extra if each.kind == "vouched"), default=0)
    if proven:
        unsigned = [each for each in findings if each.kind == "unsigned"]
        findings = [each for each in findings if each.kind != "unsigned"]
        findings += [left for each in unsigned for left in _unsigned(verdict.manifest, each.file, proven)]
    is_signed = verdict.is_signed or proven > 0
    return _verdict([*findings, *extra], verdict.manifest, verdict.plain, is_signed=is_signed)


def _verdict(
    findings: list[Finding], read: Manifest, plain: Mapping[int, bytes] | None = None, *, is_signed: bool
) -> Verdict:
    order = ("wrong", "missing", "unsigned", "alone", "vouched", "note")
    findings = sorted(findings, key=lambda each: order.index(each.kind))
    kinds = {each.kind for each in findings}
    word: Word = "authentic"
    if "wrong" in kinds:
        word = "not authentic"
    elif not is_signed:
        word = "not signed"
    elif kinds & {"missing", "unsigned"}:
        word = "authentic with missing"
    elif "alone" in kinds:
        word = "authentic, alone"
    return Verdict(word, findings, read, plain or {}, is_signed)


def _of_the_chain(known: ReadChain, chain: File, read: Manifest, trust: Trust) -> Iterator[Finding]:
    entries = [each for each in read.statements if manifests.ENTRY in each.said]
    last = max((each.said["seq"] for each in entries), default=0)
    heard = heard_of(trust, read.facts)
    until = min((each.head.seq for each in heard if each.head.seq >= last), default=2**63)
    # A card may spoil a page of it years later: that does not touch a clip whose own entries lead to what was heard.
    is_apart = bool(known.damage) and known.links({each.token for each in entries}, until)
    yield from (replace(each, kind="missing") if is_apart else each for each in known.damage)
    yield from known.disputed
    whose = (read.facts.get("device"), read.facts.get("camera"))
    first = known.entries[0].said if known.entries else read.facts
    if (first.get("device"), first.get("camera")) != whose:
        text = f"this is the chain of the camera {first.get('camera')} of {first.get('device')}"
        yield wrong(chain.name, 0, len(chain.content), text)
    seen = [each for each in heard if each.stamp and each.head.seq >= last]
    if seen and not known.findings:
        by = min(each.at for each in seen)
        yield note(chain.name, f"an authority for time stamps had seen this clip's end by {by:%Y-%m-%d %H:%M:%S} UTC")


def _of_the_clip(clip: File, parts: list[Part], facts: Mapping[str, Any]) -> Iterator[Finding]:
    length = facts.get("header_length")
    size = length if isinstance(length, int) and length > 0 else 0
    if sha256(clip.content[:size]).hexdigest() != facts.get("header"):
        yield wrong(clip.name, 0, max(size, 1), "the header was altered, or is of another clip")
        return

    def length_at(at: int) -> int | None:
        head = read_head(clip.content, at)
        return head.length if head else None

    expected = [Piece(f"record {each.n} ({each.kind})", each.length + OVERHEAD, each.sealed) for each in parts]
    yield from compared(clip, size, expected, length_at)


def _of_the_mp4(clip: File, parts: list[Part]) -> Iterator[Finding]:
    def length_at(at: int) -> int | None:
        """An init segment ends with its `moov`, a fragment with its `mdat`; between them may be an index."""
        begin = at
        while at + 8 <= len(clip.content):
            size, kind = int.from_bytes(clip.content[at : at + 4]), clip.content[at + 4 : at + 8]
            if size < 8:
                return None
            at += size
            if kind in {b"moov", b"mdat", b"sidx"}:
                return at - begin
        return None

    films = [each for each in parts if each.kind != "picture"]
    expected = [Piece(f"the {each.kind} {each.n}", each.length, each.sha256) for each in films]
    film, begin, end = without_index(clip.content)
    if begin < end:
        digest = sha256(clip.content[begin:end]).hexdigest()
        expected.insert(1, Piece("the index", end - begin, digest))
    yield from (found := list(compared(clip, 0, expected, length_at)))
    if begin < end and not found and not _is_index(film, clip.content):
        text = "the index before the fragments is not theirs: players may show another length, or skip some"
        yield wrong(clip.name, begin, end, text)


def _is_index(film: bytes, with_index: bytes) -> bool:
    try:
        return indexed(film) == with_index
    except ClipError:
        return False


def _opened(clip: File, read: Manifest, key: EvidenceKey) -> dict[int, bytes]:
    header = read_header(clip.content)
    content_key, at, plain = header.content_key(key), len(header.raw), {}
    for each in read.parts:
        record = clip.content[at : at + each.length + OVERHEAD]
        at += len(record)
        if (content := header.opened(content_key, record)) is not None:
            plain[each.n] = content
    return plain


def _of_the_parts(read: Manifest, file: str) -> Iterator[Finding]:
    """Say what the device itself could not write or vouch for, and what its clocks did."""
    lost = [each for each in read.notes if "lost" in each]
    for each in lost:
        text = f"the device could not write record {each['lost']} ({each.get('what')}): {each.get('why')}"
        yield missing(file, 0, 0, text)
    named = sorted({index for each in lost if isinstance(index := each.get("index"), int)})
    for before, part in pairwise([each for each in read.parts if each.index is not None]):
        first, last = before.index or 0, part.index or 0
        if (gone := last - first - 1 - max(bisect_left(named, last) - bisect_right(named, first), 0)) > 0:
            text = f"{gone} of the fragments before record {part.n} never came to the card"
            yield missing(file, 0, 0, text)
    if read.end == "cut":
        yield note(file, "the recording was cut off: nobody can tell what came after its last picture")
    timed = [each for each in read.parts if each.begin and each.begin_ns is not None]
    if any(each.timeq == TimeQuality.UNSYNCED for each in timed):
        yield note(file, "the device's clock was not set: nobody vouches for the times that it gives")
    for before, part in pairwise(timed):
        between = f"between the records {before.n} and {part.n}"
        passed = timedelta(microseconds=((part.begin_ns or 0) - (before.begin_ns or 0)) // 1000)
        if part.begin and before.begin and abs(step := part.begin - before.begin - passed) > _STEP:
            yield note(file, f"the clock was set by {step.total_seconds():+.1f} s {between}")
        if before.end_ns is not None and (hole := ((part.begin_ns or 0) - before.end_ns) / 1e9) > _HOLE_S:
            yield note(file, f"no picture for {hole:.1f} s {between}")


def _unsigned(read: Manifest, file: str, proven: int = 0) -> Iterator[Finding]:
    """Say which records nobody vouches for; the stream itself does for the first `proven` bytes of the film."""
    at, left = 0, []
    for number, part in enumerate(read.parts):
        at += 0 if part.kind == "picture" else part.length
        if number >= read.vouched and (part.kind == "picture" or at > proven):
            left.append(part)
    if left and read.end:
        text = f"the records {left[0].n} to {left[-1].n} were on the disk when the power was cut, and not signed yet"
        yield Finding("unsigned", file, 0, 0, text)
