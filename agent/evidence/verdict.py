"""Everything about a clip verified together: its file, its manifest, the chain, the certificates, the media inside."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from typing import Any

from agent.adapters.evidence_keys import EvidenceKey
from agent.adapters.x509_at import common_name_of, revoked_at, why_not_valid
from agent.contract.identity import common_name
from agent.contract.vocabulary import TimeQuality
from agent.evidence import chain as chains
from agent.evidence import manifest as manifests
from agent.evidence.chain import Heard, ReadChain
from agent.evidence.comparison import File, Piece, compared
from agent.evidence.finding import Finding, Word, missing, note, wrong
from agent.evidence.manifest import Manifest, Part
from agent.evidence.sealed_file import OVERHEAD, ClipError, read_head, read_header

_STEP = timedelta(seconds=2)
"""A wall clock that goes away from the time since boot by more was set."""

_HOLE_S = 0.5


@dataclass(frozen=True, slots=True)
class Trust:
    """What evidence is checked against."""

    authorities: str
    """PEM: whose certificates devices have."""
    revoked: str = ""
    """PEM: lists of revoked devices; empty if none are to be asked."""
    device: str | None = None
    """`province/site/id` whose recording it must be; None for any."""
    heads: tuple[Heard, ...] = ()
    """What the centre has kept of the chain's heads."""


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
    known = None if chain is None else chains.read(chain.content, chain.name, list(trust.heads))
    if known is None or chain is None:
        findings.append(note(manifest.name, "no chain was given"))
    else:
        findings += _of_the_chain(known, chain, read, trust)
    findings += _of_the_signer(read, manifest.name, trust, known)
    is_sealed = clip.content.startswith(b"EAclip") or clip.name.endswith(".clip")
    of_media = list(_of_the_clip(clip, read.parts, read.facts) if is_sealed else _of_the_mp4(clip, read.parts))
    findings += of_media
    plain: dict[int, bytes] = {}
    if is_sealed and key is not None and not of_media:
        plain = _opened(clip, read, key)
        spoilt = (each for each in read.parts if sha256(plain.get(each.n, b"")).hexdigest() != each.sha256)
        findings += [wrong(clip.name, 0, 0, f"record {each.n} does not hold what the manifest says") for each in spoilt]
    return _verdict([*findings, *_of_the_parts(read, manifest.name)], read, plain, is_signed=read.vouched > 0)


def judge_chain(chain: File, trust: Trust) -> Verdict:
    """Judge a chain alone."""
    read = chains.read(chain.content, chain.name, list(trust.heads))
    findings = list(read.findings)
    for entry in read.entries:
        where = (chain.name, entry.line.begin, entry.line.end)
        moments = _moments(entry.said, entry.said["seq"], read, trust)
        findings += _certificate(entry.x5c, str(entry.said["device"]), moments, where, trust)
        findings += _revocation(entry.x5c, entry.said, read, where, trust)
    return _verdict(findings, Manifest(), is_signed=bool(read.entries))


def decided(verdict: Verdict, extra: Sequence[Finding]) -> Verdict:
    """Return a verdict with what else was found."""
    return _verdict([*verdict.findings, *extra], verdict.manifest, verdict.plain, is_signed=verdict.is_signed)


def _verdict(
    findings: list[Finding], read: Manifest, plain: Mapping[int, bytes] | None = None, *, is_signed: bool
) -> Verdict:
    if any(each.kind == "vouched" for each in findings):  # what no manifest vouches for, the stream's own signatures do
        findings, is_signed = (
            [replace(each, kind="note") if each.kind == "unsigned" else each for each in findings],
            True,
        )
    order = ("wrong", "missing", "unsigned", "vouched", "note")
    findings = sorted(findings, key=lambda each: order.index(each.kind))
    kinds = {each.kind for each in findings}
    word: Word = "authentic"
    if "wrong" in kinds:
        word = "not authentic"
    elif not is_signed:
        word = "not signed"
    elif kinds & {"missing", "unsigned"}:
        word = "authentic with missing"
    return Verdict(word, findings, read, plain or {}, is_signed)


def _of_the_chain(known: ReadChain, chain: File, read: Manifest, trust: Trust) -> Iterator[Finding]:
    yield from known.findings
    whose = (read.facts.get("device"), read.facts.get("camera"))
    first = known.entries[0].said if known.entries else read.facts
    if (first.get("device"), first.get("camera")) != whose:
        text = f"this is the chain of the camera {first.get('camera')} of {first.get('device')}"
        yield wrong(chain.name, 0, len(chain.content), text)
    last = max((each.said["seq"] for each in read.statements if manifests.ENTRY in each.said), default=0)
    seen = [
        each for each in trust.heads if each.stamp and (each.device, each.camera) == whose and each.head.seq >= last
    ]
    if seen and not known.findings:
        by = min(each.at for each in seen)
        yield note(chain.name, f"an authority for time stamps had seen this clip's end by {by:%Y-%m-%d %H:%M:%S} UTC")


