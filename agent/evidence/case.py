"""Finds what belongs to a recording in files, and has it judged: a clip, a case folder, a card's directory, a chain."""

import base64
import binascii
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from agent.adapters.evidence_keys import EvidenceKey
from agent.adapters.synced_file import append
from agent.adapters.time_stamps import StampError, fetch, stamped_at
from agent.contract.envelope import rfc3339
from agent.contract.leaves import canonical
from agent.evidence.chain import FILE, Heard, read, read_heads
from agent.evidence.comparison import File
from agent.evidence.finding import Finding, missing, wrong
from agent.evidence.manifest import ENTRY, Manifest
from agent.evidence.sealed_file import ClipError
from agent.evidence.signer import Trust
from agent.evidence.verdict import Verdict, decided, judge_chain, judge_clip

MANIFEST, SEALED, OPENED = ".manifest", ".clip", ".mp4"
Media = Callable[[bytes, Manifest], Sequence[Finding]]
"""Checks a plain MP4 that may be signed by itself: returns what is wrong with it, or a note."""


class Paths(NamedTuple):
    """The files of one clip."""

    clip: Path
    manifest: Path
    chain: Path | None


def found(path: Path) -> list[Paths] | None:
    """Return the clips that a path stands for; None if it is none of ours (a film of somebody else).

    Raises ClipError for a directory that holds none.
    """
    if path.is_dir():
        manifests = sorted(path.glob(f"*{MANIFEST}"))
        if not manifests and not (path / FILE).exists():
            raise ClipError(f"{path}: there is no clip in this directory")
        return [_of(each) for each in manifests]
    if path.suffix == SEALED and not path.with_suffix(MANIFEST).exists():
        raise ClipError(f"{path}: its manifest is missing ({path.with_suffix(MANIFEST).name}); nothing proves it")
    if path.name == FILE:
        return []
    if path.suffix in {MANIFEST, SEALED} or (path.suffix == OPENED and path.with_suffix(MANIFEST).exists()):
        return [_of(path.with_suffix(MANIFEST))]
    return None


def _of(manifest: Path) -> Paths:
    opened, chain = manifest.with_suffix(OPENED), manifest.with_name(FILE)
    clip = opened if opened.exists() else manifest.with_suffix(SEALED)
    return Paths(clip, manifest, chain if chain.exists() else None)


def judged(paths: Paths, trust: Trust, key: EvidenceKey | None = None, media: Media | None = None) -> Verdict:
    """Judge a clip with all that lies beside it. Raises ClipError, KeyTrouble."""
    chain = content_of(paths.chain) if paths.chain else None
    clip = content_of(paths.clip) if paths.clip.exists() else File(paths.clip.name, b"")
    verdict = judge_clip(clip, content_of(paths.manifest), trust, chain, key)
    extra: list[Finding] = []
    film = verdict.film()
    if paths.clip.suffix == OPENED:
        film = clip.content
        extra += _pictures(paths, verdict)
    if media is not None and film:
        extra += media(film, verdict.manifest)
    return decided(verdict, extra)


def judged_chain(directory: Path, trust: Trust) -> Verdict:
    """Judge a chain, and whether the clips are there that it has not deleted, if it is that of a card."""
    chain = content_of(directory / FILE)
    verdict = judge_chain(chain, trust)
    if not any(directory.glob(f"*{SEALED}")):
        return verdict
    entries = read(chain.content, chain.name, []).entries
    deleted = {each.said.get("clip") for each in entries if each.said[ENTRY] == "deleted"}
    extra = []
    for each in entries:
        clip = str(each.said.get("clip"))
        if each.said[ENTRY] == "begun" and clip not in deleted and not (directory / f"{clip}{SEALED}").exists():
            where = (chain.name, each.line.begin, each.line.end)
            extra.append(missing(*where, f"the clip {clip} is gone, and no entry says that the device deleted it"))
    return decided(verdict, extra)


def picture_name(clip: str, number: int) -> str:
    """Return how a case folder names a picture of a clip."""
    return f"{clip}-{number}.jpg"


def _pictures(paths: Paths, verdict: Verdict) -> Iterator[Finding]:
    for each in verdict.manifest.parts:
        if each.kind == "picture":
            path = paths.manifest.with_name(picture_name(paths.manifest.stem, each.n))
            if not path.exists():
                yield missing(path.name, 0, 0, "the picture is not in the folder")
            elif sha256(content_of(path).content).hexdigest() != each.sha256:
                yield wrong(path.name, 0, path.stat().st_size, "the picture was altered, or is another one")


def content_of(path: Path) -> File:
    """Read a file. Raises ClipError."""
    try:
        return File(path.name, path.read_bytes())
    except OSError as error:
        raise ClipError(f"{path}: can't be read: {(error.strerror or str(error)).lower()}") from error


def heads_of(path: Path | None, stampers: Path | None = None) -> tuple[Heard, ...]:
    """Read what the centre has kept of heads; none without a path. `stampers` are the authorities (PEM) whose time
    stamps count: then each stamp is checked, and says when. Raises ClipError, StampError."""
    heads = [] if path is None else _heads(path)
    return tuple(each._replace(stamp="") if stampers is None else _checked(each, stampers) for each in heads)


def stamped(path: Path, url: str, stampers: Path) -> list[Heard]:
    """Have an authority stamp the newest head of each camera that has none yet, and add these to the file.

    A stamp covers all that the chain had until then. Raises ClipError, StampError.
    """
    heads, added = sorted(_heads(path), key=lambda each: each.head.seq), []
    newest = {(each.device, each.camera): each for each in heads}
    has_stamp = {each.head for each in heads if each.stamp}
    for each in newest.values():
        if each.head in has_stamp:
            continue
        new = _checked(each._replace(stamp=base64.b64encode(fetch(url, each.head.digest)).decode()), stampers)
        line = {"device": new.device, "camera": new.camera, "seq": new.head.seq, "head": new.head.digest}
        append(path, canonical({**line, "at": rfc3339(new.at), "stamp": new.stamp}) + b"\n")
        added.append(new)
    return added


def _heads(path: Path) -> list[Heard]:
    try:
        return read_heads(content_of(path).content.decode())
    except (ValueError, AttributeError) as error:
        raise ClipError(f"{path}: {error}") from error


def _checked(heard: Heard, stampers: Path) -> Heard:
    if not heard.stamp:
        return heard
    try:
        stamp = base64.b64decode(heard.stamp, validate=True)
        return heard._replace(at=stamped_at(stamp, heard.head.digest, stampers))
    except (StampError, binascii.Error) as error:
        raise StampError(f"head {heard.head.seq} of the camera {heard.camera} of {heard.device}: {error}") from error
