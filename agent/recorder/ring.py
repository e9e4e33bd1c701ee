"""The last seconds of a camera, in memory."""

from collections import deque
from itertools import pairwise

from agent.recorder.backlog import Batch
from agent.recorder.pieces import Piece


class Ring:
    """Holds whole groups of pictures: those that show anything of the last `seconds`, in at most `most_bytes`.

    Pieces come first, and then batches that are to become pieces. It is not locked.
    """

    def __init__(self, seconds: float, most_bytes: int) -> None:
        self._keep_ns = round(seconds * 1e9)
        self._most_bytes = most_bytes
        self._pieces: deque[Piece | Batch] = deque()
        self.bytes = 0

    def add(self, piece: Piece | Batch) -> None:
        """Take the newest piece. One that needs a piece that is not here is dropped."""
        if not piece.key and not self._pieces:
            return
        self._pieces.append(piece)
        self.bytes += piece.size
        self.prune(piece.end_ns)
        while self.bytes > self._most_bytes:
            self._drop_group()

    def prune(self, now_ns: int) -> None:
        """Drop what is too old, also when nothing follows."""
        while self._pieces and self._ends_before(now_ns - self._keep_ns):
            self._drop_group()

    def pieces(self) -> tuple[Piece, ...]:
        """Return all of them, oldest first; the first one begins a group."""
        return tuple(each for each in self._pieces if isinstance(each, Piece))

    def newest_group(self) -> tuple[Piece, ...]:
        """Return the pieces of the newest group of pictures, oldest first."""
        pieces = self.pieces()
        begins = [number for number, piece in enumerate(pieces) if piece.key]
        return pieces[begins[-1] :] if begins else ()

    def take_batches(self) -> tuple[Batch, ...]:
        """Take the batches out, and return them."""
        batches: deque[Batch] = deque()
        while self._pieces and isinstance(last := self._pieces[-1], Batch):
            self._pieces.pop()
            batches.appendleft(last)
            self.bytes -= last.size
        return tuple(batches)

    @property
    def has_batches(self) -> bool:
        """Whether there are any."""
        return bool(self._pieces) and isinstance(self._pieces[-1], Batch)

    @property
    def begin_ns(self) -> int | None:
        """When the first picture was captured; None if there is none."""
        return self._pieces[0].begin_ns if self._pieces else None

    @property
    def longest_group_ns(self) -> int:
        """The longest time from one key frame to the next, or to the newest picture."""
        edges = [piece.begin_ns for piece in self._pieces if piece.key]
        edges += [self._pieces[-1].end_ns] if edges else []
        return max((after - before for before, after in pairwise(edges)), default=0)

    def _ends_before(self, time_ns: int) -> bool:
        """Whether the first group does."""
        return self._pieces[0].end_ns <= time_ns and self._first_group()[-1].end_ns <= time_ns

    def _first_group(self) -> list[Piece | Batch]:
        group = [self._pieces[0]]
        for number in range(1, len(self._pieces)):
            if self._pieces[number].key:
                break
            group.append(self._pieces[number])
        return group

    def _drop_group(self) -> None:
        for _ in self._first_group():
            self.bytes -= self._pieces.popleft().size
