"""The clips of one camera on the card: begun, deleted by budget, held, and made whole after a power cut.

Everything here may wait for the disk or for a TPM. It runs in the recorder, on one thread, and no press waits for it.
"""

import errno
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from agent.contract.errors import EdgeAgentError
from agent.contract.times import TimeQuality
from agent.core.diagnosis.time_source import EARLIEST
from agent.core.errors import StorageError
from agent.evidence.open_clip import Now, OpenClip
from agent.evidence.recovery import recover
from agent.trust.evidence.chain import Chain, Head
from agent.trust.evidence.fragment import Fragment
from agent.trust.evidence.jws import Signer, unverified
from agent.trust.evidence.sealed_file import ClipError
from agent.trust.evidence_keys import Recipient
from agent.trust.synced_file import sync_names

_FULL = {errno.ENOSPC, errno.EDQUOT}
_NO_ROOM = 1024 * 1024
AGENT_ENDED = "the agent ended"
"""Why a recorder ends its clips when its core is gone."""
T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of the card the clips of a camera may have."""

    bytes: int
    age: timedelta
    free_bytes: int
    """What must stay free for others."""


class Deleted(NamedTuple):
    """A clip that was deleted."""

    clip: str
    why: str
    """`age`, `bytes` or `free`."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep has done."""

    deleted: tuple[Deleted, ...] = ()
    trouble: str = ""
    """What a person must see to; empty if nothing."""


class _Kept(NamedTuple):
    clip: str
    began: datetime
    size: int


