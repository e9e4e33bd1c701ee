"""Decides what is written: puts the ring and what follows into every clip that is asked for."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from agent.contract.uuid7 import Uuid7Source
from agent.core.camera.recorder_link import (
    AboutClips,
    ChainHead,
    ClipBegun,
    ClipDeleted,
    ClipEnded,
    ClipFailed,
    ClipHeld,
    Facts,
)
from agent.core.errors import EdgeAgentError, StorageError
from agent.evidence.clips import AGENT_ENDED
from agent.recorder.backlog import Batch
from agent.recorder.pieces import Piece
from agent.recorder.recording import Clips, Recording
from agent.recorder.ring import Ring
from agent.recorder.segments import Part, Segments
from agent.trust.evidence.fragment import Fragment
from agent.trust.evidence.mp4_write import init_segment

if TYPE_CHECKING:  # the ports load pydantic
    from agent.ports import Clock

_log = logging.getLogger(__name__)
_SWEEP_NS, _SWEEP_AGAIN_NS = 60_000_000_000, 5_000_000_000
"""How often the card is looked after: more often while something is wrong with it."""
_OVERDUE_NS = 3_000_000_000
"""A clip whose time is over ends at the next piece, or this much later when none comes."""
_HEAD_NS = 3600_000_000_000
_SLOW_NS, _SLOW_FOR_NS = 5_000_000_000, 60_000_000_000
"""A card that once was so slow is called that for a minute, and not with each write anew."""
_LOOK_S, _REST_S = 0.5, 10.0
"""How often it looks whether something is over: while it records, and at rest."""
Tell = Callable[[AboutClips], None]


class Limits(NamedTuple):
    """Of a recorder."""

    most_clips: int
    most_bytes: int
    """How much of one clip may wait for the card."""
    longest_s: float
    """How much longer a file is than what was before it."""


class Recorder:
    """Begins, extends and ends clips, and fills them with pieces. `run_once` belongs to one thread, the rest to any.

    Nothing but `run_once` waits for a card. A card that is slower than the camera loses whole groups of pictures, which
    shows as a hole in the numbers of the fragments.
    """

    def __init__(self, ring: Ring, clips: Clips, tell: Tell, clock: "Clock", limits: Limits) -> None:
        self.segments = Segments("", None)
        """What is uploaded of the clips: nothing, unless it is set before `run_once`."""
        self._ring = ring
        self._clips = clips
        self._tell = tell
        self._clock = clock
        self._most_clips, self._most_bytes, self._longest_ns = *limits[:2], round(limits.longest_s * 1e9)
        self.look: Callable[[], object] = lambda: None
        """Called each minute while the card is looked after. Raises EdgeAgentError."""
        self._changed = threading.Condition()
        self._recordings: list[Recording] = []
        self._new_id = Uuid7Source()
        self._recovered = False
        self._swept_ns: int | None = None
        self._head_ns: int | None = None
        self._writing = threading.Lock()
        self._writes_since_ns: int | None = None
        self._holds: deque[tuple[str, bool, Facts]] = deque()
        self._card = self._refused = self._slow = ""
        self._slow_ns = 0
        self.held = 0
        """Clips that are not deleted, whatever their age."""

    @property
    def rests(self) -> bool:
        """See Shelf."""
        with self._changed:
            return not self._recordings and not self._ring.pieces()

    def keep(self, batch: Batch) -> bool:
        """See Shelf."""
        with self._changed:
            if self._recordings:
                return False
            self._ring.add(batch)
            return True

    def take_batches(self) -> tuple[tuple[Batch, ...], bool]:
        """See Shelf."""
        with self._changed:
            batches = self._ring.take_batches()
            return batches, self._ring.begin_ns is None

    def newest_group(self) -> tuple[Piece, ...]:
        """See Shelf."""
        with self._changed:
            return self._ring.newest_group()

    def add(self, piece: Piece) -> None:
        """Take the newest piece."""
        with self._changed:
            self._ring.add(piece)
            for recording in self._recordings:
                if recording.why:
                    continue
                if piece.begin_ns >= recording.until_ns:
                    recording.why = "complete"
                else:
                    self._queue(recording, piece)
            self._changed.notify_all()

    def begin(self, clip: str, seconds: float, facts: Facts) -> bool:
        """Keep the ring and the next `seconds` as `clip`, or take part in the newest clip if there are many. If batches
        wait to become pieces, do nothing and return False."""
        now_ns = self._clock.boottime_ns()
        until_ns = now_ns + round(seconds * 1e9)
        with self._changed:
            if self._ring.has_batches:
                return False
            going = [recording for recording in self._recordings if not recording.why]
            if len(going) >= self._most_clips:
                newest = going[-1]
                newest.joining.append((clip, facts))
                newest.ids.add(clip)
                newest.until_ns = max(newest.until_ns, until_ns)
            else:
                self._ring.prune(now_ns)
                queue = deque(self._ring.pieces())
                self._recordings.append(
                    Recording(clip, facts, now_ns, until_ns, queue, ids={clip}, needs_key=not queue)
                )
            self._changed.notify_all()
            return True

    def extend(self, clip: str, seconds: float) -> None:
        """Let a clip go on for so many seconds from now, at least."""
        until_ns = self._clock.boottime_ns() + round(seconds * 1e9)
        with self._changed:
            for recording in self._recordings:
                if clip in recording.ids:
                    recording.until_ns = max(recording.until_ns, until_ns)

    def end(self, clip: str | None, why: str) -> None:
        """Close a clip, or all of them."""
        with self._changed:
            for recording in self._recordings:
                if clip is None or clip in recording.ids:
                    recording.why = recording.why or why
            self._changed.notify_all()

    def hold(self, clip: str, held: bool, about: Facts) -> None:
        """Keep a clip from being deleted, or release it."""
        with self._changed:
            self._holds.append((clip, held, about))
            self._changed.notify_all()

    def state(self) -> tuple[float, int, float, tuple[str, ...]]:
        """Return the seconds that a clip would begin before now, the ring's bytes, the longest time between two key
        frames in seconds, and the clips that are being written."""
        now_ns = self._clock.boottime_ns()
        with self._changed:
            self._ring.prune(now_ns)
            begin_ns = self._ring.begin_ns
            before_s = 0.0 if begin_ns is None else (now_ns - begin_ns) / 1e9
            clips = tuple(recording.clip for recording in self._recordings)
            return before_s, self._ring.bytes, self._ring.longest_group_ns / 1e9, clips

    @property
    def card(self) -> str:
        """What a person must see to on the card; empty if nothing."""
        since_ns, now_ns = self._writes_since_ns, self._clock.boottime_ns()
        if since_ns is not None and (waits_ns := now_ns - since_ns) > _SLOW_NS:
            return f"the card has not answered for {waits_ns / 1e9:.0f} s"
        return self._card or (self._slow if now_ns - self._slow_ns < _SLOW_FOR_NS else "")

    def wake(self) -> None:
        """Have `run_once` return soon."""
        with self._changed:
            self._changed.notify_all()

    def run_once(self, timeout_s: float | None = None) -> None:
        """Write what waits, or wait for it for a while. The thread that writes."""
        with self._changed:
            if not self._is_due():
                a_while_s = _LOOK_S if self._recordings or self._card else _REST_S
                self._changed.wait(a_while_s if timeout_s is None else timeout_s)
            now_ns = self._clock.boottime_ns()
            for recording in self._recordings:
                if not recording.why and now_ns > recording.until_ns + _OVERDUE_NS:
                    recording.why = "complete"
            recordings = list(self._recordings)
        with self._writing:
            self._writes_since_ns = now_ns
            try:
                self._use_the_card(recordings, now_ns)
            finally:
                self._writes_since_ns, ended_ns = None, self._clock.boottime_ns()
                if (took_ns := ended_ns - now_ns) > _SLOW_NS:
                    self._slow_ns, self._slow = ended_ns, f"the card is slow: it took {took_ns / 1e9:.0f} s to write"

    def _use_the_card(self, recordings: Sequence[Recording], now_ns: int) -> None:
        for recording in recordings:
            try:
                self._recover()
                self._write(recording)
            except (EdgeAgentError, OSError) as error:
                self._refuse(str(error))
                self._remove(recording)
                self.segments.end(recording.clip)
                self._failed(recording, str(error))
                if recording.kept is not None:
                    self._end(recording, "failed")
        while self._holds:
            self._hold(*self._holds.popleft())
        if self._swept_ns is None or now_ns - self._swept_ns >= (_SWEEP_AGAIN_NS if self._card else _SWEEP_NS):
            self._swept_ns = now_ns
            self._sweep()
            try:
                self.look()
            except EdgeAgentError as error:
                _log.warning("a new key of the device is not taken yet: %s", error)
        if self._recovered and (self._head_ns is None or now_ns - self._head_ns >= _HEAD_NS):
            self._tell_head()

    def close(self, why: str) -> None:
        """Close all clips, unless the card still holds up `run_once`. After its last call."""
        self.end(None, why)
        while self._recordings:
            if self._writing.locked():
                _log.error("the card does not answer: what is open on it is closed by the next recorder")
                return
            self.run_once(0)

    def _is_due(self) -> bool:
        return bool(self._holds) or any(each.queue or each.why or each.joining for each in self._recordings)

    def _queue(self, recording: Recording, piece: Piece) -> None:
        if sum(len(each.media) for each in recording.queue) + len(piece.media) > self._most_bytes:
            recording.skipped += len(recording.queue)
            recording.queue.clear()
            recording.needs_key = True
        if recording.needs_key and not piece.key:
            recording.skipped += 1
            return
        recording.needs_key = False
        recording.queue.append(piece)

    def _write(self, recording: Recording) -> None:
        with self._changed:
            pieces = tuple(recording.queue)
            recording.queue.clear()
            recording.pieces += recording.skipped
            recording.skipped = 0
        for _, alike in groupby(pieces, lambda piece: piece.parameters):
            self._append(recording, tuple(alike))
        if recording.kept is not None:
            with self._changed:
                joining, recording.joining = recording.joining, []
            for clip, facts in joining:
                recording.kept.join({**facts, "clip": clip})
                self._begun(recording, clip)
        with self._changed:
            # Who joins meanwhile is told before it ends; one that never began fails for all.
            waits = recording.queue or (recording.joining and recording.kept is not None)
        if recording.why and not waits:
            self._remove(recording)
            if recording.kept is None:
                self._failed(recording, "the camera gave no pictures")
            else:
                self._end(recording, recording.why)

    def _append(self, recording: Recording, pieces: tuple[Piece, ...]) -> None:
        """Write pieces that share their parameter sets."""
        parameters = pieces[0].parameters
        if recording.kept is not None and recording.parameters != parameters:
            self._end(recording, "changed")
            self._continue(recording)
        elif recording.kept is not None and self._is_long(recording, pieces[0]):
            self._end(recording, "long")
            self._continue(recording)
        if recording.kept is None:
            recording.parameters = parameters
            recording.base_ns = pieces[0].begin_ns
            fragments = [piece.fragment(number, recording.base_ns) for number, piece in enumerate(pieces, 1)]
            first = fragments[0]
            init = Fragment(
                0, True, init_segment(parameters), first.begin_ns, first.begin_ns, first.wall_begin, first.wall_begin
            )
            recording.pieces = len(fragments)
            recording.size = sum(len(each.data) for each in fragments)
            recording.end_ns = pieces[-1].end_ns
            why = dict(recording.facts)
            if recording.continues is not None:
                why["continues"], recording.asked_ns = recording.continues, recording.base_ns
            # Before the card: a kiosk may be smashed now.
            parts = [Part(each, piece.key) for each, piece in zip(fragments, pieces, strict=True)]
            self.segments.begin(recording.clip, why, init.data, parts)
            recording.kept = self._clips.begin(recording.clip, why, [init, *fragments])
            self._begun(recording, recording.clip)
            return
        fragments = [
            piece.fragment(number, recording.base_ns) for number, piece in enumerate(pieces, recording.pieces + 1)
        ]
        for fragment, piece in zip(fragments, pieces, strict=True):
            self.segments.add(recording.clip, Part(fragment, piece.key))
        recording.pieces += len(pieces)
        recording.end_ns = pieces[-1].end_ns
        try:
            recording.kept.append(
                *fragments
            )  # more than one have waited for a slow card: they cost it no more than one
            recording.size += sum(len(each.data) for each in fragments)
        except EdgeAgentError as error:  # a later one may be written again
            self._refuse(str(error))
            if recording.is_whole:
                self._failed(recording, str(error))
            recording.is_whole = False

    def _is_long(self, recording: Recording, piece: Piece) -> bool:
        return piece.key and piece.begin_ns - recording.asked_ns >= self._longest_ns

    def _continue(self, recording: Recording) -> None:
        """Go on under another name: a file holds one form of pictures, and not more than it may."""
        with self._changed:
            recording.continues = recording.clip
            recording.clip = self._new_id.next(int(self._clock.wall().timestamp() * 1000))
            recording.ids.add(recording.clip)
            recording.kept = None

    def _begun(self, recording: Recording, clip: str) -> None:
        self._tell(
            ClipBegun(
                clip=clip,
                into=recording.clip,
                continues=recording.continues,
                begin_ns=recording.base_ns,
                before_s=(recording.asked_ns - recording.base_ns) / 1e9,
            )
        )
        self._tell_head()

    def _end(self, recording: Recording, why: str) -> None:
        self.segments.end(recording.clip)
        self._clips.end(recording.clip, why)
        seconds = (recording.end_ns - recording.base_ns) / 1e9
        self._tell(ClipEnded(clip=recording.clip, why=why, seconds=seconds, bytes=recording.size))
        self._tell_head()

    def _refuse(self, detail: str) -> None:
        """The card has not taken something: look after it at once."""
        self._refused, self._swept_ns = detail, None

    def _failed(self, recording: Recording, detail: str) -> None:
        _log.error("clip %s: %s", recording.clip, detail)
        for clip in sorted(recording.ids):
            self._tell(ClipFailed(clip=clip, detail=detail))

    def _remove(self, recording: Recording) -> None:
        with self._changed:
            if recording in self._recordings:
                self._recordings.remove(recording)

    def _hold(self, clip: str, held: bool, about: Facts) -> None:
        try:
            self._clips.hold(clip, about, held=held)
        except EdgeAgentError as error:
            self._tell(ClipFailed(clip=clip, detail=str(error), waits=isinstance(error, StorageError)))
        else:
            self.held = len(self._clips.held)
            self._tell(ClipHeld(clip=clip, held=held))
            self._tell_head()

    def _recover(self) -> None:
        """Before anything else is written. Raises EdgeAgentError."""
        if not self._recovered:
            unheard = self._clips.unheard
            for clip in self._clips.recover():
                self._tell(ClipEnded(clip=clip, why="cut", seconds=0))
            for clip in unheard:
                self._tell(ClipEnded(clip=clip, why=AGENT_ENDED, seconds=0))
            self._recovered = True
            self._tell_head()

    def _sweep(self) -> None:
        try:
            self._recover()
        except EdgeAgentError as error:
            self._card = str(error)
            return
        swept = self._clips.sweep()
        trouble, self._refused = swept.trouble or self._refused, ""
        if trouble and trouble != self._card:
            _log.warning("%s", trouble)
        self._card, self.held = trouble, len(self._clips.held)
        for clip, why in swept.deleted:
            self._tell(ClipDeleted(clip=clip, why=why))
        if swept.deleted:
            self._tell_head()

    def _tell_head(self) -> None:
        self._head_ns = self._clock.boottime_ns()
        head = self._clips.head
        self._tell(ChainHead(seq=head.seq, digest=head.digest))
