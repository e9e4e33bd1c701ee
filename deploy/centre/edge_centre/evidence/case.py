"""Finds what belongs to a recording in files, and has it judged: a clip, a case folder, a card's directory, a chain."""

import base64
import binascii
from collections.abc import Callable, Collection, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from agent.contract.envelope import rfc3339
from agent.contract.leaves import DocumentError, canonical
from agent.trust.evidence.chain import FILE, Heard, read, read_heads
from agent.trust.evidence.finding import Finding, missing, note, wrong
from agent.trust.evidence.jws import unverified
from agent.trust.evidence.manifest import ENTRY, Manifest, lines_of
from agent.trust.evidence.manifest import read as read_manifest
from agent.trust.evidence.sealed_file import ClipError, read_header
from agent.trust.evidence_keys import EvidenceKey
from agent.trust.synced_file import append
from edge_centre.adapters.time_stamps import StampError, fetch, stamped_at
from edge_centre.evidence.comparison import File
from edge_centre.evidence.remux import plain_mp4, without_index
from edge_centre.evidence.segments import is_segments, joined
from edge_centre.evidence.signer import Trust
from edge_centre.evidence.verdict import Verdict, decided, judge_chain, judge_clip

MANIFEST, SEALED, OPENED, PLAIN = ".manifest", ".clip", ".mp4", "-plain.mp4"
CUSTODY, HOW_TO = "custody.json", "HOW-TO-VERIFY.txt"
_LARGEST_TEXT, _LARGEST_FILM = 512 << 20, 8 << 30
"""Bytes of a file that is read: a chain grows by 15 MB in a year."""
Owner = tuple[str, str]
"""Device and camera."""
Media = Callable[[bytes, Manifest], Sequence[Finding]]
"""Checks a plain MP4 that may be signed by itself: returns what is wrong with it, or a note."""


class Paths(NamedTuple):
    """The files of one clip."""

    clip: Path
    manifest: Path
    chain: Path | None


def found(path: Path) -> list[Paths] | None:
    """Return the clips that a path stands for; None if it is none of ours (a film of somebody else), or uploaded
    segments without a manifest.

    Raises ClipError for a directory that holds none.
    """
    if path.is_dir():
        manifests = sorted(path.glob(f"*{MANIFEST}"))
        if not manifests and not (path / FILE).exists():
            if is_segments(path):
                return None
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
    manifest, extra = content_of(paths.manifest), list[Finding]()
    if paths.clip.exists():
        clip = content_of(paths.clip)
    else:
        clip, extra = joined(paths.manifest.parent, read_manifest(manifest.content, manifest.name))
    verdict = judge_clip(clip, manifest, trust, chain, key)
    film = without_index(clip.content)[0] if clip.name.endswith(OPENED) else verdict.film()
    if paths.clip.suffix == OPENED:
        extra += [*_pictures(paths, verdict), *_plain(paths, film), *_strangers(paths, verdict)]
    if media is not None and film:
        extra += media(film, verdict.manifest)
    return decided(verdict, extra)


def judged_chain(path: Path, trust: Trust, clips: Collection[str] | None = None) -> Verdict:
    """Judge a chain; and with what was judged of the `clips` of its directory, whether all are there that it has not
    deleted."""
    if clips is None or path.exists():
        verdict = judge_chain(content_of(path), trust)
    else:
        gone = missing(FILE, 0, 0, "it is not here: nobody can tell which clips are gone")
        verdict = Verdict("authentic with missing", [gone], is_signed=True)
    if clips is None:
        return verdict
    bare = (each for each in sorted(path.parent.glob(f"*{SEALED}")) if not each.with_suffix(MANIFEST).exists())
    extra = [missing(each.name, 0, 0, "its manifest is gone: nothing proves it") for each in bare]
    entries = read(content_of(path).content, FILE, []).entries if path.exists() else []
    deleted = {str(each.said.get("clip")) for each in entries if each.said[ENTRY] == "deleted"}
    for each in entries:
        clip = str(each.said.get("clip"))
        if each.said[ENTRY] == "begun" and clip not in deleted and clip not in clips:
            where = (FILE, each.line.begin, each.line.end)
            extra.append(missing(*where, f"the clip {clip} is gone, and no entry says that the device deleted it"))
    return decided(verdict, extra)


