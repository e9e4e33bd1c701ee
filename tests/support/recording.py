"""H.264 made for a test, and what stands for the card on which clips are kept."""

import json
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av

from agent.core.camera.recorder_link import KeepingSpec
from agent.core.errors import EdgeAgentError, StorageError
from agent.evidence.clips import Deleted, Swept
from agent.ports import Clock
from agent.recorder.backlog import Backlog, Batch
from agent.recorder.pieces import Assembler, Piece, Signer
from agent.trust.evidence.chain import Head
from agent.trust.evidence.fragment import Fragment
from agent.trust.evidence.mp4_write import init_segment
from tests.support.sim_clock import SimClock
from tests.support.unsigned import Unsigned

SECOND = 1_000_000_000
NOWHERE = KeepingSpec(directory="", facts={}, key="", certificate="", recipient="", bytes=0, days=0, free_bytes=0)
"""For a recorder whose clips are kept otherwise."""


@cache
def encoded(
    count: int, size: tuple[int, int] = (64, 48), group: int = 5, reordered: int = 0
) -> tuple[tuple[bytes, int], ...]:
    """Access units in decoding order, and which picture (from 0) each is: a grey that gets lighter."""
    width, height = size
    context: Any = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.framerate, context.time_base, context.gop_size = Fraction(5), Fraction(1, 5), group
    settings = f"bframes={reordered}:b-adapt=0:repeat-headers=1:scenecut=0:threads=1:rc-lookahead=0"
    context.options = {"preset": "ultrafast", "x264-params": settings}
    packets = []
    for number in range(count):
        frame = av.VideoFrame(width, height, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([number * 4 % 256 if plane is frame.planes[0] else 128]) * plane.buffer_size)
        frame.pts = number
        packets += context.encode(frame)
    packets += context.encode(None)
    return tuple((bytes(packet), packet.pts or 0) for packet in packets)


def feed(assembler: Assembler, clock: SimClock, units: Sequence[tuple[bytes, int]], fps: float = 5) -> None:
    """Give these units to the assembler as they come: time passes."""
    begin_ns = clock.boottime_ns()
    # Whoever reorders pictures must have seen the later one first.
    clock.advance(timedelta(seconds=max(shown - number for number, (_, shown) in enumerate(units)) / fps))
    for unit, shown in units:
        assembler.add(unit, begin_ns + round(shown * SECOND / fps))
        clock.advance(timedelta(seconds=1 / fps))


class Eager:
    """A recorder that wants pieces at once."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []

    rests = False

    def keep(self, batch: Batch) -> bool:
        return False

    def take_batches(self) -> tuple[Sequence[Batch], bool]:
        return (), False

    def newest_group(self) -> Sequence[Piece]:
        begins = [number for number, piece in enumerate(self.pieces) if piece.key]
        return self.pieces[begins[-1] :] if begins else []

    def add(self, piece: Piece) -> None:
        self.pieces.append(piece)

    def backlog(self, clock: Clock) -> Backlog:
        """What gives it pieces."""
        return Backlog(Assembler(Unsigned(), clock, self.add), self, clock)


def pieces_of(
    units: Sequence[tuple[bytes, int]], clock: SimClock | None = None, signer: Signer | None = None, fps: float = 5
) -> list[Piece]:
    """All pieces that an assembler makes of these units."""
    pieces: list[Piece] = []
    clock = clock or SimClock()
    assembler = Assembler(signer or Unsigned(), clock, pieces.append)
    feed(assembler, clock, units, fps)
    assembler.restart()
    return pieces


def as_file(pieces: Sequence[Piece]) -> bytes:
    """One clip of these pieces."""
    base_ns = pieces[0].begin_ns
    fragments = (piece.fragment(number, base_ns).data for number, piece in enumerate(pieces, 1))
    return init_segment(pieces[0].parameters) + b"".join(fragments)


@dataclass
class KeptClip:
    """One clip of KeptClips."""

    why: dict[str, Any]
    fragments: list[Fragment]
    writes: list[int]
    """How many fragments each write had."""
    joined: list[dict[str, Any]] = field(default_factory=list)
    ended: str = ""
    room: list[int] | None = None

    @property
    def content(self) -> bytes:
        return b"".join(each.data for each in self.fragments)

    def append(self, *fragments: Fragment) -> None:
        if self.room is not None and not self.room[0]:
            raise StorageError("there is no room left on the disk")
        self.fragments += fragments
        self.writes.append(len(fragments))

    def join(self, why: Mapping[str, Any]) -> None:
        if self.room is not None and not self.room[0]:
            raise StorageError("there is no room left on the disk")
        self.joined.append(dict(why))


class KeptClips:
    """Stands for the clips on the card. `room[0]` is whether there is room."""

    def __init__(self) -> None:
        self.kept: dict[str, KeptClip] = {}
        self.room = [1]
        self.recovered = self.swept = 0
        self.held: frozenset[str] = frozenset()
        self.stuck: threading.Event | None = None
        """The next clip waits for it to begin."""
        self.waiting = False
        self.unheard: list[str] = []
        self.cut: list[str] = []
        """What a power cut has left."""
        self.old: list[Deleted] = []
        """What the next sweep deletes."""

    def begin(self, clip: str, why: Mapping[str, Any], fragments: Sequence[Fragment]) -> KeptClip:
        if self.stuck is not None:
            self.waiting = True
            self.stuck.wait()
        if not self.room[0]:
            raise StorageError("there is no room left on the disk")
        self.kept[clip] = new = KeptClip(dict(why), list(fragments), [len(fragments)], room=self.room)
        return new

    def end(self, clip: str, why: str) -> None:
        self.kept[clip].ended = why

    @property
    def head(self) -> Head:
        ended = sum(bool(clip.ended) for clip in self.kept.values())
        return Head(len(self.kept) + ended, "0" * 64)

    def hold(self, clip: str, about: Mapping[str, Any], *, held: bool = True) -> None:
        if clip not in self.kept:
            raise EdgeAgentError(f"there is no clip {clip} here")
        if not self.room[0]:
            raise StorageError("there is no room left on the disk")
        self.held = self.held | {clip} if held else self.held - {clip}

    def recover(self) -> list[str]:
        if not self.room[0]:
            raise StorageError("there is no room left on the disk")
        self.recovered += 1
        return self.cut

    def sweep(self) -> Swept:
        self.swept += 1
        old, self.old = self.old, []
        return Swept(tuple(old), "" if self.room[0] else "the disk is nearly full")


@dataclass(frozen=True)
class Probed:
    """What ffprobe says of a file."""

    complaints: str
    streams: list[dict[str, Any]]
    packets: list[dict[str, Any]]
    """In decoding order."""

    @property
    def shown_s(self) -> list[float]:
        return [float(packet["pts_time"]) for packet in self.packets]

    @property
    def keys(self) -> list[int]:
        return [number for number, packet in enumerate(self.packets) if packet["flags"].startswith("K")]


def probe(path: Path, content: bytes) -> Probed:
    """Have FFmpeg read and decode `content`, and say what it is; `path` is where it may lie meanwhile."""
    path.write_bytes(content)
    what = ["-show_streams", "-show_packets", "-count_frames"]
    command = ["ffprobe", "-v", "warning", *what, "-of", "json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    return Probed(done.stderr, said["streams"], said["packets"])
