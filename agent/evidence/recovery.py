"""What a power cut leaves of clips: kept as far as it is whole, closed with a signature, and taken into the chain.

Whoever had the card in between may have put something there that this device has never recorded. So the entry `cut`
vouches for nothing: only what an earlier signature covers counts as signed while it was recorded.
"""

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from agent.evidence.open_clip import Now
from agent.trust.evidence.chain import Chain
from agent.trust.evidence.jws import CERTIFICATES, unverified
from agent.trust.evidence.manifest import CHECKPOINT, ENTRY, LAST, Line, Writer, lines_of
from agent.trust.evidence.sealed_file import OVERHEAD, ClipError, read_header
from agent.trust.synced_file import append

_TAIL = _HEADER = 8192
_PIECE = 256 * 1024
_TAKES_NOTHING = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
log = logging.getLogger(__name__)


class Torn(NamedTuple):
    """A clip that must be looked at."""

    manifest: Path
    lines: list[Line]
    tokens: list[tuple[str, bytes]]
    """Its entries, each with the line of the certificates that it names."""


def recover(directory: Path, chain: Chain, now: Now) -> list[str]:
    """Make a camera's directory whole; return the clips that were cut off. Raises OSError where the disk takes nothing;
    a file that can't be used stays as it is, and costs no other one."""
    found = []
    for manifest in sorted(directory.glob("*.manifest")):
        with _going_on(manifest):
            if manifest.stem in chain.deleted:
                manifest.with_suffix(".clip").unlink(missing_ok=True)
                manifest.unlink()
            elif not _is_whole(manifest, chain):
                found.append(_read(manifest))
    waiting = [(_seq(token), token, line) for torn in found for token, line in torn.tokens]
    for _, token, line in sorted(waiting):
        chain.adopt(token, line)
    for clip in directory.glob("*.clip"):
        with _going_on(clip):
            if clip.stem in chain.deleted:
                clip.unlink()
            elif not clip.with_suffix(".manifest").exists():
                log.warning("%s has no manifest: nobody can say what it is, and it stays for the office", clip)
    closed = []
    for torn in found:
        with _going_on(torn.manifest):
            if _close(torn, chain, now):
                closed.append(torn.manifest.stem)
    return closed


@contextmanager
def _going_on(file: Path) -> Iterator[None]:
    """Go on behind a file that can't be used, unless the disk takes nothing at all."""
    try:
        yield
    except OSError as error:
        if error.errno in _TAKES_NOTHING:
            raise
        log.warning("%s can't be used, and stays as it is: %s", file, error)


def _seq(token: str) -> int:
    seq = unverified(token).get("seq")
    return seq if isinstance(seq, int) else 0


def _is_whole(manifest: Path, chain: Chain) -> bool:
    """Whether a manifest has its end, and the chain has that."""
    with manifest.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
        last = list(lines_of(file.read()))[-1:]
    token = last[0].body.get(ENTRY) if last and last[0].body else None
    return token is not None and token in [chain.about.get(manifest.stem, {}).get(each) for each in LAST]


def _read(manifest: Path) -> Torn:
    lines, tokens, certificates = [], [], b""
    for line in lines_of(manifest.read_bytes()):
        if line.body is None:
            break
        lines.append(line)
        if CERTIFICATES in line.body:
            certificates = line.raw
        elif ENTRY in line.body:
            tokens.append((str(line.body[ENTRY]), certificates))
    return Torn(manifest, lines, tokens)


def _close(torn: Torn, chain: Chain, now: Now) -> bool:
    """End a manifest that has no end; return whether it had none."""
    manifest, lines, clip = torn.manifest, torn.lines, torn.manifest.stem
    if lines and str(_said(lines[-1].body)) in LAST:
        chain.write()
        return False
    signed = max((each.number for each in lines if (each.body or {}).keys() & {CHECKPOINT, ENTRY}), default=0)
    size, kept = _whole(manifest.with_suffix(".clip"), lines, signed)
    if not any("kind" in (line.body or {}) for line in lines[:kept]) and not signed:
        log.warning("the clip %s was cut off before anything of it was on the disk", clip)
        for path in (manifest.with_suffix(".clip"), manifest):
            path.unlink(missing_ok=True)
        return True
    writer = Writer()
    for line in lines[:kept]:
        writer.take(line.raw)
    added = writer.certificates(chain.signer)
    covered = writer.covered(clip)
    ends = (unverified(token) | {ENTRY: token} for each in LAST if (token := chain.about.get(clip, {}).get(each)))
    token = next((str(said[ENTRY]) for said in ends if covered.items() <= said.items()), "")
    if not token:  # the chain has no end of this
        token = chain.entry("cut", *now(), covered)
    added += writer.line({ENTRY: token})
    if size is not None:
        with suppress(FileNotFoundError):
            _shorten(manifest.with_suffix(".clip"), size)
    _shorten(manifest, lines[kept - 1].end)
    append(manifest, added)
    chain.write()
    return True


def _whole(file: Path, lines: list[Line], signed: int) -> tuple[int | None, int]:
    """Return how many bytes of a clip's file are whole, and how many lines of its manifest go with them: at least
    those that were signed. None if the file itself is not as it was signed, and then nothing of it is touched."""
    try:
        with file.open("rb") as records:
            at = len(read_header(records.read(_HEADER)).raw)
            records.seek(at)
            for line in lines:
                body: dict[str, Any] = line.body or {}
                if "kind" not in body:
                    continue
                length = body.get("length")
                size = length + OVERHEAD if isinstance(length, int) else 0
                if _digest(records, size) != body.get("sealed"):
                    return (None, signed) if line.number <= signed else (at, line.number - 1)
                at += size
    except (OSError, ClipError):
        return None, signed
    return at, len(lines)


def _digest(file: BinaryIO, size: int) -> str:
    """The SHA-256 of the next `size` bytes, as far as there are so many: never all of them in memory."""
    digest = sha256()
    while size > 0 and (content := file.read(min(size, _PIECE))):
        digest.update(content)
        size -= len(content)
    return digest.hexdigest()


def _said(body: dict[str, Any] | None) -> object:
    return unverified(str((body or {}).get(ENTRY, ""))).get(ENTRY)


def _shorten(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)
        os.fsync(file.fileno())
