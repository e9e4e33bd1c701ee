"""Puts the uploaded segments of a clip together, so that the clip's manifest can be asked whether they are it."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from agent.trust.evidence.finding import Finding, wrong
from agent.trust.evidence.manifest import Manifest
from agent.trust.evidence.sealed_file import ClipError
from edge_centre.evidence.comparison import File
from edge_centre.evidence.mp4 import Unreadable

_SEQUENCE = slice(20, 24)
"""Of a fragment: `moof`, in it `mfhd`, and behind its flags the fragment's number."""
_MOST_TINY, _SHORTEST = 1_000, 500
"""So many boxes of a segment may be shorter than so many bytes: a device writes few, and each takes time."""
_Content = TypeVar("_Content", bytes, memoryview)


def joined(directory: Path, manifest: Manifest) -> tuple[File, list[Finding]]:
    """Return the film that the segments under a directory make, those that have a fragment of the manifest, and what is
    wrong with their own beginnings. Raises ClipError."""
    known = {each.sha256: each.kind for each in manifest.parts}
    fragments: dict[bytes, None] = {}
    inits: dict[bytes, Path] = {}
    count = 0
    for path in sorted(directory.rglob("*.mp4")):
        init, *rest = pieces(_read(path)) or [b""]
        if any(known.get(sha256(each).hexdigest()) == "fragment" for each in rest):
            count += 1
            inits.setdefault(init, path)
            fragments |= dict.fromkeys(rest)
    strange = [init for init in inits if known.get(sha256(init).hexdigest()) != "init"]
    text = "its init segment was altered, or is of another clip"
    findings = [wrong(inits[init].name, 0, max(len(init), 1), text) for init in strange]
    good = [init for init in inits if init not in strange]
    film = b"".join([*good[:1], *sorted(fragments, key=_number)])
    return File(f"{count}-segments.mp4" if count else f"{manifest.clip}.clip", film), findings


def is_segments(directory: Path) -> bool:
    """Whether uploaded segments are under a directory: they have the names that the device gave them."""
    return any(directory.rglob("*Z.*.mp4"))


def together(directory: Path) -> bytes:
    """Return the film that the segments under a directory make, without their manifest: those of one clip. Raises
    ClipError, Unreadable."""
    return film_of(map(_read, sorted(directory.rglob("*Z.*.mp4"))))


def film_of(segments: Iterable[bytes]) -> bytes:
    """Return the film that the segments of one clip make, by the numbers of their fragments: their names go back where
    the clock was set back while it was recorded. Raises Unreadable."""
    found = [pieces(memoryview(each)) for each in segments]
    inits = [each[0] for each in found if each]
    if any(each != inits[0] for each in inits):  # the film has one of them, and by itself each is played by its own
        raise Unreadable("its parts do not begin alike, as those of one clip do: a player shows each differently")
    fragments = dict.fromkeys(piece for _, *rest in filter(None, found) for piece in rest)
    return b"".join([*inits[:1], *sorted(fragments, key=_number)])


def _number(fragment: bytes | memoryview) -> int:
    return int.from_bytes(fragment[_SEQUENCE])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ClipError(f"{path}: can't be read: {(error.strerror or str(error)).lower()}") from error


def pieces(content: _Content) -> list[_Content]:
    """Return a fragmented MP4 as its init segment and its fragments; what follows the last whole one is the last."""
    ends = [0, *_ends(content)]
    if ends[-1] < len(content):
        ends.append(len(content))
    return [content[begin:end] for begin, end in pairwise(ends)]


def _ends(content: bytes | memoryview) -> Iterator[int]:
    at = 0
    for _ in range(_MOST_TINY + len(content) // _SHORTEST):
        if at + 8 > len(content):
            return
        size, kind = int.from_bytes(content[at : at + 4]), content[at + 4 : at + 8]
        if size < 8 or at + size > len(content):
            return
        at += size
        if kind in {b"moov", b"mdat"}:
            yield at
