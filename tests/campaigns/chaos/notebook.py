"""Where the finger notes each press: a file in shared memory, which a kill can't tear from our hands.

A press is noted twice: before the pin is driven and after the agent's own handling of the edge has returned. Both are
plain writes to memory, without a system call, so that noting gives no other thread of the agent a chance to run. What
was begun and never noted as done was cut off by a kill in the middle: nobody can say whether it was made.
"""

import mmap
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_RECORD = struct.Struct("<qqqq")
"""When it was begun, when it was done, which input, and whether it stayed dark."""
_DONE, _DONE_AT = struct.Struct("<q"), 8
_DARK, _DARK_AT = struct.Struct("<q"), 24
_CAPACITY = 50_000


@dataclass(frozen=True, slots=True)
class Press:
    """One press. Times are CLOCK_BOOTTIME in nanoseconds."""

    input: str
    begun_ns: int
    """Just before the pin was driven."""
    done_ns: int
    """When the agent's callback had returned; 0 when the process was killed before."""
    dark: bool
    """Yellow stayed off afterwards. Not judged for a press that a kill follows at once."""

    @property
    def certain(self) -> bool:
        """Whether the press was made for sure."""
        return self.done_ns > 0


class Notebook:
    """The same file in the agent's process, which writes, and in ours, which reads. It outlives every kill."""

    def __init__(self, path: Path, inputs: Sequence[str]) -> None:
        self._inputs = list(inputs)
        with path.open("a+b") as file:
            file.truncate(_RECORD.size * _CAPACITY)
            self._memory = mmap.mmap(file.fileno(), _RECORD.size * _CAPACITY)
        self._settled: list[Press] = []
        """What can't change any more: done, or cut off in an earlier life."""
        self._next = len(self.presses())

    def begin(self, name: str, now_ns: int) -> None:
        """The pin will be driven now."""
        assert self._next < _CAPACITY, "the notebook is full"
        _RECORD.pack_into(self._memory, self._next * _RECORD.size, now_ns, 0, self._inputs.index(name), 0)

    def done(self, now_ns: int) -> None:
        """The agent has handled the edge that was begun last."""
        _DONE.pack_into(self._memory, self._next * _RECORD.size + _DONE_AT, now_ns)
        self._next += 1

    def dark(self) -> None:
        """The press that was done last has lit no light."""
        _DARK.pack_into(self._memory, (self._next - 1) * _RECORD.size + _DARK_AT, 1)

    def presses(self) -> list[Press]:
        """Everything noted so far."""
        while True:
            press = self._read(len(self._settled))
            following = self._read(len(self._settled) + 1)
            if press is None or not (press.certain or following):
                return [*self._settled, *([press] if press else [])]
            self._settled.append(press)

    def close(self) -> None:
        """Let go of the file."""
        self._memory.close()

    def _read(self, number: int) -> Press | None:
        begun_ns, done_ns, which, dark = _RECORD.unpack_from(self._memory, number * _RECORD.size)
        return Press(self._inputs[which], begun_ns, done_ns, bool(dark)) if begun_ns else None
