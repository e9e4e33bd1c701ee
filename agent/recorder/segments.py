"""Writes segments of clips into the spool, from which they are uploaded: whole MP4s of a few seconds each.

A segment holds the fragments that the clip on the card has, byte for byte, behind the same init segment; so the clip's
manifest proves it, and where that is lost, the signatures in the stream itself.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from agent.contract.times import rfc3339
from agent.core.camera.recorder_link import Facts, UploadSpec
from agent.core.camera.segment import MEDIA, NEW, NOTE, Segment, segment_name
from agent.trust.evidence.fragment import Fragment

_PAST_NS = 5_000_000_000
"""Of what was in memory, so much is in one segment: on a slow link 10 s would take 20."""
_USUAL_NS = 4_000_000_000
_KEPT_FREE = 4
"""This fraction of the spool is for the seconds before a press: what comes later of another clip must not take it."""
_log = logging.getLogger(__name__)


class Part(NamedTuple):
    """A fragment, and whether it begins with a key frame."""

    fragment: Fragment
    key: bool


class _Clip:
    def __init__(self, about: Segment, init: bytes) -> None:
        self.about = about
        self.init = init
        self.pending: list[Part] = []
        self.group: list[Part] = []
        self.before: list[Part] = []
        """The group of pictures that goes on, and the one before it."""
        self.order = 0
        self.until: datetime | None = None

    def goes_on(self, part: Part) -> None:
        """Note the newest part."""
        if part.key:
            self.group, self.before = [], self.group
        self.group.append(part)


class Segments:
    """The segments of one camera. One thread: the one that writes the clips. Nothing here raises: a clip is recorded
    whether or not it can be uploaded."""

    def __init__(self, camera: str, spec: UploadSpec | None) -> None:
        """Without a spec nothing is uploaded."""
        self._camera = camera
        self._number = 0
        self._clips: dict[str, _Clip] = {}
        if spec is None:
            self._wanted, self._bytes = frozenset[str](), 0
            return
        self._wanted, self._bytes, self._spool = frozenset(spec.clips), spec.bytes, Path(spec.directory)
        self._own = self._spool / camera
        try:
            self._own.mkdir(mode=0o700, parents=True, exist_ok=True)
            for each in self._own.iterdir():  # what a kill has left half done
                if each.suffix == NEW or (each.suffix == MEDIA and not each.with_suffix(NOTE).exists()):
                    each.unlink(missing_ok=True)
        except OSError as error:
            _log.error("nothing of camera %s is uploaded: %s", camera, error)
            self._wanted = frozenset()

    def begin(self, clip: str, why: Facts, init: bytes, parts: Sequence[Part]) -> None:
        """Put what was in memory at the press into the spool, that which ends there first. `why` is as the manifest
        has it."""
        if self._wanted.isdisjoint(why):
            return
        cause = {f"{each}_id": str(why[each]) for each in ("alarm", "event", "command") if each in why}
        new = self._clips[clip] = _Clip(Segment("", self._camera, clip, 0, **cause), init)  # type: ignore[arg-type]
        if "continues" in why:  # there was no press
            for part in parts:
                self.add(clip, part)
            return
        for part in parts:
            new.goes_on(part)
        for some in _newest_first(parts):
            self._put(new, some, is_past=True)

    def add(self, clip: str, part: Part) -> None:
        """Take one more fragment of a clip."""
        going = self._clips.get(clip)
        if going is None or not (part.key or going.group):
            return
        if part.key and going.pending and part.fragment.begin_ns - going.pending[0].fragment.begin_ns >= _USUAL_NS:
            self._put_pending(going)
        if not part.key and not going.pending:
            going.pending = [*going.group]  # no segment begins in the middle of a group
        going.goes_on(part)
        going.pending.append(part)
        if sum(len(each.fragment.data) for each in going.pending) > self._bytes // _KEPT_FREE:
            self._put(going, going.pending, lost="it has no key frame for so long that it does not fit into memory")
            going.pending, going.group, going.before = [], [], []  # until the next key frame

    def end(self, clip: str) -> None:
        """Put the rest of a clip into the spool, and an empty segment that says that it was the last."""
        going = self._clips.pop(clip, None)
        if going is not None:
            if len(going.pending) == len(going.group):
                going.pending[:0] = going.before  # none is a group alone: see _newest_first
            self._put_pending(going)
            if going.until is not None:
                self._write(going.until, b"", replace(going.about, order=going.order))

    def _put_pending(self, clip: _Clip) -> None:
        some, clip.pending = clip.pending, []
        if some:
            self._put(clip, some)

    def _put(self, clip: _Clip, parts: Sequence[Part], *, is_past: bool = False, lost: str = "") -> None:
        fragments = [each.fragment for each in parts]
        begins, ends = fragments[0].wall_begin, fragments[-1].wall_end
        clip.until = max(clip.until or ends, ends)
        media = b"".join([clip.init, *(each.data for each in fragments)])
        about = replace(clip.about, order=clip.order, first=fragments[0].index, last=fragments[-1].index, lost=lost)
        clip.order += 1
        self._write(begins, media, replace(about, begins=rfc3339(begins), ends=rfc3339(ends)), is_past=is_past)

    def _write(self, begins: datetime, media: bytes, about: Segment, *, is_past: bool = False) -> None:
        self._number += 1
        name = segment_name(self._camera, begins, self._number, is_end=not media)
        segment = replace(about, name=name, size=len(media), sha256=sha256(media).hexdigest())
        share = self._bytes if is_past else self._bytes - self._bytes // _KEPT_FREE
        try:
            if segment.lost:
                pass
            elif media and self._size() + len(media) > share:
                segment = replace(segment, lost="there is no more room for segments in memory")
            else:
                _put_whole(segment.file(self._spool, MEDIA), media)
            _put_whole(segment.file(self._spool, NOTE), segment.note())
        except OSError as error:
            _log.error("%s is not uploaded: %s", name, error)

    def _size(self) -> int:
        size = 0
        for each in self._own.glob(f"*{MEDIA}"):
            with suppress(OSError):  # it has been uploaded
                size += each.stat().st_size
        return size


def _newest_first(parts: Sequence[Part]) -> list[list[Part]]:
    """Return them as segments of about 5 s that begin with a key frame, the newest first.

    None is a group of pictures alone, where there are more: its signature is in the next one, so it would prove nothing
    by itself.
    """
    found: list[list[Part]] = []
    group: list[Part] = []
    for part in reversed(parts):
        group.insert(0, part)
        if not part.key:
            continue
        if found and found[-1][-1].fragment.end_ns - part.fragment.begin_ns <= _PAST_NS:
            found[-1][:0] = group
        else:
            found.append(group)
        group = []
    if len(found) > 1 and len(found[-1]) == 1:
        alone = found.pop()
        found[-1][:0] = alone
    return found


def _put_whole(file: Path, content: bytes) -> None:
    new = file.with_suffix(NEW)
    try:
        new.write_bytes(content)
        new.rename(file)
    except OSError:
        new.unlink(missing_ok=True)
        raise
