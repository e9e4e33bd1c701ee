"""Whether each signature is its device's: by a certificate of then, not revoked, and as the centre has heard."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agent.contract.identity import common_name
from agent.contract.vocabulary import TimeQuality
from agent.trust.evidence.chain import Heard, ReadChain
from agent.trust.evidence.finding import Finding, missing, note, wrong
from agent.trust.evidence.jws import digest
from agent.trust.evidence.manifest import ENTRY, LAST, Manifest
from edge_centre.adapters.x509_at import common_name_of, revoked_at, why_not_valid


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


def of_the_signer(read: Manifest, file: str, trust: Trust, known: ReadChain | None) -> Iterator[Finding]:
    """Say whether each signature is one of the device that the manifest names, of then, and in its chain."""
    device, camera = str(read.facts.get("device")), read.facts.get("camera")
    if trust.device is not None and device != trust.device:
        yield wrong(file, 0, 0, f"this is a recording of {device}, and not of {trust.device}")
    last_time = read.facts
    for each, seq in zip(read.statements, _entered(read), strict=True):
        said, where = each.said, (file, each.line.begin, each.line.end)
        last_time = said if "at" in said else last_time
        yield from of_the_key(each.x5c, last_time | {"device": device, "camera": camera}, seq, known, where, trust)
        if ENTRY not in said:
            continue
        what = f"the entry {said.get('seq')} ({said[ENTRY]})"
        if (said.get("device"), said.get("camera")) != (device, camera):
            yield wrong(*where, f"{what} is foreign: it is of the camera {said.get('camera')} of {said.get('device')}")
        elif known is not None and known.lacks(each.token, said["seq"]):
            yield wrong(*where, f"{what} is not in the chain")
    if known is None:
        return
    own = {each.token for each in read.statements}
    for entry in known.entries:
        if entry.said.get("clip") == read.clip and entry.said[ENTRY] in LAST and not read.end:
            text = f"the chain has the clip's end (entry {entry.said['seq']}), and the manifest has not"
            yield missing(file, 0, 0, text) if entry.token not in own else note(file, text)


def _entered(read: Manifest) -> list[int | None]:
    """Return of each signature the number of the entry that covers it: a checkpoint is as old as that."""
    seq, found = None, list[int | None]()
    for each in reversed(read.statements):
        seq = each.said["seq"] if ENTRY in each.said else seq
        found.append(seq)
    return found[::-1]


def of_the_key(
    x5c: tuple[bytes, ...],
    said: Mapping[str, Any],
    seq: int | None,
    known: ReadChain | None,
    where: tuple[str, int, int],
    trust: Trust,
) -> Iterator[Finding]:
    """Say whether a key was the device's when it signed what is `said`; `seq` is the entry that covers that."""
    name = common_name_of(x5c[0]) if x5c else None
    if name == common_name(str(said["device"])):
        yield from _of_the_certificate(x5c, _moments(said, seq, known, trust), where, trust)
    else:
        yield wrong(*where, f"{name} has signed it, and not {said['device']}")
    yield from _of_the_revocation(x5c, said, seq, known, where, trust)


def _moments(said: Mapping[str, Any], seq: int | None, known: ReadChain | None, trust: Trust) -> Iterator[datetime]:
    """Yield when something was signed, as its own clock says, and if that was not set, when it was there at the latest:
    by what the chain has next, and by what the centre has heard. `seq` is that of the entry that covers it."""
    if (own := _time(said.get("at"))) is not None:
        yield own
    if said.get("timeq") != TimeQuality.UNSYNCED or seq is None or known is None or known.findings:
        return
    later = (each.said for each in known.entries if each.said["seq"] >= seq and each.said.get("timeq") != said["timeq"])
    yield from (at for each in later if (at := _time(each.get("at"))) is not None)
    yield from (each.at for each in heard_of(trust, said) if each.head.seq >= seq)


def _of_the_certificate(
    x5c: tuple[bytes, ...], moments: Iterator[datetime], where: tuple[str, int, int], trust: Trust
) -> Iterator[Finding]:
    first = None
    for at in moments:
        if (why := why_not_valid(x5c, trust.authorities, at)) is None:
            return
        first = first or f"its key was not one of ours on {at:%Y-%m-%d %H:%M} UTC: {why}"
    yield wrong(*where, first or "nothing says when this was signed")


def _of_the_revocation(
    x5c: tuple[bytes, ...],
    said: Mapping[str, Any],
    seq: int | None,
    known: ReadChain | None,
    where: tuple[str, int, int],
    trust: Trust,
) -> Iterator[Finding]:
    """A key that was revoked may have signed any date: only what the centre had heard before counts."""
    since = revoked_at(x5c, trust.authorities, trust.revoked) if trust.revoked else None
    if since is None:
        return
    is_whole = seq is not None and known is not None and not known.findings
    if is_whole and any(each.head.seq >= (seq or 0) and each.at < since for each in heard_of(trust, said)):
        yield note(where[0], f"its key was revoked on {since:%Y-%m-%d}; the centre had heard of entry {seq} before")
    else:
        text = f"its key was revoked on {since:%Y-%m-%d %H:%M} UTC, and no head of the centre shows that this is older"
        yield wrong(*where, text)


def heard_of(trust: Trust, said: Mapping[str, Any]) -> list[Heard]:
    """Return the heads of the camera that it is said of."""
    whose = (said.get("device"), said.get("camera"))
    return [each for each in trust.heads if (each.device, each.camera) == whose]


def as_heard(read: Manifest, file: str, trust: Trust, *, is_chained: bool) -> Iterator[Finding]:
    """Compare a manifest's own entries with what the centre has heard: its chain may be another one, or left out."""
    heads: dict[int, list[Heard]] = {}
    for heard in heard_of(trust, read.facts):
        heads.setdefault(heard.head.seq, []).append(heard)
    entries = [each for each in read.statements if ENTRY in each.said]
    for each in entries:
        seq, own = each.said["seq"], digest(each.token)
        for heard in (head for head in heads.get(seq, ()) if head.head.digest != own):
            text = f"the entry {seq} is not the one of which the centre heard on {heard.at:%Y-%m-%d %H:%M} UTC"
            yield wrong(file, each.line.begin, each.line.end, text)
    if heads and entries and max(heads) < entries[-1].said["seq"]:
        yield note(file, "no head that the centre has kept is as new as this clip: nobody else has heard of its end")
    if heads and not is_chained and not (entries and entries[-1].said["seq"] in heads):
        yield missing(file, 0, 0, "its chain was not given, and none of the centre's heads is that of its last entry")


def _time(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
