"""Lets what comes wait as it is while nothing is recorded: it is taken apart and signed when it is to be written."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from agent.core.errors import EdgeAgentError
from agent.recorder.pieces import Assembler, Moment, Piece, Tap

if TYPE_CHECKING:  # the ports load pydantic
    from agent.ports import Clock

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Batch:
    """Access units (Annex B) as they came, each with its capture time."""

    units: Sequence[tuple[int, bytes | memoryview]]
    key: bool
    """Whether the first one begins a group."""
    end_ns: int
    """When the last one was captured, or the next."""
    is_piece: bool
    """Whether they are a piece of their own, which ends at `end_ns`."""
    size: int
    moment: Moment
    """When they came."""

    @property
    def begin_ns(self) -> int:
        """When the first one was captured."""
        return self.units[0][0]


class Shelf(Protocol):
    """The recorder. Any thread."""

    @property
    def rests(self) -> bool:
        """Whether nothing is recorded, and nothing that was signed is in memory."""
        ...

    def keep(self, batch: Batch) -> bool:
        """Let it wait; return False if something is recorded, and pieces are wanted."""
        ...

    def take_batches(self) -> tuple[Sequence[Batch], bool]:
        """Return all that wait, and whether what came before them was dropped."""
        ...

    def newest_group(self) -> Sequence[Piece]:
        """Return the pieces of the newest group of pictures, oldest first."""
        ...

    def add(self, piece: Piece) -> None:
        """Take the newest piece."""
        ...


class Backlog:
    """Between what comes and what makes pieces of it. `begin` from any thread, the rest from one.

    After a restart it makes one piece at once, so that what can't be recorded is known before a press.
    """

    def __init__(self, assembler: Assembler, shelf: Shelf, clock: "Clock") -> None:
        self._assembler = assembler
        self._shelf = shelf
        self._clock = clock
        self._lock = threading.Lock()
        self._waits = False
        """Whether something came that the assembler has not had."""
        self._tries = True
        assembler.on_piece = self._add

    def add(self, units: Sequence[tuple[int, bytes | memoryview]], key: bool, end_ns: int | None = None) -> None:
        """Take access units; with `end_ns` they are a piece. Raises UnreadableVideoError."""
        size = sum(len(unit) for _, unit in units)
        moment = Moment.now(self._clock)
        end = min(end_ns or max(time_ns for time_ns, _ in units), moment.boottime_ns)  # or it would empty the ring
        batch = Batch(units, key, end, end_ns is not None, size, moment)
        with self._lock:
            is_idle = not self._tries and not self._assembler.is_tapped
            if is_idle and (key or self._waits):  # what waits begins with a group
                if not self._waits:
                    self._assembler.close(batch.begin_ns)
                if self._shelf.keep(batch):
                    self._waits = True
                    return
            self._fill()
            self._assemble(batch)

    @property
    def tries(self) -> bool:
        """Whether nothing of this stream has become a piece yet."""
        return self._tries

    def restart(self, parameters: bytes = b"") -> None:
        """Another stream begins: see Assembler."""
        with self._lock:
            self._fill()
            self._assembler.restart(parameters)
            self._tries = True

    def flush(self) -> None:
        """Nothing comes for now: see Assembler."""
        with self._lock:
            if not self._waits:
                self._assembler.flush()

    def begin(self, begin: Callable[[], bool]) -> None:
        """Begin a clip, which needs pieces: `begin` returns False while there are batches. What there is of the newest
        group follows at once."""
        if not begin():
            with self._lock:
                self._fill()
                begin()
        with self._lock:
            self._assembler.hand_on()

    def tap(self, tap: Tap) -> None:
        """Give `tap` each picture from now on, from the newest key frame on, in place of whoever had them before.
        Nothing waits meanwhile: what is given is what a clip would have."""
        with self._lock:
            self._fill()
            self._assembler.tap(tap, self._shelf.newest_group())

    def at_rest(self, do: Callable[[], object]) -> None:
        """Do something that must not come between two pieces, if this is a good time."""
        with self._lock:
            if self._shelf.rests:
                do()

    def _fill(self) -> None:
        if not self._waits:
            return
        self._waits = False
        batches, hole = self._shelf.take_batches()
        self._assembler.catch_up(hole=hole)
        for batch in batches:
            try:
                self._assemble(batch)
            except EdgeAgentError as error:
                _log.warning("a second of the camera is lost: %s", error)
                self._assembler.catch_up(hole=True)

    def _assemble(self, batch: Batch) -> None:
        for time_ns, unit in batch.units:
            self._assembler.add(bytes(unit), time_ns, batch.moment)
        if batch.is_piece:
            self._assembler.close(batch.end_ns)

    def _add(self, piece: Piece) -> None:
        self._tries = False
        self._shelf.add(piece)
