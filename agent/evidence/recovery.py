"""What a power cut leaves of clips: kept as far as it is whole, closed with a signature, and taken into the chain.

Whoever had the card in between may have put something there that this device has never recorded. So the entry `cut`
vouches for nothing: only what an earlier signature covers counts as signed while it was recorded.
"""

import logging
import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from agent.adapters.synced_file import append
from agent.evidence.chain import Chain
from agent.evidence.jws import CERTIFICATES, unverified
from agent.evidence.manifest import CHECKPOINT, ENTRY, LAST, Line, Writer, lines_of
from agent.evidence.open_clip import Now
from agent.evidence.sealed_file import OVERHEAD, ClipError, read_header

_TAIL = 8192
log = logging.getLogger(__name__)


class Torn(NamedTuple):
    """A clip that must be looked at."""

    manifest: Path
    lines: list[Line]
    tokens: list[tuple[str, bytes]]
    """Its entries, each with the line of the certificates that it names."""


def recover(directory: Path, chain: Chain, now: Now) -> list[str]:
    """Make a camera's directory whole; return the clips that were cut off. Raises OSError."""
    found = []
    for manifest in sorted(directory.glob("*.manifest")):
        if manifest.stem in chain.deleted:
            manifest.with_suffix(".clip").unlink(missing_ok=True)
            manifest.unlink()
        elif not _is_whole(manifest, chain):
            found.append(_read(manifest))
    waiting = [(unverified(token).get("seq", 0), token, line) for torn in found for token, line in torn.tokens]
    for _, token, line in sorted(waiting):
        chain.adopt(token, line)
    for clip in directory.glob("*.clip"):
        if clip.stem in chain.deleted:
            clip.unlink()
        elif not clip.with_suffix(".manifest").exists():
            log.warning("%s has no manifest: nobody can say what it is, and it stays for the office", clip)
    return [torn.manifest.stem for torn in found if _close(torn, chain, now)]


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
    token = chain.about.get(clip, {}).get("ended", "")
    if {**unverified(token), **covered} != unverified(token):  # the chain has no end of this
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
        content = file.read_bytes()
        at = len(read_header(content).raw)
    except (FileNotFoundError, ClipError):
        return None, signed
    for line in lines:
        body: dict[str, Any] = line.body or {}
        if "kind" not in body:
            continue
        length = body.get("length")
        record = content[at : at + length + OVERHEAD] if isinstance(length, int) else b""
        if sha256(record).hexdigest() != body.get("sealed"):
            return (None, signed) if line.number <= signed else (at, line.number - 1)
        at += len(record)
    return at, len(lines)


def _said(body: dict[str, Any] | None) -> object:
    return unverified(str((body or {}).get(ENTRY, ""))).get(ENTRY)


def _shorten(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)
        os.fsync(file.fileno())