def sealed_to(paths: Paths) -> str | None:
    """Return to which key a clip says that it is sealed; None if it says nothing, or is not sealed."""
    if paths.clip.suffix != SEALED or not paths.clip.exists():
        return None
    try:
        return str(read_header(content_of(paths.clip).content).said.get("to"))
    except ClipError:
        return None


def is_case(directory: Path) -> bool:
    """Whether a directory is a case folder, in which clips are missed by nobody, and not that of a camera."""
    manifests = list(directory.glob(f"*{MANIFEST}"))
    return bool(manifests) and all(each.with_suffix(OPENED).exists() for each in manifests)


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


def _plain(paths: Paths, film: bytes) -> Iterator[Finding]:
    """The copy to watch is what everybody looks at, and it has no manifest."""
    path = paths.clip.with_name(f"{paths.clip.stem}{PLAIN}")
    if not path.exists():
        return
    try:
        same = content_of(path).content == plain_mp4(film)
    except ClipError as error:
        yield note(path.name, str(error))
    else:
        if not same:
            yield wrong(path.name, 0, path.stat().st_size, f"the copy to watch is not that of {paths.clip.name}")


def _strangers(paths: Paths, verdict: Verdict) -> Iterator[Finding]:
    stem = paths.clip.stem
    own = {FILE, CUSTODY, HOW_TO, paths.clip.name, f"{stem}{PLAIN}", paths.manifest.name}
    own |= {picture_name(stem, each.n) for each in verdict.manifest.parts if each.kind == "picture"}
    if strange := sorted({each.name for each in paths.clip.parent.iterdir()} - own):
        yield note(paths.clip.name, f"beside it lies what is no part of the recording: {', '.join(strange[:20])}")


def content_of(path: Path) -> File:
    """Read a file. Raises ClipError."""
    most = _LARGEST_FILM if path.suffix in {SEALED, OPENED} else _LARGEST_TEXT
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise ClipError(f"{path}: can't be read: {(error.strerror or str(error)).lower()}") from error
    if len(content) > most:
        raise ClipError(f"{path}: is too large to be evidence of one camera: more than {most >> 20} MiB")
    return File(path.name, content)


def owners(path: Path) -> set[Owner]:
    """Return the cameras of which the recordings that a path stands for say that they are. Raises ClipError."""
    directory = path if path.is_dir() else path.parent
    files = [each.manifest for each in found(path) or ()] or [directory / FILE]
    claimed = set()
    for line in (line for file in files if file.exists() for line in lines_of(content_of(file).content)):
        body = line.body or {}
        said = unverified(str(body[ENTRY])) if ENTRY in body else body
        claimed.add((str(said.get("device")), str(said.get("camera"))))
    return claimed


def heads_of(path: Path | None, stampers: Path | None = None, of: Collection[Owner] | None = None) -> tuple[Heard, ...]:
    """Read what the centre has kept of the heads `of` these cameras, or of all; none without a path. `stampers` are the
    authorities (PEM) whose time stamps count: then each stamp is checked, and says when. Raises ClipError, StampError.
    """
    heads = [] if path is None else [each for each in _heads(path) if of is None or (each.device, each.camera) in of]
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
    except (ValueError, AttributeError, DocumentError) as error:
        raise ClipError(f"{path}: {error}; it must be the file that `edge-centre evidence heads` writes") from error


def _checked(heard: Heard, stampers: Path) -> Heard:
    if not heard.stamp:
        return heard
    try:
        stamp = base64.b64decode(heard.stamp, validate=True)
        return heard._replace(at=stamped_at(stamp, heard.head.digest, stampers))
    except (StampError, binascii.Error) as error:
        raise StampError(f"head {heard.head.seq} of the camera {heard.camera} of {heard.device}: {error}") from error
