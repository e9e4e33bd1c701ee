"""The last seconds of a camera, in memory."""

from collections import deque
from itertools import pairwise

from agent.recorder.pieces import Piece


class Ring:
    """Holds whole groups of pictures: those that show anything of the last `seconds`, in at most `most_bytes`.

    It is not locked.
    """

    def __init__(self, seconds: float, most_bytes: int) -> None:
        self._keep_ns = round(seconds * 1e9)
        self._most_bytes = most_bytes
        self._pieces: deque[Piece] = deque()
        self.bytes = 0

    def add(self, piece: Piece) -> None:
        """Take the newest piece. One that needs a piece that is not here is dropped."""
        if not piece.key and not self._pieces:
            return
        self._pieces.append(piece)
        self.bytes += len(piece.media)
        self.prune(piece.end_ns)
        while self.bytes > self._most_bytes:
            self._drop_group()

    def prune(self, now_ns: int) -> None:
        """Drop what is too old, also when nothing follows."""
        while self._pieces and self._first_group()[-1].end_ns <= now_ns - self._keep_ns:
            self._drop_group()

    def pieces(self) -> tuple[Piece, ...]:
        """Return all of them, oldest first; the first one begins a group."""
        return tuple(self._pieces)

    @property
    def longest_group_ns(self) -> int:
        """The longest time from one key frame to the next, or to the newest picture."""
        edges = [piece.begin_ns for piece in self._pieces if piece.key]
        edges += [self._pieces[-1].end_ns] if edges else []
        return max((after - before for before, after in pairwise(edges)), default=0)

    def _first_group(self) -> list[Piece]:
        group = [self._pieces[0]]
        for number in range(1, len(self._pieces)):
            if self._pieces[number].key:
                break
            group.append(self._pieces[number])
        return group

    def _drop_group(self) -> None:
        for _ in self._first_group():
            self.bytes -= len(self._pieces.popleft().media)