class Clips:
    """`directory` is the camera's; `facts` is what each manifest says of the device: at least `device` and `camera`.

    One thread at a time. Raises ClipError when the directory or its chain can't be read.
    """

    def __init__(
        self,
        directory: Path,
        facts: Mapping[str, Any],
        recipient: Recipient,
        signer: Signer,
        budget: Budget,
        now: Now,
    ) -> None:
        self._directory = directory
        self._facts = dict(facts)
        self._recipient = recipient
        self._budget = budget
        self._now = now
        try:
            directory.mkdir(mode=0o750, parents=True, exist_ok=True)
            self._chain = Chain(directory, str(facts["device"]), str(facts["camera"]), signer)
        except OSError as error:
            raise ClipError(f"{directory} can't be used for clips: {_lower(error)}") from error
        self._open: dict[str, OpenClip] = {}
        self._ending: dict[str, str] = {}

    @property
    def head(self) -> Head:
        """The newest entry of the chain, for the centre."""
        return self._chain.head

    @property
    def unheard(self) -> list[str]:
        """The clips whose end may have come to nobody's ears: the newest entries, made when the agent was gone."""
        said = ((clip, unverified(entries.get("ended", ""))) for clip, entries in self._chain.about.items())
        ended = {str(each.get("seq")): clip for clip, each in said if each.get("why") == AGENT_ENDED}
        found: list[str] = []
        while (clip := ended.get(str(self.head.seq - len(found)))) is not None:
            found.append(clip)
        return found

    @property
    def held(self) -> frozenset[str]:
        """The clips that neither age nor budget deletes."""
        return frozenset(self._chain.held)

    def recover(self) -> list[str]:
        """Make whole what a power cut has left, before the first clip begins; return the clips that were cut off.

        Raises ClipError.
        """
        try:
            return self._with_room(lambda: recover(self._directory, self._chain, self._now))
        except OSError as error:
            raise ClipError(f"{self._directory} can't be made whole: {_lower(error)}") from error

    def begin(self, clip: str, why: Mapping[str, Any], fragments: Sequence[Fragment]) -> OpenClip:
        """Begin a clip with what is in the ring: when this returns, that is on the disk and signed.

        `clip` is a UUID of version 7. Raises ClipError: then nothing of it is there, and the older clips stay.
        """
        try:
            return self._with_room(lambda: self._begin(clip, why, fragments))
        except OSError as error:
            raise ClipError(f"the clip {clip} can't be written: {_lower(error)}; the older ones stay") from error

    def _with_room(self, do: Callable[[], T]) -> T:
        """Do it, and if the disk is full, once more when old clips have made room. Raises OSError."""
        try:
            return do()
        except OSError as error:
            if error.errno not in _FULL or not self.sweep().deleted:
                raise
            return do()

    def _begin(self, clip: str, why: Mapping[str, Any], fragments: Sequence[Fragment]) -> OpenClip:
        facts = {**self._facts, "clip": clip}
        new = OpenClip(self._files(clip), facts, why, self._recipient, self._chain, self._now)
        new.begin(fragments)
        self._open[clip] = new
        return new

    def end(self, clip: str, why: str) -> None:
        """End a clip. What the disk does not take now is written at a sweep."""
        if self._open[clip].end(why):
            self._ending.pop(clip, None)
            del self._open[clip]
        else:
            self._ending[clip] = why

    def hold(self, clip: str, about: Mapping[str, Any], *, held: bool = True) -> None:
        """Keep a clip from being deleted, or release it; `about` says by whose order. Raises ClipError if there is no
        such clip, and StorageError if that counts, and the disk has not taken it yet."""
        if not self._files(clip)[0].exists():
            raise ClipError(f"there is no clip {clip} here")
        try:
            self._chain.entry("held" if held else "released", *self._now(), {**about, "clip": clip})
            self._with_room(self._chain.write)
        except OSError as error:
            raise StorageError(f"the hold of the clip {clip} is not on the disk yet: {_lower(error)}") from error

    def sweep(self) -> Swept:
        """Write what is still waiting, and delete what is over the budget, the oldest first, but nothing open or held.

        By age it deletes one clip at a time, so that a clock that was set wrong takes few; to make room for others
        none, where all together would not make enough. Never raises.
        """
        for clip, why in list(self._ending.items()):
            self.end(clip, why)
        deleted: list[Deleted] = []
        try:
            if os.statvfs(self._directory).f_flag & os.ST_RDONLY:
                return Swept(trouble="the card is read-only: nothing can be recorded")
            self._write_chain()
            trouble = self._sweep(deleted)
        except (OSError, EdgeAgentError) as error:
            trouble = f"old clips can't be deleted: {_lower(error) if isinstance(error, OSError) else error}"
        return Swept(tuple(deleted), trouble)

    def _sweep(self, deleted: list[Deleted]) -> str:
        kept = self._kept()
        kept_anyway = self._open.keys() | self._chain.held
        free_to_go = [each for each in kept if each.clip not in kept_anyway]
        now, timeq = self._now()
        oldest = min(free_to_go, key=lambda each: each.began, default=None)
        if oldest is not None and timeq == TimeQuality.SYNCED and EARLIEST < oldest.began < now - self._budget.age:
            free_to_go.remove(oldest)
            deleted.append(self._delete(oldest.clip, "age"))
        over = sum(each.size for each in kept) - self._budget.bytes - (oldest.size if deleted and oldest else 0)
        room = os.statvfs(self._directory)
        short = self._budget.free_bytes - room.f_bavail * room.f_frsize
        is_enough = sum(each.size for each in free_to_go) >= short
        for each in free_to_go:
            if over <= 0 and (short <= 0 or not is_enough):
                break
            deleted.append(self._delete(each.clip, "bytes" if over > 0 else "free"))
            over, short = over - each.size, short - each.size
        if self._budget.free_bytes - short < _NO_ROOM:
            return "the card is full: nothing can be recorded until there is room"
        if over > 0:
            return "the clips that are held or open take more than clips may have"
        return "" if short <= 0 else "the disk is nearly full, and not of clips: none was deleted to make room"

    def _kept(self) -> list[_Kept]:
        """Return all clips, in the order in which they began."""
        order = {clip: number for number, clip in enumerate(self._chain.about)}
        found = []
        for file in self._directory.glob("*.clip"):
            with suppress(OSError):
                manifest = file.with_suffix(".manifest")
                size = file.stat().st_size + (manifest.stat().st_size if manifest.exists() else 0)
                found.append(_Kept(file.stem, _time_of(file), size))
        return sorted(found, key=lambda each: (order.get(each.clip, -1), each.clip))

    def _delete(self, clip: str, why: str) -> Deleted:
        """Enter into the chain that a clip goes, and delete it. Raises OSError."""
        if clip not in self._chain.deleted:  # else it is one that a disk did not let go
            self._chain.entry("deleted", *self._now(), {"clip": clip, "why": why})
        self._write_chain()
        for path in self._files(clip):
            path.unlink(missing_ok=True)
        sync_names(self._directory)
        self._chain.write()
        log.info("the clip %s was deleted (%s)", clip, why)
        return Deleted(clip, why)

    def _write_chain(self) -> None:
        """Write its entries, or let them wait for the room that a deletion makes. Raises OSError."""
        try:
            self._chain.write()
        except OSError as error:
            if error.errno not in _FULL:
                raise

    def _files(self, clip: str) -> tuple[Path, Path]:
        return self._directory / f"{clip}.clip", self._directory / f"{clip}.manifest"


def _time_of(file: Path) -> datetime:
    """Return when a clip began: its id, a UUID of version 7, says so."""
    try:
        return datetime.fromtimestamp(int(file.stem.replace("-", "")[:12], 16) / 1000, UTC)
    except (ValueError, OverflowError):
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)


def _lower(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
