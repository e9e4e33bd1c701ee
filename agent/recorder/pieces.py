"""Makes pieces of about a second out of access units, each of which becomes one fragment of every clip that has it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, Protocol

from agent.trust.evidence.fragment import Fragment
from agent.trust.evidence.h264 import Kind, Unit, units
from agent.trust.evidence.mp4_write import Sample, fragment, ticks
from agent.trust.evidence.parameter_sets import ParameterSets, UnreadableVideoError, is_b

if TYPE_CHECKING:  # the ports load pydantic
    from agent.ports import Clock

LONGEST_NS = 1_200_000_000
"""A group of pictures that is longer is more than one piece, so that none of it waits for the rest."""
_LARGE, _MOST_UNITS = 1_000_000, 10_000
_STEP_NS = 100_000
"""Two pictures are at least this far apart, whatever their source says."""
_EARLY_NS, _LATE_NS = 5_000_000_000, 100_000_000
"""A capture time that is this long before or after now is wrong."""
_ELSEWHERE = {Kind.PARAMETERS, Kind.DELIMITER}
"""NAL units that an MP4 has in its init segment, or needs none of."""


class Signer(Protocol):
    """Signs groups of pictures in the stream itself. One thread."""

    def add(self, units: Sequence[Unit], t_ns: int) -> list[bytes]:
        """Take the NAL units of the next access unit; return those to write. `t_ns` is UTC, since 1970."""
        ...

    def put_off(self) -> None:
        """What comes next is late already: a key that is slow signs it afterwards."""
        ...

    def finish(self, t_ns: int) -> bytes:
        """Forget the stream: the next one begins with a key frame. What it returns belongs behind the last picture."""
        ...


class Tap(Protocol):
    """Whoever gets each picture as it is recorded, as long as it takes them. Never blocks."""

    def take(self, picture: "Taken") -> bool:
        """Take the next picture in decoding order; return False if it takes no more."""
        ...

    def close(self) -> None:
        """Another one has its place."""
        ...


class Taken(NamedTuple):
    """A picture as it is recorded."""

    parameters: ParameterSets
    key: bool
    time_ns: int
    media: bytes
    """NAL units, each behind its length (4 bytes), without parameter sets."""


class Moment(NamedTuple):
    """What the clocks said when something came."""

    boottime_ns: int
    wall: datetime
    timeq: str

    @classmethod
    def now(cls, clock: "Clock") -> "Moment":
        """Read them."""
        return cls(clock.boottime_ns(), clock.wall(), clock.quality().value)

    def wall_at(self, boottime_ns: int) -> datetime:
        """Return what the wall clock, as it goes now, said then."""
        return self.wall - timedelta(microseconds=(self.boottime_ns - boottime_ns) // 1000)


@dataclass(frozen=True, slots=True)
class Piece:
    """About a second of pictures, ready to be written into any clip."""

    parameters: ParameterSets
    key: bool
    """Whether it begins a group of pictures. One that does not needs the piece before it."""
    times_ns: tuple[int, ...]
    """When each picture was captured, in decoding order."""
    sizes: tuple[int, ...]
    end_ns: int
    """When its last picture ends."""
    media: bytes
    wall: datetime
    """What the wall clock said at `end_ns`."""
    timeq: str

    @property
    def begin_ns(self) -> int:
        """When its first picture was captured."""
        return min(self.times_ns)

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.media)

    def pictures(self) -> Iterator[Taken]:
        """Return its pictures, in decoding order."""
        at = 0
        for number, (time_ns, size) in enumerate(zip(self.times_ns, self.sizes, strict=True)):
            yield Taken(self.parameters, self.key and number == 0, time_ns, self.media[at : at + size])
            at += size

    def fragment(self, index: int, base_ns: int) -> Fragment:
        """Return it as fragment `index` of a clip that begins at `base_ns`."""
        shown = sorted(self.times_ns)
        edges = [ticks(each) for each in (*shown, self.end_ns)]
        samples = [
            Sample(size, after - decoded, self.key and number == 0, ticks(time_ns) - decoded)
            for number, (size, time_ns, (decoded, after)) in enumerate(
                zip(self.sizes, self.times_ns, pairwise(edges), strict=True)
            )
        ]
        data = fragment(index, edges[0] - ticks(base_ns), samples, self.media)
        begin = self.wall - timedelta(microseconds=(self.end_ns - shown[0]) // 1000)
        return Fragment(index, False, data, shown[0], self.end_ns, begin, self.wall, self.timeq)


@dataclass(frozen=True, slots=True)
class _Picture:
    time_ns: int
    early: bool
    """Whether it is shown before one that has come already."""
    media: bytes


class Assembler:
    """Puts access units into pieces and calls `on_piece` with each. One thread.

    Nothing is taken before the first IDR picture with its parameter sets, nor between `restart` and the next one.
    """

    def __init__(self, signer: Signer, clock: "Clock", on_piece: Callable[[Piece], None]) -> None:
        self._signer = signer
        self._clock = clock
        self._moment = Moment.now(clock)
        self.on_piece = on_piece
        self._tap: Tap | None = None
        self._parameters: ParameterSets | None = None
        self._of: ParameterSets | None = None
        """Those of the pictures at hand."""
        self._runs = False
        self._newest_ns = self._complete_ns = 0
        """The latest capture time, and until when pictures are in pieces already."""
        self._pictures: list[_Picture] = []
        self._key = False
        """Whether the first of them is a key frame."""
        self._reorders = False
        """Whether this stream has pictures out of order."""
        self.retimed = 0
        """Pictures whose source gave no usable time."""

    def restart(self, parameters: bytes = b"") -> None:
        """Another stream begins. `parameters` (Annex B) are those that it may lack."""
        self.flush()  # the signer goes on: the next group's first picture brings the signature of the last one at hand
        self._parameters = ParameterSets.found(units(parameters))
        self._runs = self._reorders = False

    def catch_up(self, *, hole: bool) -> None:
        """What comes next has waited. With a `hole`, what came before it was dropped: nothing of that is at hand."""
        if hole:
            self._pictures = []
            self._signer.finish(0)
            self._runs = False
        self._signer.put_off()

    def add(self, access_unit: bytes, boottime_ns: int, moment: Moment | None = None) -> None:
        """Take the next access unit (Annex B), captured at `boottime_ns`; `moment` is when it came, if not now.

        Raises UnreadableVideoError.
        """
        self._moment = moment or Moment.now(self._clock)
        if len(access_unit) > _LARGE and access_unit.count(b"\0\0\1") > _MOST_UNITS:
            raise UnreadableVideoError("the camera sends pictures in more parts than any camera has")
        found = units(access_unit)
        if any(unit.kind is Kind.PARAMETERS for unit in found):
            self._parameters = ParameterSets.found(found, self._parameters)
        pictures = [unit for unit in found if unit.kind is Kind.PICTURE]
        if self._parameters is None or not pictures:
            return
        key = pictures[0].starts_gop
        if key:
            _ = self._parameters.size  # one that can't be read must not get into a clip
        elif not self._runs:
            return
        self._runs = True
        time_ns, early = self._time(boottime_ns, pictures[0])
        kept = [unit for unit in found if unit.kind not in _ELSEWHERE]
        signed = self._signer.add(kept, self._wall_ns(time_ns))
        if self._pictures and not early and (key or time_ns - self._pictures[0].time_ns >= LONGEST_NS):
            self.close(time_ns)
        if not self._pictures:
            self._key, self._of = key, self._parameters
        media = b"".join([part for unit in signed for part in (len(unit).to_bytes(4, "big"), unit)])
        self._pictures.append(_Picture(time_ns, early, media))
        if self._tap is not None and not self._tap.take(Taken(self._parameters, key, time_ns, media)):
            self._tap = None

    @property
    def is_tapped(self) -> bool:
        """Whether somebody gets each picture at once."""
        return self._tap is not None

    def tap(self, tap: Tap, before: Sequence[Piece]) -> None:
        """Give `tap` the group of pictures at hand, which `before` begins with, and each one that follows."""
        pictures = [each for piece in before for each in piece.pictures()] if not (self._key and self._pictures) else []
        if self._of is not None:
            for number, each in enumerate(self._pictures):
                pictures.append(Taken(self._of, self._key and number == 0, each.time_ns, each.media))
        if self._tap is not None:
            self._tap.close()
        self._tap = tap if all(tap.take(each) for each in pictures) else None

    def hand_on(self) -> None:
        """Make a piece of what there is of a group that goes on, unless a picture still to come may belong into it."""
        if not self._reorders:
            self.flush()

    def flush(self) -> None:
        """Make a piece of what is there: no more pictures come for now."""
        self._moment = Moment.now(self._clock)
        self.close(None)

    def _time(self, given_ns: int, first: Unit) -> tuple[int, bool]:
        """Return when the picture was captured, and whether it is shown before the newest."""
        now_ns = self._moment.boottime_ns
        if not now_ns - _EARLY_NS <= given_ns <= now_ns + _LATE_NS:
            self.retimed += 1
            given_ns = now_ns
        if self._complete_ns <= given_ns < self._newest_ns and not first.starts_gop and is_b(first):
            self._reorders = True
            while any(given_ns == picture.time_ns for picture in self._pictures):
                given_ns += _STEP_NS
            return given_ns, True
        self._newest_ns = max(given_ns, self._newest_ns + _STEP_NS)
        return self._newest_ns, False

    def _wall_ns(self, time_ns: int) -> int:
        return round(self._moment.wall.timestamp() * 1e6) * 1000 - (self._moment.boottime_ns - time_ns)

    def close(self, next_ns: int | None) -> None:
        """Make a piece of what is at hand; the next one begins at `next_ns`, None if nobody knows."""
        pictures, self._pictures = self._pictures, []
        if not pictures or self._of is None:
            return
        times = tuple(picture.time_ns for picture in pictures)
        latest = max(times)
        usual_ns = (latest - min(times)) // (len(times) - 1) if len(times) > 1 else 40_000_000
        # With pictures out of order, the first to come is not the first to be shown.
        reordered = any(picture.early for picture in pictures)
        # What a source says of the next one counts only if it fits what became of these.
        fits = next_ns is not None and latest < next_ns <= self._moment.boottime_ns + _EARLY_NS
        end_ns = next_ns if next_ns is not None and fits and not reordered else latest + usual_ns
        self._complete_ns = latest
        self.on_piece(
            Piece(
                self._of,
                self._key,
                times,
                tuple(len(picture.media) for picture in pictures),
                end_ns,
                b"".join(picture.media for picture in pictures),
                self._moment.wall_at(end_ns),
                self._moment.timeq,
            )
        )