def _of_the_signer(read: Manifest, file: str, trust: Trust, known: ReadChain | None) -> Iterator[Finding]:
    """Say whether each signature is one of the device that the manifest names, of then, and in its chain."""
    device, camera = str(read.facts.get("device")), read.facts.get("camera")
    if trust.device is not None and device != trust.device:
        yield wrong(file, 0, 0, f"this is a recording of {device}, and not of {trust.device}")
    last_time = read.facts
    for number, each in enumerate(read.statements):
        said, where = each.said, (file, each.line.begin, each.line.end)
        last_time = said if "at" in said else last_time
        seqs = (later.said.get("seq") for later in read.statements[number:] if manifests.ENTRY in later.said)
        moments = _moments(last_time | {"device": device, "camera": camera}, next(seqs, None), known, trust)
        yield from _certificate(each.x5c, device, moments, where, trust)
        if manifests.ENTRY not in said:
            continue
        yield from _revocation(each.x5c, said, known, where, trust)
        what = f"the entry {said.get('seq')} ({said[manifests.ENTRY]})"
        if (said.get("device"), said.get("camera")) != (device, camera):
            yield wrong(*where, f"{what} is foreign: it is of the camera {said.get('camera')} of {said.get('device')}")
        elif known is not None and not known.findings and each.token not in known.tokens:
            yield wrong(*where, f"{what} is not in the chain")
    if known is None:
        return
    own = {each.token for each in read.statements}
    for entry in known.entries:
        if entry.said.get("clip") == read.clip and entry.said[manifests.ENTRY] in manifests.LAST and not read.end:
            text = f"the chain has the clip's end (entry {entry.said['seq']}), and the manifest has not"
            yield missing(file, 0, 0, text) if entry.token not in own else note(file, text)


def _moments(said: Mapping[str, Any], seq: int | None, known: ReadChain | None, trust: Trust) -> Iterator[datetime]:
    """Yield when something was signed, as its own clock says, and if that was not set, when it was there at the latest:
    by what the chain has next, and by what the centre has heard. `seq` is that of the entry that covers it."""
    if (own := _time(said.get("at"))) is not None:
        yield own
    if said.get("timeq") != TimeQuality.UNSYNCED or seq is None or known is None or known.findings:
        return
    later = (each.said for each in known.entries if each.said["seq"] >= seq and each.said.get("timeq") != said["timeq"])
    yield from (at for each in later if (at := _time(each.get("at"))) is not None)
    whose = (said.get("device"), said.get("camera"))
    yield from (each.at for each in trust.heads if (each.device, each.camera) == whose and each.head.seq >= seq)


def _certificate(
    x5c: tuple[bytes, ...], device: str, moments: Iterator[datetime], where: tuple[str, int, int], trust: Trust
) -> Iterator[Finding]:
    name = common_name_of(x5c[0]) if x5c else None
    if name != common_name(device):
        yield wrong(*where, f"{name} has signed it, and not {device}")
        return
    first = None
    for at in moments:
        if (why := why_not_valid(x5c, trust.authorities, at)) is None:
            return
        first = first or f"its key was not one of ours on {at:%Y-%m-%d %H:%M} UTC: {why}"
    yield wrong(*where, first or "nothing says when this was signed")


def _revocation(
    x5c: tuple[bytes, ...], said: Mapping[str, Any], known: ReadChain | None, where: tuple[str, int, int], trust: Trust
) -> Iterator[Finding]:
    """A key that was revoked may have signed any date: only what the centre had heard before counts."""
    since = revoked_at(x5c, trust.authorities, trust.revoked) if trust.revoked else None
    if since is None:
        return
    whose, seq = (said.get("device"), said.get("camera")), said.get("seq", 0)
    is_heard = known is not None and not known.findings
    heard = (each for each in trust.heads if (each.device, each.camera) == whose and each.head.seq >= seq)
    early = [each for each in heard if each.at < since]
    if is_heard and early:
        yield note(where[0], f"its key was revoked on {since:%Y-%m-%d}; the centre had heard of entry {seq} before")
    else:
        text = f"its key was revoked on {since:%Y-%m-%d %H:%M} UTC, and no head of the centre shows that this is older"
        yield wrong(*where, text)


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
        """An init segment ends with its `moov`, a fragment with its `mdat`."""
        begin = at
        while at + 8 <= len(clip.content):
            size, kind = int.from_bytes(clip.content[at : at + 4]), clip.content[at + 4 : at + 8]
            if size < 8:
                return None
            at += size
            if kind in {b"moov", b"mdat"}:
                return at - begin
        return None

    films = [each for each in parts if each.kind != "picture"]
    expected = [Piece(f"the {each.kind} {each.n}", each.length, each.sha256) for each in films]
    yield from compared(clip, 0, expected, length_at)


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
    named = [index for each in lost if isinstance(index := each.get("index"), int)]
    for before, part in pairwise([each for each in read.parts if each.index is not None]):
        first, last = before.index or 0, part.index or 0
        if (gone := last - first - 1 - sum(first < each < last for each in named)) > 0:
            text = f"{gone} of the fragments before record {part.n} never came to the card"
            yield missing(file, 0, 0, text)
    tail = read.parts[read.vouched :]
    if tail and read.end:
        text = f"the records {tail[0].n} to {tail[-1].n} were on the disk when the power was cut, and not signed yet"
        yield Finding("unsigned", file, 0, 0, text)
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


def _time(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
