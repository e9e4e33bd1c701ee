"""Makes pieces of about a second out of access units, each of which becomes one fragment of every clip that has it."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Protocol

from agent.evidence.fragment import Fragment
from agent.evidence.mp4_write import Sample, fragment, ticks
from agent.evidence.parameter_sets import DELIMITER, IDR, PPS, SLICE, SPS, ParameterSets, is_b, nal_units
from agent.ports import Clock

LONGEST_NS = 1_200_000_000
"""A group of pictures that is longer is more than one piece, so that none of it waits for the rest."""
_STEP_NS = 100_000
"""Two pictures are at least this far apart, whatever their source says."""
_EARLY_NS, _LATE_NS = 5_000_000_000, 100_000_000
"""A capture time that is this long before or after now is wrong."""
_ELSEWHERE = {SPS, PPS, DELIMITER}
"""NAL units that an MP4 has in its init segment, or needs none of."""


class Signer(Protocol):
    """Signs groups of pictures in the stream itself. One thread."""

    def add(self, access_unit: bytes, wall_ns: int) -> list[bytes]:
        """Take the next access unit; return those that can be written now, in order. Holds back at most one."""
        ...

    def end(self) -> list[bytes]:
        """Sign what has no signature yet; return what was held back."""
        ...


class Unsigned:
    """Signs nothing: for a device that has no key."""

    def add(self, access_unit: bytes, wall_ns: int) -> list[bytes]:  # noqa: ARG002
        """Return it."""
        return [access_unit]

    def end(self) -> list[bytes]:
        """Return nothing."""
        return []


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


@dataclass(slots=True)
class _Waiting:
    """What is known of an access unit that the signer has not given back."""

    time_ns: int
    key: bool
    early: bool
    """Whether it is shown before one that has come already."""
    parameters: ParameterSets


class Assembler:
    """Puts access units into pieces and calls `on_piece` with each. One thread.

    Nothing is taken before the first IDR picture with its parameter sets, nor between `restart` and the next one.
    """

    def __init__(self, signer: Signer, clock: Clock, on_piece: Callable[[Piece], None]) -> None:
        self._signer = signer
        self._clock = clock
        self._on_piece = on_piece
        self._parameters: ParameterSets | None = None
        self._runs = False
        self._newest_ns = self._complete_ns = 0
        """The latest capture time, and until when pictures are in pieces already."""
        self._signing: deque[_Waiting] = deque()
        self._pictures: list[tuple[_Waiting, bytes]] = []
        self.retimed = 0
        """Pictures whose source gave no usable time."""

    def restart(self, parameters: bytes = b"") -> None:
        """Another stream begins. `parameters` (Annex B) are those that it may lack."""
        self.flush(ended=True)
        self._parameters = ParameterSets.found(nal_units(parameters))
        self._runs = False

    def add(self, access_unit: bytes, boottime_ns: int) -> None:
        """Take the next access unit (Annex B), captured at `boottime_ns`. Raises UnreadableVideoError."""
        units = list(nal_units(access_unit))
        kinds = [unit[0] & 31 for unit in units]
        if SPS in kinds or PPS in kinds:
            self._parameters = ParameterSets.found(units, self._parameters)
        pictures = [unit for unit, kind in zip(units, kinds, strict=True) if SLICE <= kind <= IDR]
        if self._parameters is None or not pictures:
            return
        key = IDR in kinds
        if key:
            _ = self._parameters.size  # one that can't be read must not get into a clip
        elif not self._runs:
            return
        self._runs = True
        time_ns, early = self._time(boottime_ns, not key and is_b(pictures[0]))
        self._signing.append(_Waiting(time_ns, key, early, self._parameters))
        wall_ns = int(self._clock.wall().timestamp() * 1e6) * 1000 - (self._clock.boottime_ns() - time_ns)
        self._signed(self._signer.add(access_unit, wall_ns))

    def flush(self, *, ended: bool = False) -> None:
        """Make a piece of what is there: no more pictures come for now, or this stream has `ended`."""
        if ended and self._signing:
            self._signed(self._signer.end())
            self._signing.clear()
        self._close(None)

    def _time(self, given_ns: int, reordered: bool) -> tuple[int, bool]:
        """Return when the picture was captured, and whether it is shown before the newest."""
        now_ns = self._clock.boottime_ns()
        if not now_ns - _EARLY_NS <= given_ns <= now_ns + _LATE_NS:
            self.retimed += 1
            given_ns = now_ns
        if reordered and self._complete_ns <= given_ns < self._newest_ns:
            while any(given_ns == waiting.time_ns for waiting in self._known()):
                given_ns += _STEP_NS
            return given_ns, True
        self._newest_ns = max(given_ns, self._newest_ns + _STEP_NS)
        return self._newest_ns, False

    def _known(self) -> list[_Waiting]:
        return [waiting for waiting, _ in self._pictures] + list(self._signing)

    def _signed(self, access_units: list[bytes]) -> None:
        for access_unit in access_units:
            waiting = self._signing.popleft()
            if self._pictures and not waiting.early:
                first = self._pictures[0][0]
                if waiting.key or waiting.time_ns - first.time_ns >= LONGEST_NS:
                    self._close(waiting.time_ns)
            units = (unit for unit in nal_units(access_unit) if unit[0] & 31 not in _ELSEWHERE)
            self._pictures.append((waiting, b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)))

    def _close(self, next_ns: int | None) -> None:
        pictures, self._pictures = self._pictures, []
        if not pictures:
            return
        times = tuple(waiting.time_ns for waiting, _ in pictures)
        latest = max(times)
        usual_ns = (latest - min(times)) // (len(times) - 1) if len(times) > 1 else 40_000_000
        # With pictures out of order, the first to come is not the first to be shown.
        reordered = any(waiting.early for waiting, _ in pictures)
        end_ns = latest + usual_ns if reordered or next_ns is None else next_ns
        self._complete_ns = latest
        first = pictures[0][0]
        behind = timedelta(microseconds=(self._clock.boottime_ns() - end_ns) // 1000)
        self._on_piece(
            Piece(
                first.parameters,
                first.key,
                times,
                tuple(len(media) for _, media in pictures),
                end_ns,
                b"".join(media for _, media in pictures),
                self._clock.wall() - behind,
                self._clock.quality().value,
            )
        )
